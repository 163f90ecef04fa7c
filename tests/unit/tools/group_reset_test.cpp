#include "tools/sluice/group_reset.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

TEST(GroupReset, SelectsPartitionsOfATopic) {
  const auto all = parse_topic_selection("orders");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->topic, "orders");
  EXPECT_TRUE(all->partitions.empty());
  const auto some = parse_topic_selection("orders:0,2-4");
  ASSERT_TRUE(some);
  EXPECT_EQ(some->partitions, (std::vector<std::int32_t>{0, 2, 3, 4}));
  for (const auto* text : {"", ":0", "orders:", "orders:0,", "orders:4-2", "orders:-1", "orders:x"})
    EXPECT_FALSE(parse_topic_selection(text)) << text;
}

TEST(GroupReset, TakesNoMorePartitionsThanATopicMayHave) {
  EXPECT_TRUE(parse_topic_selection("orders:0-999999"));
  EXPECT_FALSE(parse_topic_selection("orders:0-1000000"));
  EXPECT_FALSE(parse_topic_selection("orders:0-999999,0"));
  EXPECT_FALSE(parse_topic_selection("orders:0-2147483647"));
}

}  // namespace
}  // namespace sluice::cli
