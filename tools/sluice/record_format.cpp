#include "tools/sluice/record_format.hpp"

#include "tools/sluice/text.hpp"

namespace sluice::cli {
namespace {

constexpr std::string_view directives = "tpokshTdKS";

std::string size_of(const std::optional<Bytes>& bytes) {
  return bytes ? std::to_string(bytes->size()) : "-1";
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

}  // namespace

std::expected<RecordFormat, std::string> RecordFormat::parse(std::string_view text) {
  RecordFormat format;
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) format.pieces_.push_back({0, unescape(literal)});
    literal.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      literal += text[i];
      continue;
    }
    if (++i == text.size()) return std::unexpected("the format ends in a single %");
    if (text[i] == '%') {
      literal += '%';
      continue;
    }
    if (directives.find(text[i]) == std::string_view::npos)
      return std::unexpected(std::string("the format has no %") + text[i] +
                             "; it knows %t %p %o %k %s %h %T %d %K %S %%");
    end_literal();
    format.pieces_.push_back({text[i], {}});
  }
  end_literal();
  return format;
}

void RecordFormat::append(std::string& out, const RecordView& record) const {
  for (const auto& piece : pieces_) {
    switch (piece.directive) {
      case 0:
        out += piece.literal;
        break;
      case 't':
        out += record.topic;
        break;
      case 'p':
        out += std::to_string(record.partition);
        break;
      case 'o':
        out += std::to_string(record.offset);
        break;
      case 'k':
        if (record.key) out += as_text(*record.key);
        break;
      case 's':
        if (record.value) out += as_text(*record.value);
        break;
      case 'h':
        append_headers(out, record);
        break;
      case 'T':
        out += std::to_string(record.timestamp_ms);
        break;
      case 'd':
        out += iso_time(record.timestamp_ms);
        break;
      case 'K':
        out += size_of(record.key);
        break;
      case 'S':
        out += size_of(record.value);
        break;
      default:
        break;
    }
  }
}

}  // namespace sluice::cli
