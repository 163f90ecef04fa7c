#include "base/log_limit.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using Time = std::chrono::steady_clock::time_point;

TEST(LogLimit, LetsSomeThroughAndSaysHowManyItLeftOut) {
  LogLimit limit;
  const Time start{};
  for (std::uint64_t i = 0; i < LogLimit::lines_max; ++i) EXPECT_EQ(limit.admit("a", start), 0u);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(limit.admit("a", start), std::nullopt);
  EXPECT_EQ(limit.admit("b", start), 0u);
  EXPECT_EQ(limit.admit("a", start + LogLimit::period), 7u);
  EXPECT_EQ(limit.admit("a", start + LogLimit::period), 0u);
}

TEST(LogLimit, RemembersSoManyMessages) {
  LogLimit limit;
  for (std::size_t i = 0; i < 3 * LogLimit::messages_max; ++i)
    EXPECT_EQ(limit.admit(std::to_string(i), Time{}), 0u);
}

}  // namespace
}  // namespace sluice
