// How often a warning that anybody can provoke is written: one call site has one limit.
#pragma once

#include "base/clock.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace sluice {

// Belongs to one shard.
class LogLimit {
 public:
  explicit LogLimit(Duration between) : between_(between) {}

  // Whether to write it now; then how many were left out since the last one.
  std::optional<std::uint64_t> pass(TimePoint now) {
    if (now < next_) {
      ++left_out_;
      return std::nullopt;
    }
    next_ = now + between_;
    const std::uint64_t before = left_out_;
    left_out_ = 0;
    return before;
  }

 private:
  Duration between_;
  TimePoint next_{};
  std::uint64_t left_out_ = 0;
};

}  // namespace sluice
