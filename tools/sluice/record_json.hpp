// A record as one line of JSON, and back, without losing a byte.
//
//   {"topic":"orders","partition":0,"offset":7,"timestamp":1420070400000,"key":"42","value":null,
//    "headers":[{"key":"type","value":"Created"}]}
//
// Bytes that are not UTF-8 come as base64 under NAME_base64 (key_base64, value_base64). Null is
// null; a missing key or value reads as null.
#pragma once

#include "sluice/consumer.hpp"

#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::cli {

// Appends the line without its '\n'.
void append_record_json(std::string& out, const RecordView& record);
// Only the array of its headers.
void append_headers_json(std::string& out, const Headers& headers);

// What a line to produce says. Members that are missing are empty.
struct ParsedRecord {
  std::optional<std::string> topic;
  std::optional<PartitionIndex> partition;
  std::optional<std::int64_t> timestamp_ms;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<OwnedHeader> headers;
};
// The error says what is wrong with the line.
std::expected<ParsedRecord, std::string> parse_record_json(std::string_view line);
std::expected<std::vector<OwnedHeader>, std::string> parse_headers_json(std::string_view text);

}  // namespace sluice::cli
