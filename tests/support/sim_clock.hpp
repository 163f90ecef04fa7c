// Time that passes only when a test, or SimExecutor, says so.
#pragma once

#include "base/check.hpp"
#include "base/clock.hpp"

#include <cstdint>

namespace sluice {

class SimClock final : public Clock {
 public:
  // 2026-01-01T00:00:00Z.
  static constexpr std::int64_t first_wall_ms = 1'767'225'600'000;

  TimePoint now() const override { return now_; }
  std::int64_t wall_ms() const override {
    return wall_base_ms_ +
           std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()).count();
  }

  void advance(Duration duration) { advance_to(now_ + duration); }
  // Requires: not backwards.
  void advance_to(TimePoint when) {
    SLUICE_CHECK(when >= now_);
    now_ = when;
  }
  // The wall clock jumps, as when somebody sets it; monotonic time does not.
  void set_wall_ms(std::int64_t ms) { wall_base_ms_ += ms - wall_ms(); }

 private:
  TimePoint now_{std::chrono::seconds(1000)};
  std::int64_t wall_base_ms_ = first_wall_ms - 1'000'000;
};

}  // namespace sluice
