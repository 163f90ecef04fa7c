// Inside ScheduleShell: what its source files share.
#pragma once

#include "broker/queue/schedule_shell.hpp"

namespace sluice::broker {

class ScheduleShell::Call {
 public:
  explicit Call(ScheduleShell& shell) : shell_(shell) { ++shell_.calls_; }
  ~Call() {
    if (--shell_.calls_ == 0) shell_.calls_ended_.notify();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  ScheduleShell& shell_;
};

}  // namespace sluice::broker
