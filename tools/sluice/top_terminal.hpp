// The terminal while `sluice top` has it; the only place that knows ncurses.
#pragma once

#include "tools/sluice/top_model.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice::cli {

class TopTerminal {
 public:
  TopTerminal();
  // Gives the terminal back as it was.
  ~TopTerminal() { leave(); }
  TopTerminal(const TopTerminal&) = delete;
  TopTerminal& operator=(const TopTerminal&) = delete;

  void leave();
  std::size_t width() const;
  std::size_t height() const;
  void show(const TopScreen& screen);
  // A character or a TopKey; nothing within the time, or when the terminal changed its size.
  std::optional<int> key(std::int64_t wait_ms);

 private:
  bool left_ = false;
};

}  // namespace sluice::cli
