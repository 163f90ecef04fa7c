#include "broker/catalog.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

Uuid id_of(int number) {
  Uuid id;
  id.octets[15] = static_cast<std::byte>(number);
  return id;
}

CreateTopic create(std::string name, int number, std::int32_t partitions = 1) {
  return {Topic{std::move(name), id_of(number), partitions, 0, {}}};
}

std::error_code applied(Catalog& catalog, const CatalogChange& change) {
  auto result = catalog.apply(change);
  return result ? std::error_code{} : result.error().code;
}

TEST(Catalog, FindsATopicByNameAndById) {
  Catalog catalog;
  ASSERT_FALSE(applied(catalog, create("orders", 1, 3)));
  ASSERT_NE(catalog.find("orders"), nullptr);
  EXPECT_EQ(catalog.find(id_of(1)), catalog.find("orders"));
  EXPECT_EQ(catalog.find("orders")->partition_count, 3);
  EXPECT_EQ(catalog.partition_total(), 3);
  EXPECT_EQ(catalog.find("payments"), nullptr);
  EXPECT_EQ(catalog.find(id_of(2)), nullptr);
}

TEST(Catalog, RefusesATopicThatExistsOrCollides) {
  Catalog catalog;
  ASSERT_FALSE(applied(catalog, create("a.b", 1)));
  EXPECT_EQ(applied(catalog, create("a.b", 2)), CatalogErrc::topic_exists);
  EXPECT_EQ(applied(catalog, create("other", 1)), CatalogErrc::topic_exists);
  EXPECT_EQ(applied(catalog, create("a_b", 2)), CatalogErrc::name_collision);
  EXPECT_EQ(applied(catalog, create("a/b", 2)), CatalogErrc::bad_name);
  EXPECT_EQ(applied(catalog, create("c", 2, 0)), CatalogErrc::bad_partition_count);
  EXPECT_EQ(catalog.topics().size(), 1u);
  EXPECT_EQ(catalog.version(), 1u);
}

TEST(Catalog, ADeletedTopicLeavesItsNameFree) {
  Catalog catalog;
  ASSERT_FALSE(applied(catalog, create("a.b", 1, 4)));
  ASSERT_FALSE(applied(catalog, DeleteTopic{id_of(1)}));
  EXPECT_EQ(catalog.partition_total(), 0);
  EXPECT_EQ(catalog.find("a.b"), nullptr);
  EXPECT_EQ(applied(catalog, DeleteTopic{id_of(1)}), CatalogErrc::unknown_topic);
  EXPECT_FALSE(applied(catalog, create("a_b", 2)));
}

TEST(Catalog, PartitionsOnlyGrow) {
  Catalog catalog;
  ASSERT_FALSE(applied(catalog, create("a", 1, 2)));
  EXPECT_EQ(applied(catalog, GrowTopic{id_of(1), 2}), CatalogErrc::bad_partition_count);
  EXPECT_EQ(applied(catalog, GrowTopic{id_of(2), 3}), CatalogErrc::unknown_topic);
  EXPECT_FALSE(applied(catalog, GrowTopic{id_of(1), 5}));
  EXPECT_EQ(catalog.find("a")->partition_count, 5);
  EXPECT_EQ(catalog.find(id_of(1))->partition_count, 5);
  EXPECT_EQ(catalog.partition_total(), 5);
}

TEST(Catalog, ConfigsAreReplacedWhole) {
  Catalog catalog;
  ASSERT_FALSE(applied(catalog, create("a", 1)));
  ASSERT_FALSE(applied(catalog, ReplaceConfigs{ResourceType::topic, "a", {{"retention.ms", "1"}}}));
  ASSERT_FALSE(applied(catalog, ReplaceConfigs{ResourceType::topic, "a", {{"segment.ms", "2"}}}));
  EXPECT_EQ(catalog.configs(ResourceType::topic, "a"), (ConfigMap{{"segment.ms", "2"}}));
  EXPECT_EQ(catalog.find(id_of(1))->overrides.size(), 1u);
  EXPECT_EQ(applied(catalog, ReplaceConfigs{ResourceType::topic, "b", {}}),
            CatalogErrc::unknown_topic);
  ASSERT_FALSE(applied(catalog, ReplaceConfigs{ResourceType::group, "g", {{"x", "1"}}}));
  EXPECT_EQ(catalog.resources(ResourceType::group).size(), 1u);
  ASSERT_FALSE(applied(catalog, ReplaceConfigs{ResourceType::group, "g", {}}));
  EXPECT_TRUE(catalog.resources(ResourceType::group).empty());
}

TEST(Catalog, ASnapshotDoesNotSeeLaterChanges) {
  Catalog catalog;
  ASSERT_FALSE(applied(catalog, create("a", 1, 1)));
  const Catalog before = catalog;
  ASSERT_FALSE(applied(catalog, GrowTopic{id_of(1), 7}));
  EXPECT_EQ(before.find("a")->partition_count, 1);
}

TEST(Catalog, ProducerIdsNeverGoBack) {
  Catalog catalog;
  ASSERT_FALSE(applied(catalog, ReserveProducerIds{2000}));
  ASSERT_FALSE(applied(catalog, ReserveProducerIds{1000}));
  EXPECT_EQ(catalog.next_producer_id(), 2000);
}

TEST(TopicName, FollowsKafkasRule) {
  for (const auto* good : {"a", "A-z_0.9", "__consumer_offsets", "..."})
    EXPECT_EQ(topic_name_fault(good), "") << good;
  EXPECT_EQ(topic_name_fault(std::string(249, 'a')), "");
  for (const auto& bad : {std::string(), std::string("."), std::string(".."), std::string("a b"),
                          std::string("ä"), std::string("a/b"), std::string(250, 'a')})
    EXPECT_NE(topic_name_fault(bad), "") << bad;
}

TEST(UuidText, ReadsBackWhatIsPrinted) {
  Uuid id;
  for (std::size_t i = 0; i < id.octets.size(); ++i) id.octets[i] = static_cast<std::byte>(i * 37);
  EXPECT_EQ(parse_uuid(id.to_string()), id);
  EXPECT_EQ(parse_uuid("short"), std::nullopt);
  EXPECT_EQ(parse_uuid("!!!!!!!!!!!!!!!!!!!!!!"), std::nullopt);
}

}  // namespace
}  // namespace sluice::broker
