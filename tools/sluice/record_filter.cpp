#include "tools/sluice/record_filter.hpp"

#include "client/redrive/json_field.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstring>
#include <re2/re2.h>

namespace sluice::cli {
namespace {

bool has(std::string_view text, std::string_view part) {
  return part.empty() || memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

// Whether a JSON text can hold a field of this value: it is spelled out in it, unless escapes hide
// it. Spares most records the parsing.
bool may_hold(std::string_view json, std::string_view value) {
  return has(json, value) || json.find('\\') != std::string_view::npos;
}

std::expected<std::unique_ptr<RE2>, std::string> make_regex(
    const std::optional<std::string>& pattern, const char* option) {
  if (!pattern) return nullptr;
  RE2::Options settings;
  settings.set_log_errors(false);
  auto made = std::make_unique<RE2>(*pattern, settings);
  if (!made->ok())
    return std::unexpected(std::string(option) + " '" + *pattern + "': " + made->error());
  return made;
}

bool regex_matches(const RE2* regex, const std::optional<Bytes>& bytes) {
  if (!regex) return true;
  if (!bytes) return false;
  const std::string_view text = as_text(*bytes);
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *regex);
}

}  // namespace

struct RecordFilter::Regexes {
  std::unique_ptr<RE2> key;
  std::unique_ptr<RE2> value;
};

RecordFilter::RecordFilter() : regexes_(std::make_unique<Regexes>()) {}
RecordFilter::~RecordFilter() = default;
RecordFilter::RecordFilter(RecordFilter&&) noexcept = default;
RecordFilter& RecordFilter::operator=(RecordFilter&&) noexcept = default;

std::expected<RecordFilter, std::string> RecordFilter::compile(const FilterOptions& options) {
  RecordFilter filter;
  filter.key_ = options.key;
  filter.key_prefix_ = options.key_prefix;
  filter.contains_ = options.contains;
  const auto wanted = [](const std::string& text) {
    const auto equals = text.find('=');
    Wanted made{.name = text.substr(0, equals), .value = {}};
    if (equals != std::string::npos) made.value = text.substr(equals + 1);
    return made;
  };
  for (const auto& text : options.headers) filter.headers_.push_back(wanted(text));
  for (const auto& text : options.fields) {
    filter.fields_.push_back(wanted(text));
    if (!client::is_json_path(filter.fields_.back().name))
      return std::unexpected("--field '" + text +
                             "' is not PATH or PATH=VALUE, as in "
                             "order.items[0].sku=7");
  }
  auto key = make_regex(options.key_regex, "--key-regex");
  if (!key) return std::unexpected(key.error());
  auto value = make_regex(options.regex, "--regex");
  if (!value) return std::unexpected(value.error());
  filter.regexes_->key = std::move(*key);
  filter.regexes_->value = std::move(*value);
  return filter;
}

bool RecordFilter::matches(const RecordView& record) const {
  return time_matches(record) && key_matches(record.key) && headers_match(record) &&
         value_matches(record.value);
}

bool RecordFilter::time_matches(const RecordView& record) const {
  return (!from_ms_ || record.timestamp_ms >= *from_ms_) &&
         (!to_ms_ || record.timestamp_ms < *to_ms_);
}

bool RecordFilter::key_matches(const std::optional<Bytes>& key) const {
  if (key_ && (!key || as_text(*key) != *key_)) return false;
  if (key_prefix_ && (!key || !as_text(*key).starts_with(*key_prefix_))) return false;
  return regex_matches(regexes_->key.get(), key);
}

bool RecordFilter::value_matches(const std::optional<Bytes>& value) const {
  if (!value) return contains_.empty() && fields_.empty() && !regexes_->value;
  const std::string_view text = as_text(*value);
  for (const auto& part : contains_)
    if (!has(text, part)) return false;
  for (const auto& field : fields_) {
    if (field.value && !may_hold(text, *field.value)) return false;
    const auto found = client::json_field(text, field.name);
    if (!found || (field.value && *found != *field.value)) return false;
  }
  return regex_matches(regexes_->value.get(), value);
}

bool RecordFilter::headers_match(const RecordView& record) const {
  return std::all_of(headers_.begin(), headers_.end(), [&](const Wanted& wanted) {
    for (const auto& header : record.headers) {
      if (header.key != wanted.name) continue;
      if (!wanted.value || (header.value && as_text(*header.value) == *wanted.value)) return true;
    }
    return false;
  });
}

void add_filter_options(CLI::App& command, FilterOptions& options) {
  command.add_option("-k,--key", options.key, "The key is this");
  command.add_option("--key-prefix", options.key_prefix, "The key begins with this");
  command.add_option("--key-regex", options.key_regex, "The key has a match of this (RE2)");
  command.add_option("-c,--contains", options.contains, "The value has this in it; may repeat");
  command.add_option("-r,--regex", options.regex, "The value has a match of this (RE2)");
  command.add_option("-H,--header", options.headers, "NAME or NAME=VALUE; may repeat");
  command.add_option("--field", options.fields,
                     "PATH or PATH=VALUE in a JSON value, e.g. order.items[0].sku=7; may repeat");
}

}  // namespace sluice::cli
