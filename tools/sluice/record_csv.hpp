// A record as a row of CSV (RFC 4180), and back, without losing a byte.
//
//   topic,partition,offset,timestamp,key,key_type,value,value_type,headers
//   orders,0,7,1420070400000,42,text,,null,"[{""key"":""type"",""value"":""Created""}]"
//
// A type is "text", "base64" (of bytes that are not UTF-8) or "null". Headers are JSON, as in
// record_json.hpp.
#pragma once

#include "sluice/consumer.hpp"
#include "tools/sluice/record_json.hpp"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

inline constexpr std::string_view csv_columns =
    "topic,partition,offset,timestamp,key,key_type,value,value_type,headers\n";

// Appends the row with its '\n'.
void append_record_csv(std::string& out, const RecordView& record);

// Whether a row ends where `text` does, and not within a quoted field.
bool is_whole_csv_row(std::string_view text);

// Reads rows of the columns that the first row names, in any order. Without a type column a key or
// value is text; without its own column it is null.
class CsvParser {
 public:
  // `names` is the first row. The error is a sentence.
  static std::expected<CsvParser, std::string> create(std::string_view names);
  std::expected<ParsedRecord, std::string> parse(std::string_view row) const;

 private:
  std::vector<std::string> columns_;
};

}  // namespace sluice::cli
