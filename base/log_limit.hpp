// How often one message may be written: clients that misbehave must not fill the disk with lines
// about it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

class LogLimit {
 public:
  static constexpr std::uint64_t lines_max = 20;  // of one message in a period
  static constexpr std::chrono::seconds period{10};
  static constexpr std::size_t messages_max = 1000;

  // Whether the message may be written at `now`; the value says how many like it were left out
  // before. Messages are constants of the program: what differs is in their fields.
  std::optional<std::uint64_t> admit(std::string_view message,
                                     std::chrono::steady_clock::time_point now) {
    auto at = windows_.find(message);
    if (at == windows_.end()) {
      if (windows_.size() >= messages_max) windows_.clear();
      at = windows_.emplace(std::string(message), Window{.begin = now}).first;
    }
    Window& window = at->second;
    if (now - window.begin >= period) window = {.begin = now, .left_out = window.left_out};
    if (window.lines >= lines_max) {
      ++window.left_out;
      return std::nullopt;
    }
    ++window.lines;
    const std::uint64_t left_out = window.left_out;
    window.left_out = 0;
    return left_out;
  }

 private:
  struct Window {
    std::chrono::steady_clock::time_point begin;
    std::uint64_t lines = 0;
    std::uint64_t left_out = 0;
  };
  std::map<std::string, Window, std::less<>> windows_;
};

}  // namespace sluice
