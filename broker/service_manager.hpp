// The service manager's side channel: sd_notify(3) without libsystemd. A datagram of
// "NAME=value" lines to the Unix socket that NOTIFY_SOCKET names; without it nothing is sent.
#pragma once

#include "broker/options_load.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace sluice::broker {

class ServiceManager {
 public:
  // Requires: NOTIFY_SOCKET, if there, is an absolute path or "@name" (abstract), as systemd's is.
  explicit ServiceManager(const Environment& environment);
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  // E.g. "READY=1\nSTATUS=serving". Best effort, as the protocol is: a manager that does not listen
  // is no reason to fail. Does not block.
  void tell(std::string_view lines) const;
  // Whether there is a manager to tell.
  bool is_there() const { return socket_ >= 0; }
  // "RELOADING=1" with the time stamp that goes with it; READY=1 ends it.
  void tell_reloading() const;

 private:
  std::string path_;
  int socket_ = -1;
};

// Asks the manager for more time as long as it lives: a start that recovers long logs is not taken
// for one that hangs (TimeoutStartSec). Has a thread of its own where there is a manager.
class TimeExtension {
 public:
  // Asks at once and then each `interval`, each time for three of them. `manager` must outlive it.
  explicit TimeExtension(const ServiceManager& manager,
                         std::chrono::milliseconds interval = std::chrono::seconds(10));
  // Returns once nothing is sent any more.
  ~TimeExtension();
  TimeExtension(const TimeExtension&) = delete;
  TimeExtension& operator=(const TimeExtension&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable_any ending_;
  std::jthread asking_;  // the last member: it uses the others
};

}  // namespace sluice::broker
