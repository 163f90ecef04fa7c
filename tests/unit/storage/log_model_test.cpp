// Random work on a log, with power cuts, kills and failing I/O (tests/support/log_scenario.hpp). A
// failure prints its seed: run it alone with SLUICE_SEED=N. SLUICE_SEEDS=N runs more of them, from
// SLUICE_FIRST_SEED on.
#include "tests/support/log_scenario.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace sluice::storage {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

TEST(LogModel, RandomWorkWithCrashesAndFaultsLosesNothingAcknowledged) {
  const std::uint64_t only = from_environment("SLUICE_SEED", 0);
  const std::uint64_t first = only != 0 ? only : from_environment("SLUICE_FIRST_SEED", 1);
  const std::uint64_t count = only != 0 ? 1 : from_environment("SLUICE_SEEDS", 150);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const auto violation = testing::LogScenario(seed).run();
    ASSERT_FALSE(violation) << *violation << "; SLUICE_SEED=" << seed;
  }
}

}  // namespace
}  // namespace sluice::storage
