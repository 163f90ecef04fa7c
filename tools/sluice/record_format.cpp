#include "tools/sluice/record_format.hpp"

#include "tools/sluice/record_json.hpp"
#include "tools/sluice/text.hpp"

#include <charconv>

namespace sluice::cli {
namespace {

constexpr std::size_t borrow_min = 512;  // bytes; fewer are copied in less time than told about
constexpr std::string_view directives = "tpokshTdKS";
constexpr std::string_view encodings = "xbj";

void append_number(std::string& out, std::int64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

void append_size(std::string& out, const std::optional<Bytes>& bytes) {
  append_number(out, bytes ? static_cast<std::int64_t>(bytes->size()) : -1);
}

void append_hex(std::string& out, Bytes bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const auto byte : bytes) {
    out += digits[std::to_integer<unsigned>(byte) >> 4];
    out += digits[std::to_integer<unsigned>(byte) & 15];
  }
}

void append_headers(std::string& out, const RecordView& record) {
  bool first = true;
  for (const auto& header : record.headers) {
    if (!first) out += ',';
    first = false;
    out += header.key;
    out += '=';
    out += header.value ? as_text(*header.value) : "NULL";
  }
}

// What a word stands for; the text itself when it is none.
std::string_view template_of(std::string_view text) {
  if (text == "hex") return "%o\\t%x{k}\\t%x{s}\\n";
  if (text == "raw") return "%s";
  return text;
}

std::string unknown_directive(std::string_view rest) {
  return "the format has no %" + std::string(rest.substr(0, 1)) +
         "; it knows %t %p %o %k %s %h %T %d %K %S %% and %x{k} %b{k} %j{k}, %x{s} %b{s} %j{s}";
}

}  // namespace

std::expected<RecordFormat, std::string> RecordFormat::parse(std::string_view text) {
  RecordFormat format;
  format.json_ = text == "json";
  if (format.json_) return format;
  format.raw_ = text == "raw";
  text = template_of(text);
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) format.pieces_.push_back({.literal = unescape(literal)});
    literal.clear();
  };
  while (!text.empty()) {
    if (text.front() != '%') {
      literal += text.front();
      text.remove_prefix(1);
      continue;
    }
    text.remove_prefix(1);
    if (text.empty()) return std::unexpected("the format ends in a single %");
    const char c = text.front();
    if (c == '%') {
      literal += '%';
      text.remove_prefix(1);
      continue;
    }
    Piece piece{.directive = c};
    std::size_t size = 1;
    if (encodings.find(c) != std::string_view::npos) {
      if (!text.substr(1).starts_with("{k}") && !text.substr(1).starts_with("{s}"))
        return std::unexpected(unknown_directive(text));
      piece = {.directive = text[2], .encoding = static_cast<Encoding>(c)};
      size = 4;
    } else if (directives.find(c) == std::string_view::npos) {
      return std::unexpected(unknown_directive(text));
    }
    end_literal();
    format.pieces_.push_back(std::move(piece));
    text.remove_prefix(size);
  }
  end_literal();
  return format;
}

void RecordFormat::append(std::string& out, const RecordView& record) const {
  if (json_) {
    append_record_json(out, record);
    out += '\n';
    return;
  }
  for (const auto& piece : pieces_) {
    const std::size_t from = out.size();
    append_piece(out, piece, record);
    if (escape_ && piece.directive != 0) cli::escape_controls(out, from, Lines::keep);
  }
}

void RecordFormat::append(Output& out, const RecordView& record) const {
  if (json_ || escape_) return append(out.buffer(), record);
  for (const auto& piece : pieces_) {
    const bool whole = piece.directive == 's' && piece.encoding == Encoding::plain && record.value;
    if (whole && record.value->size() >= borrow_min)
      out.borrow(as_text(*record.value));
    else
      append_piece(out.buffer(), piece, record);
  }
}

void RecordFormat::append_bytes(std::string& out, Encoding encoding,
                                const std::optional<Bytes>& bytes) {
  switch (encoding) {
    case Encoding::plain:
      if (bytes) out += as_text(*bytes);
      break;
    case Encoding::hex:
      if (bytes)
        append_hex(out, *bytes);
      else
        out += '-';
      break;
    case Encoding::base64:
      if (bytes) append_base64(out, as_text(*bytes));
      break;
    case Encoding::json:
      if (!bytes) {
        out += "null";
      } else if (is_utf8(as_text(*bytes))) {
        append_json_string(out, as_text(*bytes));
      } else {
        out += '"';
        append_base64(out, as_text(*bytes));
        out += '"';
      }
      break;
  }
}

void RecordFormat::append_piece(std::string& out, const Piece& piece, const RecordView& record) {
  switch (piece.directive) {
    case 0:
      out += piece.literal;
      break;
    case 't':
      out += record.topic;
      break;
    case 'p':
      append_number(out, record.partition);
      break;
    case 'o':
      append_number(out, record.offset);
      break;
    case 'k':
      append_bytes(out, piece.encoding, record.key);
      break;
    case 's':
      append_bytes(out, piece.encoding, record.value);
      break;
    case 'h':
      append_headers(out, record);
      break;
    case 'T':
      append_number(out, record.timestamp_ms);
      break;
    case 'd':
      append_iso_time(out, record.timestamp_ms);
      break;
    case 'K':
      append_size(out, record.key);
      break;
    case 'S':
      append_size(out, record.value);
      break;
    default:
      break;
  }
}

}  // namespace sluice::cli
