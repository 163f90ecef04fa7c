#include "tools/sluice/record_csv.hpp"

#include "tools/sluice/text.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace sluice::cli {
namespace {

using Fields = std::vector<std::string>;

void append_field(std::string& out, std::string_view text) {
  if (text.find_first_of("\",\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

// The field and its type.
void append_bytes(std::string& out, const std::optional<Bytes>& bytes) {
  if (!bytes) {
    out += ",null";
  } else if (is_utf8(as_text(*bytes))) {
    append_field(out, as_text(*bytes));
    out += ",text";
  } else {
    append_base64(out, as_text(*bytes));
    out += ",base64";
  }
}

// The fields of one whole row. Nothing: a quote stands where none may.
std::optional<Fields> split(std::string_view row) {
  if (row.ends_with('\r')) row.remove_suffix(1);
  Fields fields;
  for (;;) {
    std::string field;
    if (row.starts_with('"')) {
      row.remove_prefix(1);
      for (;;) {
        const auto quote = row.find('"');
        if (quote == std::string_view::npos) return std::nullopt;
        field += row.substr(0, quote);
        row.remove_prefix(quote + 1);
        if (!row.starts_with('"')) break;
        field += '"';
        row.remove_prefix(1);
      }
      if (!row.empty() && row.front() != ',') return std::nullopt;
    } else {
      const auto comma = std::min(row.find(','), row.size());
      field = row.substr(0, comma);
      row.remove_prefix(comma);
    }
    fields.push_back(std::move(field));
    if (row.empty()) return fields;
    row.remove_prefix(1);
  }
}

bool read_number(std::string_view text, std::int64_t& number) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  return ec == std::errc{} && end == text.data() + text.size();
}

// Makes of a field what its type says. False: it is not of that type.
bool apply_type(std::string_view type, std::optional<std::string>& field) {
  if (type == "null")
    field.reset();
  else if (type == "base64" && field)
    field = base64_decode(*field);
  else
    return type == "text";
  return type == "null" || field.has_value();
}

}  // namespace

void append_record_csv(std::string& out, const RecordView& record) {
  append_field(out, record.topic);
  for (const std::int64_t number :
       {std::int64_t{record.partition}, record.offset, record.timestamp_ms}) {
    out += ',';
    out += std::to_string(number);
  }
  out += ',';
  append_bytes(out, record.key);
  out += ',';
  append_bytes(out, record.value);
  out += ',';
  if (record.headers.empty()) {
    out += "[]\n";
    return;
  }
  std::string headers;
  append_headers_json(headers, record.headers);
  append_field(out, headers);
  out += '\n';
}

bool is_whole_csv_row(std::string_view text) {
  return std::count(text.begin(), text.end(), '"') % 2 == 0;
}

std::expected<CsvParser, std::string> CsvParser::create(std::string_view names) {
  CsvParser parser;
  if (names.starts_with("\xef\xbb\xbf")) names.remove_prefix(3);  // a byte order mark
  auto columns = split(names);
  if (!columns) return std::unexpected("the first row names no columns");
  parser.columns_ = std::move(*columns);
  for (const auto& column : parser.columns_)
    if (("," + std::string(csv_columns.substr(0, csv_columns.size() - 1)) + ",")
            .find("," + column + ",") == std::string::npos)
      return std::unexpected("no column is called '" + column + "'; there are " +
                             std::string(csv_columns.substr(0, csv_columns.size() - 1)));
  return parser;
}

std::expected<ParsedRecord, std::string> CsvParser::parse(std::string_view row) const {
  auto fields = split(row);
  if (!fields) return std::unexpected("a quote stands where none may");
  if (fields->size() != columns_.size())
    return std::unexpected(std::to_string(fields->size()) + " fields for " +
                           std::to_string(columns_.size()) + " columns");
  ParsedRecord record;
  for (const bool types : {false, true}) {  // a type changes what its field has set
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const auto& column = columns_[i];
      auto& field = (*fields)[i];
      if (column.ends_with("_type") != types) continue;
      std::int64_t number = 0;
      bool good = true;
      if (column == "topic") {
        record.topic = std::move(field);
      } else if (column == "key") {
        record.key = std::move(field);
      } else if (column == "value") {
        record.value = std::move(field);
      } else if (column == "key_type") {
        good = apply_type(field, record.key);
      } else if (column == "value_type") {
        good = apply_type(field, record.value);
      } else if (column == "headers") {
        auto headers = parse_headers_json(field.empty() ? "[]" : field);
        if (!headers) return std::unexpected(headers.error());
        record.headers = std::move(*headers);
      } else {
        good = read_number(field, number);
        if (column == "timestamp") record.timestamp_ms = number;
        if (column == "partition") {
          good = good && number >= 0 && std::in_range<PartitionIndex>(number);
          record.partition = static_cast<PartitionIndex>(number);
        }
      }
      if (!good) return std::unexpected("'" + field + "' is no " + column);
    }
  }
  return record;
}

}  // namespace sluice::cli
