#include "tools/sluice/record_json.hpp"

#include "tools/sluice/text.hpp"

#include <boost/json.hpp>

#include <utility>

namespace sluice::cli {
namespace {

namespace json = boost::json;

void append_bytes(std::string& out, std::string_view name, const std::optional<Bytes>& bytes) {
  const bool text = !bytes || is_utf8(as_text(*bytes));
  out += '"';
  out += name;
  out += text ? "\":" : "_base64\":";
  if (!bytes) {
    out += "null";
  } else if (text) {
    append_json_string(out, as_text(*bytes));
  } else {
    out += '"';
    append_base64(out, as_text(*bytes));
    out += '"';
  }
}

struct BadLine {
  std::string why;
};

// NAME, or the decoded NAME_base64; nothing when null or missing.
std::optional<std::string> bytes_of(const json::object& object, const std::string& name) {
  if (const auto* text = object.if_contains(name); text && !text->is_null()) {
    if (!text->is_string()) throw BadLine{name + " is not a string"};
    return std::string(text->get_string());
  }
  const auto* encoded = object.if_contains(name + "_base64");
  if (!encoded || encoded->is_null()) return std::nullopt;
  if (!encoded->is_string()) throw BadLine{name + "_base64 is not a string"};
  auto decoded = base64_decode(std::string_view(encoded->get_string()));
  if (!decoded) throw BadLine{name + "_base64 is not base64"};
  return decoded;
}

std::optional<std::int64_t> number_of(const json::object& object, const char* name) {
  const auto* number = object.if_contains(name);
  if (!number || number->is_null()) return std::nullopt;
  json::error_code failed;
  const auto value = number->to_number<std::int64_t>(failed);
  if (failed) throw BadLine{std::string(name) + " is not a whole number"};
  return value;
}

std::vector<OwnedHeader> headers_of(const json::value& value) {
  if (!value.is_array()) throw BadLine{"headers is not an array"};
  std::vector<OwnedHeader> headers;
  for (const auto& header : value.get_array()) {
    if (!header.is_object()) throw BadLine{"a header is not an object"};
    auto key = bytes_of(header.get_object(), "key");
    if (!key) throw BadLine{"a header has no key"};
    headers.push_back({std::move(*key), bytes_of(header.get_object(), "value")});
  }
  return headers;
}

ParsedRecord record_of(const json::value& value) {
  if (!value.is_object()) throw BadLine{"not a JSON object"};
  const auto& object = value.get_object();
  ParsedRecord record;
  record.topic = bytes_of(object, "topic");
  if (const auto partition = number_of(object, "partition")) {
    if (*partition < 0 || !std::in_range<PartitionIndex>(*partition))
      throw BadLine{"'" + std::to_string(*partition) + "' is no partition"};
    record.partition = static_cast<PartitionIndex>(*partition);
  }
  record.timestamp_ms = number_of(object, "timestamp");
  record.key = bytes_of(object, "key");
  record.value = bytes_of(object, "value");
  const auto* headers = object.if_contains("headers");
  if (headers && !headers->is_null()) record.headers = headers_of(*headers);
  return record;
}

// Parses, and reads the value with `read`, which may throw BadLine.
template <class Read>
auto parse_and(Read read, std::string_view text)
    -> std::expected<decltype(read(json::value{})), std::string> {
  json::error_code failed;
  const auto value = json::parse(json::string_view(text.data(), text.size()), failed);
  if (failed) return std::unexpected("not JSON: " + failed.message());
  try {
    return read(value);
  } catch (const BadLine& bad) {
    return std::unexpected(bad.why);
  }
}

}  // namespace

void append_record_json(std::string& out, const RecordView& record) {
  out += "{\"topic\":";
  append_json_string(out, record.topic);
  out += ",\"partition\":";
  out += std::to_string(record.partition);
  out += ",\"offset\":";
  out += std::to_string(record.offset);
  out += ",\"timestamp\":";
  out += std::to_string(record.timestamp_ms);
  out += ',';
  append_bytes(out, "key", record.key);
  out += ',';
  append_bytes(out, "value", record.value);
  out += ",\"headers\":";
  append_headers_json(out, record.headers);
  out += '}';
}

void append_headers_json(std::string& out, const Headers& headers) {
  out += '[';
  bool first = true;
  for (const auto& header : headers) {
    out += first ? "{" : ",{";
    first = false;
    append_bytes(out, "key", as_bytes(header.key));
    out += ',';
    append_bytes(out, "value", header.value);
    out += '}';
  }
  out += ']';
}

std::expected<ParsedRecord, std::string> parse_record_json(std::string_view line) {
  return parse_and(record_of, line);
}

std::expected<std::vector<OwnedHeader>, std::string> parse_headers_json(std::string_view text) {
  return parse_and(headers_of, text);
}

}  // namespace sluice::cli
