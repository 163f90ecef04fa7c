// Keeps all topics together below sluice.disk.max.bytes. On shard 0: asks the others what their
// logs take, has the oldest segments deleted that may go (disk_cap.hpp), and has producers refused
// while there are none.
#pragma once

#include "broker/disk_cap.hpp"

namespace sluice::broker {

class DiskCapShell {
 public:
  // `home` is shard 0, and outlives it.
  explicit DiskCapShell(Shard& home);

  // Looks each second, and when look_soon() was called, until the shard stops.
  Task<> run();
  // The logs have grown much since the last look, or the shard stops.
  void look_soon();

  struct State {
    std::int64_t max_bytes = 0;      // 0: there is no cap
    std::int64_t used_bytes = 0;     // records of all topics, at the last round
    std::int64_t deleted_bytes = 0;  // since the start
    bool alarm = false;
  };
  State state() const;

 private:
  Task<> keep();
  Task<std::int64_t> used();
  Task<bool> make_room(std::int64_t excess);
  Task<> refuse(bool refuse);

  Shard& home_;
  DiskCapAlarm alarm_;
  std::unique_ptr<Timer> timer_;
  bool soon_ = true;
  std::optional<std::int64_t> used_;
  std::int64_t deleted_ = 0;
  bool refusing_ = false;
};

}  // namespace sluice::broker
