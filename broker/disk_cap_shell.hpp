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

  // One round: call about once a second. Does nothing while there is no cap.
  Task<> keep();

  struct State {
    std::int64_t max_bytes = 0;      // 0: there is no cap
    std::int64_t used_bytes = 0;     // records of all topics, at the last round
    std::int64_t deleted_bytes = 0;  // since the start
    bool alarm = false;
  };
  State state() const;

 private:
  Task<std::int64_t> used();
  Task<bool> make_room(std::int64_t excess);
  Task<> refuse(bool refuse);

  Shard& home_;
  DiskCapAlarm alarm_;
  std::int64_t used_ = 0;
  std::int64_t deleted_ = 0;
  bool refusing_ = false;
};

}  // namespace sluice::broker
