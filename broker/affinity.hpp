// On which shard a connection is best served: the one that its requests need, when for a while they
// need one only. A request that crosses shards pays two wake-ups of another thread. Plain
// decisions, without I/O.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace sluice::broker {

class Affinity {
 public:
  static constexpr int no_shard = -1;  // the request needed none in particular
  static constexpr int several = -2;
  static constexpr std::uint32_t streak_first = 8;
  static constexpr std::uint32_t streak_max = 1 << 20;

  // A request was served by `shard` alone, or see above.
  void note(int shard) {
    if (shard == no_shard) return;
    if (shard != candidate_) {
      candidate_ = shard;
      streak_ = 0;
    }
    ++streak_;
  }
  // Where to move to, when not served by `home` for long enough.
  std::optional<int> better_than(int home) const {
    if (candidate_ < 0 || candidate_ == home || streak_ < wanted_) return std::nullopt;
    return candidate_;
  }
  // Each move makes the next one less likely: clients that change their mind do not travel.
  void moved() {
    wanted_ = std::min(wanted_ * 8, streak_max);
    streak_ = 0;
  }

 private:
  int candidate_ = several;
  std::uint32_t streak_ = 0;
  std::uint32_t wanted_ = streak_first;
};

}  // namespace sluice::broker
