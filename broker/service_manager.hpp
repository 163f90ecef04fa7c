// The service manager's side channel: sd_notify(3) without libsystemd. A datagram of
// "NAME=value" lines to the Unix socket that NOTIFY_SOCKET names; without it nothing is sent.
#pragma once

#include "broker/options_load.hpp"

#include <string>
#include <string_view>

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
  // "RELOADING=1" with the time stamp that goes with it; READY=1 ends it.
  void tell_reloading() const;

 private:
  std::string path_;
  int socket_ = -1;
};

// Whether `descriptor` leads to systemd's journal, by JOURNAL_STREAM (systemd.exec(5)).
bool is_journal(const Environment& environment, int descriptor);

}  // namespace sluice::broker
