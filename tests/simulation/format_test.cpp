// A data directory of a version to come, on the simulated disk.
#include "broker/catalog_format.hpp"
#include "tests/simulation/machine.hpp"
#include "tests/support/must.hpp"

#include <gtest/gtest.h>

#include <map>

namespace sluice::simulation {
namespace {

broker::Options options_with(int shards) {
  broker::Options options;
  options.log_dir = "/simulated";
  options.listeners.clear();
  options.shards = shards;
  options.cache_bytes = 1 << 20;
  options.queued_max_request_bytes = 1 << 20;
  options.shutdown_timeout_ms = 0;
  return options;
}

std::map<std::string, std::vector<std::byte>> everything(const SimDisk& disk) {
  std::map<std::string, std::vector<std::byte>> all;
  for (const std::string& path : disk.paths()) all[path] = disk.content(path);
  return all;
}

TEST(Format, OfANewerVersionIsRefusedBeforeAnythingIsChanged) {
  Machine machine(1, {});
  must(machine.start(options_with(1)));
  must(machine.stop());
  machine.disk().put("meta/format", as_bytes("format=99\n"));
  machine.disk().put("meta/frontier-1", as_bytes("of a second shard"));
  const auto before = everything(machine.disk());
  const auto started = machine.start(options_with(1));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, broker::CatalogErrc::unknown_format) << started.error().message();
  EXPECT_EQ(everything(machine.disk()), before);
}

}  // namespace
}  // namespace sluice::simulation
