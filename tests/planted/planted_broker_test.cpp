// The bugs of base/planted_bug.hpp that lie in the broker: the simulation must report each within
// the seeds that CI runs. With none, the same seeds are clean.
#include "base/planted_bug.hpp"
#include "tests/simulation/scenario.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace sluice {
namespace {

constexpr std::uint64_t seeds_max = 1000;
constexpr std::uint64_t clean_seeds = 100;

struct Planted {
  PlantedBug bug;
  const char* name;
};

constexpr Planted broker_bugs[] = {
    {PlantedBug::commit_before_durable, "commit_before_durable"},
    {PlantedBug::stale_generation_accepted, "stale_generation_accepted"},
    {PlantedBug::accept_before_durable, "accept_before_durable"},
    {PlantedBug::dead_letter_before_durable, "dead_letter_before_durable"},
    {PlantedBug::lock_forgotten, "lock_forgotten"},
    {PlantedBug::schedule_done_before_delivery, "schedule_done_before_delivery"},
    {PlantedBug::reader_not_woken, "reader_not_woken"},
    {PlantedBug::producer_ids_given_again, "producer_ids_given_again"},
    {PlantedBug::catalog_name_not_synced, "catalog_name_not_synced"},
    {PlantedBug::sequence_window_short, "sequence_window_short"},
};
static_assert(std::size(broker_bugs) ==
              static_cast<std::size_t>(PlantedBug::sequence_window_short) -
                  static_cast<std::size_t>(PlantedBug::orphan_returns));

class PlantedBrokerBugs : public ::testing::TestWithParam<Planted> {
 protected:
  void TearDown() override { planted_bug = PlantedBug::none; }
};

TEST_P(PlantedBrokerBugs, AreFound) {
  planted_bug = GetParam().bug;
  for (std::uint64_t seed = 1; seed <= seeds_max; ++seed) {
    const auto violation = simulation::Scenario(seed).run().violation;
    if (!violation) continue;
    std::printf("%s: found with seed %d: %s\n", GetParam().name, static_cast<int>(seed),
                violation->c_str());
    return;
  }
  FAIL() << GetParam().name << " was not found with " << seeds_max << " seeds";
}

INSTANTIATE_TEST_SUITE_P(Each, PlantedBrokerBugs, ::testing::ValuesIn(broker_bugs),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(NoPlantedBrokerBug, TheSameSeedsAreClean) {
  for (std::uint64_t seed = 1; seed <= clean_seeds; ++seed) {
    const auto violation = simulation::Scenario(seed).run().violation;
    ASSERT_FALSE(violation) << *violation << "; seed " << seed;
  }
}

}  // namespace
}  // namespace sluice
