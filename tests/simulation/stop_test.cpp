// An orderly stop at every moment of a piece of work: it must come to its end.
#include "protocol/messages/join_group.hpp"
#include "tests/simulation/client.hpp"
#include "tests/simulation/world.hpp"

#include <gtest/gtest.h>

namespace sluice::simulation {
namespace {

broker::Options small_options() {
  broker::Options options;
  options.log_dir = "/simulated";
  options.listeners.clear();
  options.shards = 1;
  options.cache_bytes = 1 << 20;
  options.queued_max_request_bytes = 1 << 20;
  options.shutdown_timeout_ms = 0;
  return options;
}

// Has the broker make __consumer_offsets.
class Joiner final : public Client {
 public:
  using Client::Client;
  Task<> run() {
    protocol::JoinGroupRequest request;
    request.group_id = "group";
    request.session_timeout_ms = 6'000;
    request.protocol_type = "consumer";
    request.protocols.push_back({"any", {}});
    (void)co_await ask<protocol::JoinGroupResponse>(request, 5);
    disconnect();
  }
};

TEST(Stop, WhileTheOffsetsTopicIsMade) {
  constexpr int moments = 150;
  for (int steps = 0; steps < moments; ++steps) {
    World world(7, {}, {.cuts = 0});
    ASSERT_TRUE(world.machine.start(small_options()));
    Joiner joiner(world, 1);
    world.clients.spawn(joiner.run());
    for (int i = 0; i < steps; ++i) ASSERT_TRUE(world.machine.step());
    EXPECT_TRUE(world.machine.stop()) << "after " << steps << " steps";
    world.network.break_off();
    while (world.clients.running() > 0) ASSERT_TRUE(world.machine.step());
  }
}

}  // namespace
}  // namespace sluice::simulation
