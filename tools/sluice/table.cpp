#include "tools/sluice/table.hpp"

#include "base/check.hpp"
#include "tools/sluice/text.hpp"

#include <algorithm>
#include <utility>

namespace sluice::cli {
namespace {

void append_cell(std::string& line, std::string_view text, std::size_t width, Align align) {
  const std::string padding(width - std::min(width, display_width(text)), ' ');
  if (align == Align::right) line += padding;
  line += text;
  if (align == Align::left) line += padding;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

void Table::add(std::vector<std::string> cells) {
  SLUICE_CHECK(cells.size() == columns_.size());
  for (auto& cell : cells) escape_controls(cell, 0, Lines::escape);
  rows_.push_back(std::move(cells));
}

std::string Table::to_string(Style style) const {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t width = display_width(columns_[c].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[c]));
    widths.push_back(width);
  }
  std::string out;
  const auto append_line = [&](auto cell_text) {
    std::string line;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (c > 0) line += "  ";
      append_cell(line, cell_text(c), widths[c], columns_[c].align);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  };
  const std::string titles =
      append_line([&](std::size_t c) -> std::string_view { return columns_[c].title; });
  out += style == Style::colour ? "\x1b[1m" + titles + "\x1b[0m\n" : titles + "\n";
  for (const auto& row : rows_)
    out += append_line([&](std::size_t c) -> std::string_view { return row[c]; }) + "\n";
  return out;
}

}  // namespace sluice::cli
