#include "broker/options_load.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

std::string refusal(std::string_view toml) {
  Options options;
  auto loaded = load_toml(options, toml, "sluice.toml");
  return loaded ? "" : loaded.error().context;
}

TEST(OptionsToml, ReadsDottedNestedAndQuotedKeys) {
  Options options;
  ASSERT_TRUE(load_toml(options, R"(
num.partitions = 4
auto.create.topics.enable = false
listeners = ["127.0.0.1:1", "[::1]:2"]
"max.connections" = 7
log.cleaner.min.cleanable.ratio = 0.25
[log.retention]
ms = 60000
[sluice]
shards = 2
log.level = "debug"
)",
                        "sluice.toml"));
  EXPECT_EQ(options.num_partitions, 4);
  EXPECT_FALSE(options.auto_create_topics_enable);
  EXPECT_EQ(options.listeners.size(), 2u);
  EXPECT_EQ(options.max_connections, 7);
  EXPECT_EQ(options.log_retention_ms, 60'000);
  EXPECT_EQ(options.log_cleaner_min_cleanable_ratio, 0.25);
  EXPECT_EQ(options.shards, 2);
  EXPECT_EQ(options.log_level, "debug");
  EXPECT_EQ(options.settings.at("log.retention.ms").origin, "sluice.toml:8");
}

TEST(OptionsToml, NamesTheLineOfWhatItRefuses) {
  EXPECT_EQ(refusal("\nlog.retentoin.ms = 1\n"),
            "sluice.toml:2: log.retentoin.ms (did you mean log.retention.ms?)");
  EXPECT_TRUE(refusal("\n\nnum.partitions = 0\n").starts_with("sluice.toml:3: Invalid value 0"));
  EXPECT_TRUE(refusal("num.partitions = \n").starts_with("sluice.toml:1: "));
  EXPECT_TRUE(
      refusal("num.partitions = 1979-05-27\n").starts_with("sluice.toml:1: num.partitions"));
}

TEST(OptionsToml, TellsHowToWriteAKeyThatBeginsAnother) {
  const auto why = refusal("max.connections = 1\nmax.connections.per.ip = 1\n");
  EXPECT_NE(why.find("in quotes"), std::string::npos) << why;
  EXPECT_EQ(refusal("\"max.connections\" = 1\nmax.connections.per.ip = 1\n"), "");
}

TEST(OptionsToml, TellsWhichFileIsMissing) {
  Options options;
  auto loaded = load_toml_file(options, "/nonexistent/sluice.toml");
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message().find("/nonexistent/sluice.toml"), std::string::npos);
}

TEST(OptionsEnvironment, NamesFollowTheKeys) {
  EXPECT_EQ(environment_name("log.retention.ms"), "SLUICE_LOG_RETENTION_MS");
  EXPECT_EQ(environment_name("sluice.shards"), "SLUICE_SHARDS");
}

TEST(OptionsEnvironment, SetsWhatStartsWithThePrefixOnly) {
  Options options;
  ASSERT_TRUE(load_environment(options, {{"SLUICE_NUM_PARTITIONS", "5"},
                                         {"SLUICE_LISTENERS", "127.0.0.1:1,127.0.0.1:2"},
                                         {"HOME", "/root"},
                                         {"SLUICE_CONFIG", "x.toml"}}));
  EXPECT_EQ(options.num_partitions, 5);
  EXPECT_EQ(options.listeners.size(), 2u);
}

TEST(OptionsEnvironment, LeavesAloneWhatKubernetesInjectsForAServiceOfThatName) {
  Options options;
  EXPECT_TRUE(load_environment(options, {{"SLUICE_SERVICE_HOST", "10.0.0.1"},
                                         {"SLUICE_HTTP", "10.0.0.1:9644"},
                                         {"SLUICE_CONTEXT", "staging"},
                                         {"SLUICE_TIMEOUT", "5"},
                                         {"SLUICE_PORT", "tcp://10.0.0.1:9092"},
                                         {"SLUICE_PORT_9092_TCP_ADDR", "10.0.0.1"}}));
}

TEST(OptionsEnvironment, RefusesUnknownNamesWithTheNearest) {
  Options options;
  auto loaded = load_environment(options, {{"SLUICE_NUM_PARTITION", "5"}});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().context,
            "environment SLUICE_NUM_PARTITION (did you mean SLUICE_NUM_PARTITIONS?)");
}

}  // namespace
}  // namespace sluice::broker
