// Tables for people: columns as wide as their content, numbers to the right, two spaces between.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

enum class Align : unsigned char { left, right };
enum class Style : unsigned char { plain, colour };

struct Column {
  std::string title;
  Align align = Align::left;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // Requires: one cell a column.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // Lines that end in '\n', without trailing spaces; the titles are bold in colour.
  std::string to_string(Style style = Style::plain) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Columns that `text` (UTF-8) takes on a terminal, as near as counting code points gets.
std::size_t display_width(std::string_view text);

}  // namespace sluice::cli
