// Any text where commands of `sluice` read some: it is taken or refused with a reason, and a record
// that was read is the same after it was written and read again.
//
// Input: a letter for what is read, and the text. Of a filter or a format, a 0 comes before the
// line of JSON that it is used on.
#include "base/check.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/record.hpp"
#include "tools/sluice/check.hpp"
#include "tools/sluice/contexts.hpp"
#include "tools/sluice/event.hpp"
#include "tools/sluice/group_reset.hpp"
#include "tools/sluice/reading.hpp"
#include "tools/sluice/record_csv.hpp"
#include "tools/sluice/record_filter.hpp"
#include "tools/sluice/record_format.hpp"
#include "tools/sluice/record_json.hpp"
#include "tools/sluice/text.hpp"
#include "tools/sluice/trace_context.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::cli {
namespace {

constexpr std::int64_t now_ms = 1'700'000'000'000;

std::optional<Bytes> bytes_of(const std::optional<std::string>& text) {
  return text ? std::optional(as_bytes(*text)) : std::nullopt;
}

// Calls `see` with the record as a consumer would have it.
void view(const ParsedRecord& parsed, auto see) {
  std::vector<Header> headers;
  for (const OwnedHeader& header : parsed.headers)
    headers.push_back({header.key, bytes_of(header.value)});
  std::vector<std::byte> area;
  protocol::put_record(
      {.key = bytes_of(parsed.key), .value = bytes_of(parsed.value), .headers = headers}, 0, 0,
      area);
  protocol::Record record;
  SLUICE_CHECK(protocol::parse_record(area, record) == area.size());
  const std::string topic = parsed.topic.value_or("orders");
  see(RecordView{.topic = topic,
                 .partition = parsed.partition.value_or(0),
                 .offset = 7,
                 .timestamp_ms = parsed.timestamp_ms.value_or(now_ms),
                 .key = record.key,
                 .value = record.value,
                 .headers = record.headers});
}

bool same(const std::vector<OwnedHeader>& a, const std::vector<OwnedHeader>& b) {
  return std::ranges::equal(a, b, [](const OwnedHeader& x, const OwnedHeader& y) {
    return x.key == y.key && x.value == y.value;
  });
}

void check_same(const ParsedRecord& before, const ParsedRecord& after) {
  SLUICE_CHECK(after.key == before.key && after.value == before.value);
  SLUICE_CHECK(same(after.headers, before.headers));
  SLUICE_CHECK(after.partition == before.partition.value_or(0));
  SLUICE_CHECK(after.timestamp_ms == before.timestamp_ms.value_or(now_ms));
  if (before.topic) SLUICE_CHECK(after.topic == before.topic);
}

// A topic and the keys of headers are text everywhere; JSON lines may say them in base64.
bool is_text(const ParsedRecord& record) {
  return is_utf8(record.topic.value_or("")) &&
         std::ranges::all_of(record.headers, [](const auto& one) { return is_utf8(one.key); });
}

void use_record(const ParsedRecord& record) {
  if (!is_text(record)) return;
  view(record, [&](const RecordView& seen) {
    std::string json;
    append_record_json(json, seen);
    const auto by_json = parse_record_json(json);
    SLUICE_CHECK(by_json.has_value());
    check_same(record, *by_json);

    std::string csv;
    append_record_csv(csv, seen);
    SLUICE_CHECK(csv.ends_with('\n') && is_whole_csv_row(csv));
    const auto parser = CsvParser::create(csv_columns.substr(0, csv_columns.size() - 1));
    const auto by_csv = parser->parse(std::string_view(csv).substr(0, csv.size() - 1));
    SLUICE_CHECK(by_csv.has_value());
    check_same(record, *by_csv);
  });
}

void use_json(std::string_view text) {
  (void)find_event(text);
  (void)parse_headers_json(text);
  if (const auto record = parse_record_json(text)) use_record(*record);
}

void use_csv(std::string_view text) {
  const std::string_view names = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), names.size() + 1));
  const auto parser = CsvParser::create(names);
  if (!parser) return;
  (void)is_whole_csv_row(text);
  if (const auto record = parser->parse(text)) use_record(*record);
}

// Both parts of the input; the second as a record.
void use_on_record(std::string_view text, auto use) {
  const std::string first(text.substr(0, text.find('\0')));
  text.remove_prefix(std::min(text.size(), first.size() + 1));
  const auto record = parse_record_json(text);
  view(record.value_or(ParsedRecord{}), [&](const RecordView& seen) { use(first, seen); });
}

void use_filter(std::string_view text) {
  use_on_record(text, [](const std::string& wanted, const RecordView& record) {
    for (const auto member : {&FilterOptions::key_regex, &FilterOptions::regex}) {
      FilterOptions options;
      options.*member = wanted;
      if (const auto filter = RecordFilter::compile(options)) (void)filter->matches(record);
    }
    FilterOptions options{.key_prefix = wanted, .headers = {wanted}};
    SLUICE_CHECK(RecordFilter::compile(options).has_value());
    options = {.fields = {wanted}};
    if (const auto filter = RecordFilter::compile(options)) (void)filter->matches(record);
  });
}

void use_format(std::string_view text) {
  use_on_record(text, [](const std::string& wanted, const RecordView& record) {
    std::string out;
    if (const auto format = RecordFormat::parse(wanted)) format->append(out, record);
  });
}

void use_place(std::string_view text) {
  if (const auto time = parse_time(text, now_ms)) {
    SLUICE_CHECK(*time >= 0);
    (void)iso_time(*time);
  }
  if (const auto place = parse_place(text, now_ms)) {
    SLUICE_CHECK(place->number >= 0);
    SLUICE_CHECK(shifted(place->number, place->number) >= place->number);
  }
}

void use_names(std::string_view text) {
  if (const auto selection = parse_topic_selection(text)) SLUICE_CHECK(!selection->topic.empty());
  if (const auto context = parse_trace_argument(text)) {
    SLUICE_CHECK(context->trace_id.size() == 32);
    SLUICE_CHECK(parse_trace_argument(context->trace_id).has_value());
  }
  (void)nearest(text.substr(0, 100), {"orders", "payments"});
  (void)parse_threshold(text, Threshold::Bad::high);
  if (const auto decoded = base64_decode(text))
    SLUICE_CHECK(base64_decode(base64_encode(*decoded)) == decoded);
  SLUICE_CHECK(unescape(text).size() <= text.size());
  Context context;
  for (const std::string& field : context_fields())
    (void)set_field(context, field, std::string(text));
}

void use(std::string_view input) {
  if (input.empty()) return;
  const char kind = input.front();
  input.remove_prefix(1);
  switch (kind) {
    case 'J':
      return use_json(input);
    case 'C':
      return use_csv(input);
    case 'F':
      return use_filter(input);
    case '%':
      return use_format(input);
    case '@':
      return use_place(input);
    default:
      return use_names(input);
  }
}

}  // namespace
}  // namespace sluice::cli

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::cli::use({reinterpret_cast<const char*>(data), size});
  return 0;
}
