// sluice.disk.max.bytes while records come in as fast as the disk takes them.
#include "broker/partition.hpp"
#include "broker/shard.hpp"
#include "protocol/batch_builder.hpp"
#include "tests/simulation/requests.hpp"
#include "tests/simulation/setup.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::simulation {
namespace {

constexpr std::int64_t mib = 1 << 20;
constexpr std::int64_t cap = 8 * mib;
constexpr int batches = 1000;
constexpr std::size_t batch_bytes = 64 << 10;

broker::Options capped() {
  broker::Options options;
  options.log_dir = "/simulated";
  options.listeners.clear();
  options.shards = 1;
  options.disk_max_bytes = cap;
  options.log_segment_bytes = mib;
  options.cache_bytes = 4 * mib;
  return options;
}

std::int64_t taken(Machine& machine) {
  std::int64_t bytes = 0;
  for (const auto& [key, partition] : machine.broker()->shard(0).partitions())
    bytes += partition->log().size_on_disk();
  return bytes;
}

// Sends one batch after the other, and looks at what all logs take after each.
class Flood final : public Client {
 public:
  using Client::Client;
  Task<> run() {
    Setup setup(world_, 1);
    co_await setup.make_topic("flood", 1, {});
    const Place place{"flood", 0};
    const std::string value(batch_bytes, 'x');
    protocol::BatchBuilder builder;
    protocol::NewRecord record;
    record.timestamp = wall_ms();
    record.value = as_bytes(value);
    builder.append(record);
    const std::vector<std::byte> batch = builder.finish();
    const auto request = produce_request(place, batch);
    began = world_.machine.sim().clock().now();
    for (int i = 0; i < batches; ++i) {
      const auto answer = co_await ask<protocol::ProduceResponse>(request, 7);
      if (answer && answer->body.responses.front().partition_responses.front().error_code ==
                        protocol::ErrorCode::none)
        ++stored;
      most = std::max(most, taken(world_.machine));
    }
    ended = world_.machine.sim().clock().now();
    disconnect();
  }
  int stored = 0;
  std::int64_t most = 0;
  TimePoint began, ended;
};

TEST(DiskCap, ALoadThatBringsManyTimesTheCapWithinASecondStaysNearIt) {
  World world(
      7, {},
      {.delay_min = std::chrono::microseconds(50), .delay_max = std::chrono::microseconds(51)});
  ASSERT_TRUE(world.machine.start(capped()));
  Flood flood(world, 1);
  world.machine.sim_run(flood.run());
  EXPECT_EQ(flood.stored, batches);
  EXPECT_LT(flood.ended - flood.began, std::chrono::seconds(1));
  EXPECT_LE(flood.most, cap + cap / 2);
  EXPECT_LE(taken(world.machine), cap + cap / 2);
  EXPECT_TRUE(world.machine.stop());
  world.network.break_off();
}

}  // namespace
}  // namespace sluice::simulation
