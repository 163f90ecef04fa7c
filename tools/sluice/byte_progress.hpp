// How far a command is that reads files on threads of its own: a bar on a terminal.
#pragma once

#include "tools/sluice/cli.hpp"

#include <atomic>
#include <cstdint>
#include <thread>

namespace sluice::cli {

// Redraws one line on stderr until it is destroyed, when that is a terminal; passes an interrupt
// on. Requires: catch_interrupts() was called.
class ByteProgress {
 public:
  ByteProgress(const Global& global, std::int64_t total);
  ~ByteProgress();
  ByteProgress(const ByteProgress&) = delete;
  ByteProgress& operator=(const ByteProgress&) = delete;

  // Takes the line away, before something else is written to the terminal.
  void clear() const;

  std::atomic<std::int64_t> done{0};  // bytes; counted by those who read
  std::atomic<bool> stop{false};      // set when the user wants it to end

 private:
  void run(const std::stop_token& ended);
  void draw() const;

  const std::int64_t total_;
  const bool shown_;
  std::jthread thread_;
};

}  // namespace sluice::cli
