// Do the tests find anything at all? Each bug of base/planted_bug.hpp that lies in storage is
// switched on in turn, and the random scenario of log_model_test must report it within a few seeds.
// With none, the same seeds are clean. Those of the broker: planted_broker_test.cpp.
#include "base/planted_bug.hpp"
#include "tests/support/log_scenario.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace sluice {
namespace {

constexpr std::uint64_t seeds_max = 1000;
constexpr std::uint64_t clean_seeds = 400;

struct Planted {
  PlantedBug bug;
  const char* name;
};

constexpr Planted all_bugs[] = {
    {PlantedBug::write_not_durable, "write_not_durable"},
    {PlantedBug::acknowledge_before_completion, "acknowledge_before_completion"},
    {PlantedBug::sync_before_write, "sync_before_write"},
    {PlantedBug::no_directory_sync, "no_directory_sync"},
    {PlantedBug::short_write_ignored, "short_write_ignored"},
    {PlantedBug::failed_write_retried, "failed_write_retried"},
    {PlantedBug::failed_sync_retried, "failed_sync_retried"},
    {PlantedBug::recovery_without_crc, "recovery_without_crc"},
    {PlantedBug::stale_batches_accepted, "stale_batches_accepted"},
    {PlantedBug::watermark_before_durable, "watermark_before_durable"},
    {PlantedBug::index_trusted, "index_trusted"},
    {PlantedBug::durable_over_gap, "durable_over_gap"},
    {PlantedBug::cut_below_frontier, "cut_below_frontier"},
    {PlantedBug::snapshot_beyond_end, "snapshot_beyond_end"},
    {PlantedBug::epoch_not_raised, "epoch_not_raised"},
    {PlantedBug::tail_not_destroyed, "tail_not_destroyed"},
    {PlantedBug::orphan_returns, "orphan_returns"},
};
static_assert(std::size(all_bugs) == static_cast<std::size_t>(PlantedBug::orphan_returns));

class PlantedBugs : public ::testing::TestWithParam<Planted> {
 protected:
  void TearDown() override { planted_bug = PlantedBug::none; }
};

TEST_P(PlantedBugs, AreFound) {
  planted_bug = GetParam().bug;
  // The orphan must be found by its record, not by the two things that keep it away.
  const bool orphan = planted_bug == PlantedBug::orphan_returns;
  const auto checks = orphan ? testing::LogChecks::records : testing::LogChecks::all;
  for (std::uint64_t seed = 1; seed <= seeds_max; ++seed) {
    const auto violation = testing::LogScenario(seed, checks).run();
    if (!violation) continue;
    std::printf("%s: found with seed %d: %s\n", GetParam().name, static_cast<int>(seed),
                violation->c_str());
    return;
  }
  FAIL() << GetParam().name << " was not found with " << seeds_max << " seeds";
}

INSTANTIATE_TEST_SUITE_P(Each, PlantedBugs, ::testing::ValuesIn(all_bugs),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(NoPlantedBug, TheSameSeedsAreClean) {
  for (std::uint64_t seed = 1; seed <= clean_seeds; ++seed) {
    const auto violation = testing::LogScenario(seed).run();
    ASSERT_FALSE(violation) << *violation << "; SLUICE_SEED=" << seed;
  }
}

}  // namespace
}  // namespace sluice
