#include "broker/topic_config.hpp"

#include "broker/group_config.hpp"
#include "broker/options.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::broker {
namespace {

std::string refusal(const ConfigMap& overrides) {
  auto ok = check_topic_config(Options{}, overrides);
  return ok ? "" : ok.error().context;
}

TEST(TopicConfig, ARetryTopicDoesNotDropWhatComesAgain) {
  const ConfigMap retry{{"sluice.retry.group", "g"}, {"sluice.retry.source.topic", "t"}};
  EXPECT_EQ(refusal(retry), "");
  ConfigMap both = retry;
  both["sluice.dedup.window.ms"] = "1000";
  EXPECT_NE(refusal(both).find("sluice.dedup.window.ms"), std::string::npos);
}

TEST(TopicConfig, BatchesWithoutARecordMayLieWhereTheyOnceCouldBeMade) {
  const auto gaps = [](const ConfigMap& overrides) {
    return effective_topic_config(TopicConfig{}, overrides).leaves_gaps;
  };
  EXPECT_FALSE(gaps({}));
  EXPECT_TRUE(gaps({{"sluice.dedup.window.ms", "5"}}));
  EXPECT_TRUE(gaps({{"sluice.schedule.enable", "false"}}));
}

TEST(TopicConfig, KnowsEveryConfigOfKafkaInOrder) {
  const auto rows = topic_config_rows();
  const auto of_kafka_4_3 = std::ranges::count_if(rows, [](const auto& row) {
    return !row.name.starts_with("sluice.") && !row.name.starts_with("errors.");
  });
  EXPECT_EQ(of_kafka_4_3, 33);
  EXPECT_TRUE(std::ranges::is_sorted(rows, {}, &ConfigRow<TopicConfig>::name));
  for (const auto& row : rows) EXPECT_FALSE(row.details.about.empty()) << row.name;
}

TEST(TopicConfig, EveryDefaultPassesItsOwnChecks) {
  for (const auto& row : topic_config_rows()) {
    TopicConfig config;
    const auto text = config_text(row, config);
    ASSERT_TRUE(text) << row.name;
    EXPECT_TRUE(set_config(row, *text, config)) << row.name;
  }
}

TEST(TopicConfig, EverySynonymIsABrokerOptionWithTheSameDefault) {
  const TopicConfig defaults;
  const auto effective = effective_topic_config(Options{}, {});
  for (const auto& row : topic_config_rows()) {
    for (const auto& synonym : config_synonyms(row.details.synonyms))
      EXPECT_NE(find_option(synonym.name), nullptr) << synonym.name;
    EXPECT_EQ(config_text(row, effective), config_text(row, defaults)) << row.name;
  }
}

TEST(TopicConfig, RefusesUnknownAndRemovedNames) {
  for (const auto* name :
       {"no.such.config", "message.format.version", "message.downconversion.enable",
        "message.timestamp.difference.max.ms"}) {
    auto ok = check_topic_config(name, "1");
    ASSERT_FALSE(ok);
    EXPECT_EQ(ok.error().code, make_error_code(ConfigErrc::unknown_key));
    EXPECT_EQ(ok.error().context, std::string("Unknown topic config name: ") + name);
  }
}

TEST(TopicConfig, RefusesValuesOutOfBounds) {
  EXPECT_FALSE(refusal({{"segment.bytes", "1048575"}}).empty());
  EXPECT_TRUE(refusal({{"segment.bytes", "1048576"}}).empty());
  EXPECT_FALSE(refusal({{"retention.ms", "-2"}}).empty());
  EXPECT_FALSE(refusal({{"retention.ms", "abc"}}).empty());
  EXPECT_FALSE(refusal({{"cleanup.policy", "shred"}}).empty());
  EXPECT_TRUE(refusal({{"cleanup.policy", ""}}).empty());
  EXPECT_FALSE(refusal({{"compression.gzip.level", "0"}}).empty());
  EXPECT_TRUE(refusal({{"compression.gzip.level", "-1"}}).empty());
  EXPECT_FALSE(refusal({{"compression.zstd.level", "23"}}).empty());
  EXPECT_FALSE(refusal({{"min.insync.replicas", "0"}}).empty());
  EXPECT_FALSE(refusal({{"min.cleanable.dirty.ratio", "1.01"}}).empty());
  EXPECT_FALSE(refusal({{"remote.storage.enable", "true"}}).empty());
  EXPECT_TRUE(refusal({{"remote.storage.enable", "false"}}).empty());
  EXPECT_TRUE(refusal({{"leader.replication.throttled.replicas", "0:1,1:1"}}).empty());
  EXPECT_TRUE(refusal({{"leader.replication.throttled.replicas", "*"}}).empty());
  EXPECT_FALSE(refusal({{"leader.replication.throttled.replicas", "zero:one"}}).empty());
}

TEST(TopicConfig, RefusesACompactionLagThatContradictsTheOther) {
  EXPECT_FALSE(
      refusal({{"min.compaction.lag.ms", "100"}, {"max.compaction.lag.ms", "50"}}).empty());
  EXPECT_TRUE(refusal({{"min.compaction.lag.ms", "50"}, {"max.compaction.lag.ms", "50"}}).empty());
}

TEST(TopicConfig, TakesTheOverrideThenTheBrokersValueThenTheDefault) {
  Options options;
  options.log_retention_hours = 2;
  options.log_segment_bytes = 2'000'000;
  const auto config = effective_topic_config(options, {{"segment.bytes", "3000000"}});
  EXPECT_EQ(config.retention_ms, 7'200'000);
  EXPECT_EQ(config.segment_bytes, 3'000'000);
  EXPECT_EQ(config.max_message_bytes, 1'048'588);
}

TEST(TopicConfig, TheFinestUnitOfRetentionWins) {
  Options options;
  options.log_retention_minutes = 3;
  EXPECT_EQ(effective_topic_config(options, {}).retention_ms, 180'000);
  options.log_retention_ms = 5;
  EXPECT_EQ(effective_topic_config(options, {}).retention_ms, 5);
  options = {};
  options.log_retention_hours = -1;
  EXPECT_EQ(effective_topic_config(options, {}).retention_ms, -1);
}

TEST(TopicConfig, OverridesOnTopOfKnownDefaultsGiveTheSame) {
  Options options;
  options.log_retention_hours = 2;
  const ConfigMap overrides{{"segment.ms", "9"}, {"cleanup.policy", "compact"}, {"bad", "x"}};
  const auto one = effective_topic_config(options, overrides);
  const auto two = effective_topic_config(effective_topic_config(options, {}), overrides);
  EXPECT_EQ(two.retention_ms, 7'200'000);
  EXPECT_TRUE(two.compacts);
  for (const auto& row : topic_config_rows())
    EXPECT_EQ(config_text(row, one), config_text(row, two)) << row.name;
}

TEST(GroupConfig, TheTableIsSortedDocumentedAndItsDefaultsAreValid) {
  EXPECT_TRUE(std::ranges::is_sorted(group_config_rows(), {}, &ConfigRow<GroupConfig>::name));
  for (const auto& row : group_config_rows()) {
    EXPECT_FALSE(row.details.about.empty()) << row.name;
    GroupConfig config;
    EXPECT_TRUE(set_config(row, config_text(row, config).value(), config)) << row.name;
  }
}

TEST(GroupConfig, TheBrokersOptionsGiveDefaultsAndBounds) {
  Options options;
  const auto limit = [&](const ConfigMap& overrides) {
    return effective_group_config(options, overrides).share_delivery_count_limit;
  };
  const ConfigMap seven{{"share.delivery.count.limit", "7"}};
  EXPECT_EQ(limit({}), 5);
  EXPECT_EQ(limit(seven), 7);
  options.group_share_delivery_count_limit = 4;
  options.group_share_max_delivery_count_limit = 6;
  EXPECT_EQ(limit({}), 4);
  EXPECT_EQ(limit(seven), 6);  // was allowed when it was set
  const auto checked = check_group_config(options, seven);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().context,
            "share.delivery.count.limit must be at most the broker's "
            "group.share.max.delivery.count.limit, 6");
  EXPECT_FALSE(check_group_config(options, {{"share.record.lock.duration.ms", "14999"}}));
  EXPECT_TRUE(check_group_config(options, {{"share.record.lock.duration.ms", "15000"}}));
  EXPECT_TRUE(check_share_options(options));
  options.group_share_max_delivery_count_limit = 3;
  EXPECT_FALSE(check_share_options(options));
}

TEST(TopicConfig, DerivesWhatTheDataPathAsks) {
  const auto config =
      effective_topic_config(Options{}, {{"cleanup.policy", "compact"},
                                         {"message.timestamp.type", "LogAppendTime"},
                                         {"compression.type", "zstd"}});
  EXPECT_TRUE(config.compacts);
  EXPECT_FALSE(config.deletes);
  EXPECT_EQ(config.timestamp_type, TimestampType::log_append_time);
  EXPECT_EQ(config.compression, TopicCompression::zstd);
  const auto forever = effective_topic_config(Options{}, {{"cleanup.policy", ""}});
  EXPECT_FALSE(forever.compacts || forever.deletes);
}

TEST(TopicConfig, ByDefaultOnlyTopicsWhoseRecordsExpireAreDeletedFromForTheDiskCap) {
  const auto deletes = [](const ConfigMap& overrides) {
    return effective_topic_config(TopicConfig{}, overrides).disk_cap_deletes;
  };
  EXPECT_TRUE(deletes({{"retention.ms", "1000"}}));
  EXPECT_TRUE(deletes({{"retention.ms", "-1"}, {"retention.bytes", "1000"}}));
  EXPECT_FALSE(deletes({{"retention.ms", "-1"}}));
  EXPECT_FALSE(deletes({{"cleanup.policy", "compact"}}));
  EXPECT_FALSE(deletes({{"cleanup.policy", "compact,delete"}}));
  EXPECT_FALSE(deletes({{"errors.deadletterqueue.group.enable", "true"}}));
  EXPECT_FALSE(deletes({{"sluice.disk.max.delete", "never"}}));
  EXPECT_TRUE(deletes({{"retention.ms", "-1"}, {"sluice.disk.max.delete", "allow"}}));
  EXPECT_FALSE(check_topic_config("sluice.disk.max.delete", "true"));
}

}  // namespace
}  // namespace sluice::broker
