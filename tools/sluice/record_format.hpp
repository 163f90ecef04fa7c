// The text that `sluice consume --format` makes of a record.
//
//   %t topic  %p partition  %o offset  %k key  %s value  %h headers (a=1,b=2)
//   %T timestamp (ms)  %d timestamp (ISO 8601, UTC)  %K key size  %S value size (-1: null)  %%
//   percent
//   \n \t \r \0 \\ \xHH as in C
#pragma once

#include "sluice/consumer.hpp"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

class RecordFormat {
 public:
  // The error names the directive that is none.
  static std::expected<RecordFormat, std::string> parse(std::string_view text);
  void append(std::string& out, const RecordView& record) const;

 private:
  struct Piece {
    char directive = 0;  // 0: the literal
    std::string literal;
  };
  std::vector<Piece> pieces_;
};

}  // namespace sluice::cli
