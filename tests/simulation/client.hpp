// What clients of a run have in common: a connection that is made again when it was lost.
#pragma once

#include "tests/simulation/world.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::simulation {

class Client {
 public:
  Client(World& world, std::uint64_t seed) : world_(world), random_(seed) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

 protected:
  ~Client() { disconnect(); }

  // Null: no answer. Whether the broker took the request is not known then; a little later another
  // connection may be had.
  template <protocol::Message Response, protocol::Message Request>
  Task<std::optional<Answer<Response>>> ask(const Request& message, protocol::Version version) {
    if (!connection_ || !connection_->is_open()) connection_ = world_.network.connect();
    if (!connection_) {
      co_await pause(std::chrono::milliseconds(20));
      co_return std::nullopt;
    }
    const auto connection = connection_;
    auto answer = co_await connection->template call<Response>(message, version);
    if (!answer) co_await pause(std::chrono::milliseconds(5));
    co_return std::move(answer);
  }

  // Up to twice as long.
  Task<> pause(Duration duration) {
    const auto most = static_cast<std::uint64_t>(duration.count()) + 1;
    const Duration more{static_cast<std::int64_t>(random_.below(most))};
    co_await world_.machine.sim().timers().wait_for(duration + more);
  }
  void disconnect() {
    if (connection_) connection_->close();
    connection_.reset();
  }
  // Whether to stop: at the end of the run, or once something is wrong.
  bool done() const { return world_.ending || world_.verdict.failed(); }
  std::int64_t wall_ms() const { return world_.machine.sim().clock().wall_ms(); }

  World& world_;
  SeededRandom random_;

 private:
  std::shared_ptr<Connection> connection_;
};

}  // namespace sluice::simulation
