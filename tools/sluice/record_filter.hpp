// Which records `sluice search` and `sluice tail` show.
#pragma once

#include "sluice/consumer.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::cli {

// As given on the command line. A record must meet all of them.
struct FilterOptions {
  std::optional<std::string> key;
  std::optional<std::string> key_prefix;
  std::vector<std::string> contains;  // somewhere in the value
  std::vector<std::string> headers;   // NAME or NAME=VALUE
  std::optional<std::string> regex;   // somewhere in the value; RE2
  std::optional<std::string> key_regex;
  std::vector<std::string> fields;  // PATH or PATH=VALUE in a JSON value
};
void add_filter_options(CLI::App& command, FilterOptions& options);

// Compiled once. matches() takes time linear in the record, whatever the expression is.
class RecordFilter {
 public:
  // The error is a sentence for the person.
  static std::expected<RecordFilter, std::string> compile(const FilterOptions& options);
  ~RecordFilter();
  RecordFilter(RecordFilter&&) noexcept;
  RecordFilter& operator=(RecordFilter&&) noexcept;

  bool matches(const RecordView& record) const;
  // Only records stamped in [from, to) match.
  void limit_times(std::optional<std::int64_t> from_ms, std::optional<std::int64_t> to_ms) {
    from_ms_ = from_ms;
    to_ms_ = to_ms;
  }

 private:
  struct Regexes;
  // What a header or a field must be; without a value it must only be there.
  struct Wanted {
    std::string name;
    std::optional<std::string> value;
  };
  RecordFilter();
  bool time_matches(const RecordView& record) const;
  bool key_matches(const std::optional<Bytes>& key) const;
  bool value_matches(const std::optional<Bytes>& value) const;
  bool headers_match(const RecordView& record) const;

  std::optional<std::int64_t> from_ms_;
  std::optional<std::int64_t> to_ms_;
  std::optional<std::string> key_;
  std::optional<std::string> key_prefix_;
  std::vector<std::string> contains_;
  std::vector<Wanted> headers_;
  std::vector<Wanted> fields_;
  std::unique_ptr<Regexes> regexes_;
};

}  // namespace sluice::cli
