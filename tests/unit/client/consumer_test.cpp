#include "sluice/consumer.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

// Nothing listens there, and nothing here needs it.
TEST(Consumer, RefusesToCommitAnUnknownPosition) {
  auto consumer = Consumer::create({.client = {.brokers = {"127.0.0.1:1"}}, .group_id = "group"});
  ASSERT_TRUE(consumer);
  ASSERT_TRUE(consumer->subscribe({"topic"}));
  const auto committed = consumer->commit({{{"topic", 0}, -1}});
  ASSERT_FALSE(committed);
  EXPECT_TRUE(committed.error().is(Errc::invalid_argument)) << committed.error().message();
}

}  // namespace
}  // namespace sluice
