// How far a long command is: a line on a terminal, drawn over and over.
#pragma once

#include "tools/sluice/cli.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::cli {

// Draws on stderr, at most five times a second, and only when that is a terminal.
class Progress {
 public:
  // `what` is the verb: "scanned". `total` in units of `done`; 0 when it is not known.
  Progress(const Global& global, std::string_view what, std::uint64_t total);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `more` follows the numbers: "12 matched".
  void show(std::uint64_t done, std::string_view more = {});
  // Takes the line away, before something else is written to the terminal.
  void clear();
  bool shown() const { return visible_; }
  std::chrono::nanoseconds elapsed() const { return std::chrono::steady_clock::now() - began_; }

 private:
  const bool on_;
  const std::string what_;
  const std::uint64_t total_;
  const std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::time_point next_;
  bool visible_ = false;
};

// "1,000 records in 12 ms (83,333/s)"
std::string records_and_rate(std::uint64_t records, std::chrono::nanoseconds time);

}  // namespace sluice::cli
