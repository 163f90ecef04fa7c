// The whole broker on a simulated machine, one run a seed (docs/testing.md). A failure names the
// seed and the command that repeats it.
#include "tests/simulation/scenario.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace sluice::simulation {
namespace {

constexpr std::uint64_t blocks = 20;
constexpr std::uint64_t block_size = 500;

std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void run_seeds(std::uint64_t first, std::uint64_t count) {
  Outcome total;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Outcome outcome = Scenario(seed).run();
    if (outcome.violation)
      ADD_FAILURE() << *outcome.violation << "\nrepeat: ./dev crash --simulation 1 " << seed;
    total.crashes += outcome.crashes;
    total.acked_records += outcome.acked_records;
    total.read_records += outcome.read_records;
    total.simulated += outcome.simulated;
  }
  std::printf("%d seeds, %.0f s simulated: %d crashes, %d records acknowledged, %d read\n",
              static_cast<int>(count), std::chrono::duration<double>(total.simulated).count(),
              static_cast<int>(total.crashes), static_cast<int>(total.acked_records),
              static_cast<int>(total.read_records));
  EXPECT_GT(total.acked_records, 0u);
}

// SLUICE_FIRST_SEED and SLUICE_SEEDS choose; ./dev crash --simulation does.
TEST(Simulation, ChosenSeeds) {
  run_seeds(number_of("SLUICE_FIRST_SEED", 1), number_of("SLUICE_SEEDS", 10));
}

// SLUICE_BLOCK_SEEDS: only so many of each block.
class Simulation10000Seeds : public ::testing::TestWithParam<std::uint64_t> {};
TEST_P(Simulation10000Seeds, NothingIsLost) {
  run_seeds(1 + GetParam() * block_size, number_of("SLUICE_BLOCK_SEEDS", block_size));
}
INSTANTIATE_TEST_SUITE_P(Block, Simulation10000Seeds, ::testing::Range<std::uint64_t>(0, blocks));

TEST(Simulation, TheSameSeedIsTheSameRun) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Outcome once = Scenario(seed).run();
    const Outcome again = Scenario(seed).run();
    EXPECT_EQ(once.trace, again.trace) << "seed " << seed;
    EXPECT_EQ(once.events, again.events) << "seed " << seed;
    EXPECT_GT(once.events, 100u);
  }
  EXPECT_NE(Scenario(1).run().trace, Scenario(2).run().trace);
}

}  // namespace
}  // namespace sluice::simulation
