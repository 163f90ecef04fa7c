// What an embedded broker and the clients on it share. It lives until the last of them is gone; the
// broker inside stays, stopped, because its loops may be what the clients stand on.
#pragma once

#include "broker/broker.hpp"
#include "sluice/broker.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace sluice::embed {

// The system's steady time, and the host's wall clock: timers run on the former.
class HostClock final : public Clock {
 public:
  explicit HostClock(std::shared_ptr<const Clock> wall) : wall_(std::move(wall)) {}
  TimePoint now() const override { return system_.now(); }
  std::int64_t wall_ms() const override { return wall_ ? wall_->wall_ms() : system_.wall_ms(); }

 private:
  SystemClock system_;
  std::shared_ptr<const Clock> wall_;
};

class Core {
 public:
  static Result<std::shared_ptr<Core>> open(BrokerOptions options);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  broker::Broker& broker() { return *broker_; }
  const Clock& clock() const { return clock_; }
  bool driven() const { return broker_->driving() == broker::Driving::caller; }
  // Whether this thread opened it.
  bool here() const { return std::this_thread::get_id() == owner_; }
  const BrokerOptions& options() const { return options_; }
  const std::vector<std::string>& addresses() const { return addresses_; }

  // Driven, and here(): runs some of what is ready, or waits for it until `deadline`; runs what is
  // ready.
  void run_some(TimePoint deadline);
  void poll();

  Result<> close();

  // One call of a client that is on its way to a shard or there: close() waits for all of them.
  class Visit {
   public:
    explicit Visit(Core& core) : core_(&core) { ++core_->visits_; }
    Visit(Visit&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    Visit& operator=(Visit&&) = delete;
    ~Visit() {
      if (core_ != nullptr) --core_->visits_;
    }
    // False: the broker was closed, and nothing may be sent to its shards.
    bool admitted() const { return !core_->closed_; }

   private:
    Core* core_;
  };

 private:
  explicit Core(BrokerOptions options);
  void run_leftovers();

  BrokerOptions options_;
  HostClock clock_;
  std::thread::id owner_;
  std::unique_ptr<broker::Broker> broker_;
  std::vector<std::string> addresses_;
  std::atomic<bool> closed_{false};
  std::atomic<std::int64_t> visits_{0};
};

}  // namespace sluice::embed
