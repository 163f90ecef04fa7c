// The text that `sluice consume --format` makes of a record.
//
//   %t topic  %p partition  %o offset  %k key  %s value  %h headers (a=1,b=2)
//   %T timestamp (ms)  %d timestamp (ISO 8601, UTC)  %K key size  %S value size (-1: null)  %%
//   percent
//   %x{k} %x{s} the same in hexadecimal   %b{k} %b{s} in base64   %j{k} %j{s} as a JSON string
//   (base64 where it is not UTF-8, null where it is null)
//   \n \t \r \0 \\ \xHH as in C
//
// Or one of these words: "json", the line of record_json.hpp; "hex", offset, key and value in
// hexadecimal, '-' for null, separated by tabs; "raw", the values with nothing between them.
#pragma once

#include "sluice/consumer.hpp"
#include "tools/sluice/cli.hpp"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

// Compiled once; append() allocates nothing but room in its output.
class RecordFormat {
 public:
  // The error names the directive that is none.
  static std::expected<RecordFormat, std::string> parse(std::string_view text);
  void append(std::string& out, const RecordView& record) const;
  // Large values are borrowed: the record stays until the next flush().
  void append(Output& out, const RecordView& record) const;
  // For a terminal: keys, values and headers that are text without what a terminal would obey.
  void escape_controls() { escape_ = !raw_; }

 private:
  enum class Encoding : char { plain = 0, hex = 'x', base64 = 'b', json = 'j' };
  struct Piece {
    char directive = 0;  // 0: the literal
    Encoding encoding = Encoding::plain;
    std::string literal;
  };
  static void append_bytes(std::string& out, Encoding encoding, const std::optional<Bytes>& bytes);
  static void append_piece(std::string& out, const Piece& piece, const RecordView& record);

  bool json_ = false;
  bool raw_ = false;
  bool escape_ = false;
  std::vector<Piece> pieces_;
};

}  // namespace sluice::cli
