#include "tools/sluice/top_terminal.hpp"

#include <algorithm>
#include <clocale>
#define NCURSES_NOMACROS  // "timeout", "erase", … as functions
#include <curses.h>

namespace sluice::cli {

TopTerminal::TopTerminal() {
  std::setlocale(LC_CTYPE, "");
  ::initscr();
  ::cbreak();
  ::noecho();
  ::keypad(stdscr, TRUE);
  ::set_escdelay(25);
  ::curs_set(0);
}

void TopTerminal::leave() {
  if (!left_) ::endwin();
  left_ = true;
}

std::size_t TopTerminal::width() const {
  return static_cast<std::size_t>(std::max(1, getmaxx(stdscr)));
}
std::size_t TopTerminal::height() const {
  return static_cast<std::size_t>(std::max(1, getmaxy(stdscr)));
}

void TopTerminal::show(const TopScreen& screen) {
  ::erase();
  for (std::size_t line = 0; line < screen.lines.size(); ++line) {
    const auto look = screen.selected_line == line ? A_REVERSE
                      : screen.title_line == line  ? A_BOLD
                                                   : A_NORMAL;
    ::attrset(static_cast<int>(look));
    ::mvaddstr(static_cast<int>(line), 0, screen.lines[line].c_str());
  }
  ::refresh();
}

std::optional<int> TopTerminal::key(std::int64_t wait_ms) {
  ::timeout(static_cast<int>(wait_ms));
  const int key = ::getch();
  switch (key) {
    case ERR:
    case KEY_RESIZE:
      return std::nullopt;
    case '\f':  // Ctrl-L: something else wrote to the terminal
      ::clearok(stdscr, TRUE);
      return std::nullopt;
    case KEY_UP:
      return key_up;
    case KEY_DOWN:
      return key_down;
    case KEY_LEFT:
      return key_left;
    case KEY_RIGHT:
      return key_right;
    case KEY_ENTER:
    case '\n':
    case '\r':
      return key_enter;
    case KEY_BACKSPACE:
    case 127:
    case 27:
      return key_back;
    default:
      return key;
  }
}

}  // namespace sluice::cli
