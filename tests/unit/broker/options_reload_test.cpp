#include "broker/options_reload.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

Options given(std::initializer_list<std::pair<std::string_view, std::string_view>> values,
              std::string_view origin) {
  Options options;
  for (const auto& [name, text] : values)
    EXPECT_TRUE(set_option(options, name, text, std::string(origin))) << name;
  return options;
}

TEST(OptionsReload, LiveKeysAreAppliedAndOthersStayUntilARestart) {
  const Options running = given({{"num.partitions", "2"}, {"log.retention.bytes", "100"}}, "old");
  const Options loaded = given({{"num.partitions", "3"}, {"log.retention.ms", "5"}}, "new");
  const Reload reload = plan_reload(running, loaded);
  ASSERT_EQ(reload.changes.size(), 3U);
  EXPECT_EQ(reload.changes[0].name, "log.retention.bytes");
  EXPECT_EQ(reload.changes[0].before, "100");
  EXPECT_EQ(reload.changes[0].after, "-1") << "left out: back to its default";
  EXPECT_TRUE(reload.changes[0].live);
  EXPECT_EQ(reload.changes[1].name, "log.retention.ms");
  EXPECT_EQ(reload.changes[1].before, "");
  EXPECT_EQ(reload.changes[2].name, "num.partitions");
  EXPECT_FALSE(reload.changes[2].live);

  EXPECT_EQ(reload.options.log_retention_ms, 5);
  EXPECT_EQ(reload.options.log_retention_bytes, -1);
  EXPECT_EQ(reload.options.num_partitions, 2);
  EXPECT_EQ(reload.options.settings.at("log.retention.ms").origin, "new");
  EXPECT_EQ(reload.options.settings.at("num.partitions").origin, "old");
  EXPECT_FALSE(reload.options.settings.contains("log.retention.bytes"));
}

TEST(OptionsReload, WhatIsTheSameIsNoChange) {
  const Options running = given({{"num.partitions", "2"}, {"log.retention.ms", "7"}}, "old");
  const Reload reload = plan_reload(running, running);
  EXPECT_TRUE(reload.changes.empty());
  for (const auto& row : option_rows())
    EXPECT_EQ(config_text(row, reload.options), config_text(row, running)) << row.name;
}

}  // namespace
}  // namespace sluice::broker
