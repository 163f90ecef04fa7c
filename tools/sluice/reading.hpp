// Which records of a cluster a command reads: partitions, from where, up to where. What `consume`,
// `search`, `tail` and `export` share.
#pragma once

#include "sluice/consumer.hpp"
#include "tools/sluice/cli.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::cli {

// A place in each partition.
struct Place {
  enum class Kind : std::uint8_t { start, end, offset, last, skip, time };
  Kind kind = Kind::start;
  std::int64_t number = 0;  // offset; records from the end or the start; ms since the epoch
};

// "start", "end", "7" (offset), "-7" (seven before the end), "+7" (seven after the start), "@TIME"
// (see parse_time). Nothing for anything else.
std::optional<Place> parse_place(std::string_view text, std::int64_t now_ms);

// `offset` + `by`, at most the largest offset. Requires: offset >= 0.
Offset shifted(Offset offset, std::int64_t by);

// As given on the command line.
struct ReadOptions {
  std::vector<std::string> topics;
  std::vector<std::int32_t> partitions;  // empty: all
  std::optional<std::string> from;
  std::optional<std::string> to;
  bool until_end = false;
  bool read_committed = false;
};
void add_read_options(CLI::App& command, ReadOptions& options);
// What both ends of the range say. The error is a sentence for the person.
struct Range {
  std::optional<Place> from;
  std::optional<Place> to;  // reads on for ever without one
};
std::expected<Range, std::string> parse_range(const ReadOptions& options, std::int64_t now_ms);

// Reads a range of partitions that are assigned by hand or, with a group, by its members.
class Reader {
 public:
  // `settings` says what is not in `options`: the group above all.
  // Errors: as Consumer's; Errc::unknown_topic with the topic, or a sentence, in the context.
  static Result<Reader> open(ConsumerOptions settings, const ReadOptions& options, Range range);

  Consumer& consumer() { return consumer_; }
  // Waits a moment for records; some may lie outside of the range: see wanted(). Partitions that
  // were read up to their end are asked for no more. Errors: as Consumer::poll().
  Result<Consumer::Records> poll();
  // Whether a record that poll() gave lies within the range.
  bool wanted(const RecordView& record);
  // Whether all partitions that we hold were read up to the range's end.
  bool at_end() const;
  // Offsets between both ends of all partitions: records, when none is missing. 0 without an end.
  std::uint64_t total() const { return total_; }

 private:
  explicit Reader(Consumer consumer) : consumer_(std::move(consumer)) {}
  Result<> begin(const ReadOptions& options, bool grouped);
  Result<Consumer::Offsets> offsets_at(const Consumer::Partitions& partitions, const Place& place);
  void pause_finished();

  Consumer consumer_;
  Range range_;
  Consumer::Offsets ends_;  // where to stop; empty: nowhere
  std::uint64_t total_ = 0;
  // Whose record was asked for last, since records come in runs.
  std::string topic_;
  PartitionIndex partition_ = -1;
  Offset end_ = 0;
};

// Settings for reading much, without a group.
ConsumerOptions bulk_settings(const Global& global);
// Calls `take` for what a poll of `reader` gave, until the range's end, an interrupt, or until it
// returns false. A broker that restarts is waited for. Complains of what goes wrong.
template <class Take>
Exit read_all(const Global& global, Reader& reader, Take take);
// Complains of an error of Reader::open(), with the names that are near.
Exit complain_of_reading(const Global& global, const Error& error);

template <class Take>
Exit read_all(const Global& global, Reader& reader, Take take) {
  using Clock = std::chrono::steady_clock;
  auto heard = Clock::now();
  while (!interrupted() && !reader.at_end()) {
    const auto records = reader.poll();
    if (!records) {
      const bool may_pass = exit_for(records.error()) == Exit::unreachable;
      if (!may_pass || Clock::now() - heard >= global.timeout())
        return complain(global, records.error());
      continue;
    }
    heard = Clock::now();
    if (!take(*records)) break;
  }
  return Exit::ok;
}

}  // namespace sluice::cli
