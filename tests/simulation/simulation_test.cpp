// The whole broker on a simulated machine, one run a seed. A failure names the seed:
//   SLUICE_SEED=N build/release/bin/simulation_test
// SLUICE_FIRST_SEED and SLUICE_SEEDS choose a range; SLUICE_VERBOSE=1 prints the broker's log.
#include "tests/simulation/scenario.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace sluice::simulation {
namespace {

constexpr std::uint64_t seeds_usual = 100;

std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(Simulation, NothingIsLost) {
  std::uint64_t first = number_of("SLUICE_FIRST_SEED", 1);
  std::uint64_t count = number_of("SLUICE_SEEDS", seeds_usual);
  if (const std::uint64_t one = number_of("SLUICE_SEED", 0); one != 0) {
    first = one;
    count = 1;
  }
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
