#include "broker/command_line.hpp"

#include "broker/config_print.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace sluice::broker {
namespace {

CommandLine parse(std::vector<const char*> arguments, const Environment& environment = {}) {
  arguments.insert(arguments.begin(), "sluiced");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data(), environment);
}

class CommandLineFile : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "command_line_" +
            testing::UnitTest::GetInstance()->current_test_info()->name() + ".toml";
    std::ofstream(path_) << "num.partitions = 2\nlog.retention.hours = 2\nfetch.max.bytes = 2000\n";
  }
  void TearDown() override { std::filesystem::remove(path_); }
  std::string path_;
};

TEST(CommandLine, WithoutArgumentsRunsOnDefaults) {
  const auto line = parse({});
  EXPECT_EQ(line.action, CommandLine::Action::run);
  EXPECT_EQ(line.options.log_dir, default_data_directory());
  EXPECT_TRUE(line.options.settings.empty());
}

TEST(CommandLine, FlagsSetTheirKeys) {
  const auto line =
      parse({"--data", "/srv/x", "--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--http",
             "127.0.0.1:8080", "--set", "num.partitions=3", "--set", "cleanup=x"});
  EXPECT_EQ(line.exit_code, 2);
  const auto good = parse({"--data", "/srv/x", "--listen", "127.0.0.1:0", "--listen", "[::1]:0",
                           "--http", "127.0.0.1:8080", "--set", "num.partitions=3"});
  ASSERT_EQ(good.action, CommandLine::Action::run) << good.output;
  EXPECT_EQ(good.options.log_dir, "/srv/x");
  EXPECT_EQ(good.options.listeners, (std::vector<std::string>{"127.0.0.1:0", "[::1]:0"}));
  EXPECT_EQ(good.options.http_listen, "127.0.0.1:8080");
  EXPECT_EQ(good.options.num_partitions, 3);
}

TEST_F(CommandLineFile, LaterSourcesWin) {
  const Environment environment{{"SLUICE_LOG_RETENTION_HOURS", "3"},
                                {"SLUICE_FETCH_MAX_BYTES", "3000"}};
  const auto line =
      parse({"--config", path_.c_str(), "--set", "fetch.max.bytes=4000"}, environment);
  ASSERT_EQ(line.action, CommandLine::Action::run) << line.output;
  EXPECT_EQ(line.options.num_partitions, 2);
  EXPECT_EQ(line.options.log_retention_hours, 3);
  EXPECT_EQ(line.options.fetch_max_bytes, 4000);
}

TEST_F(CommandLineFile, TheFileMayBeNamedByTheEnvironment) {
  EXPECT_EQ(parse({}, {{"SLUICE_CONFIG", path_}}).options.num_partitions, 2);
}

TEST_F(CommandLineFile, CheckConfigPrintsEveryKeyWithItsSource) {
  const auto line = parse({"--config", path_.c_str(), "--check-config"});
  EXPECT_EQ(line.action, CommandLine::Action::exit);
  EXPECT_EQ(line.exit_code, 0);
  EXPECT_NE(line.output.find("num.partitions = 2  # " + path_ + ":1"), std::string::npos)
      << line.output;
  EXPECT_NE(line.output.find("node.id = 1  # default"), std::string::npos);
}

TEST(CommandLine, WhatCheckConfigPrintsReadsBack) {
  Options options;
  ASSERT_TRUE(set_option(options, "listeners", "127.0.0.1:1,[::1]:2", "test"));
  ASSERT_TRUE(set_option(options, "broker.rack", R"(a "b" \c)", "test"));
  ASSERT_TRUE(set_option(options, "max.connections.per.ip", "5", "test"));
  Options again;
  auto loaded = load_toml(again, print_options(options), "printed");
  ASSERT_TRUE(loaded) << loaded.error().message();
  for (const auto& row : option_rows())
    EXPECT_EQ(config_text(row, again), config_text(row, options)) << row.name;
}

TEST_F(CommandLineFile, ConfigDumpTellsValuesAndSourcesAlsoAsJson) {
  const auto text = parse({"config", "dump", "--config", path_.c_str()});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_EQ(text.output, parse({"--config", path_.c_str(), "--check-config"}).output);
  const auto json = parse({"--config", path_.c_str(), "config", "dump", "--json"});
  EXPECT_EQ(json.exit_code, 0) << json.output;
  EXPECT_NE(json.output.find(R"("num.partitions": {"value": "2", "source": ")" + path_ +
                             R"(:1", "live": false})"),
            std::string::npos);
  EXPECT_NE(json.output.find(R"("log.retention.ms": {"value": null, "source": "default", )"),
            std::string::npos);
}

TEST(CommandLine, ConfigExampleLeavesWhatFlagsSetInForce) {
  const auto line = parse({"config", "example", "--data", "/srv/x"});
  EXPECT_EQ(line.exit_code, 0) << line.output;
  Options options;
  ASSERT_TRUE(load_toml(options, line.output, "example"));
  EXPECT_EQ(options.settings.size(), 1U);
  EXPECT_EQ(options.log_dir, "/srv/x");
}

TEST(CommandLine, RefusalsExitWithTwoAndSayWhy) {
  for (auto arguments : std::vector<std::vector<const char*>>{{"--no-such-flag"},
                                                              {"--set", "num.partitions"},
                                                              {"--set", "=1"},
                                                              {"stray"},
                                                              {"config"},
                                                              {"config", "stray"},
                                                              {"--set", "num.partitions=x"},
                                                              {"--config", "/nonexistent.toml"},
                                                              {"--listen", "nowhere"}}) {
    const auto line = parse(arguments);
    EXPECT_EQ(line.action, CommandLine::Action::exit) << arguments[0];
    EXPECT_EQ(line.exit_code, 2) << arguments[0];
    EXPECT_TRUE(line.output.starts_with("sluiced: ")) << line.output;
  }
}

TEST(CommandLine, HelpShowsExamples) {
  const auto line = parse({"--help"});
  EXPECT_EQ(line.exit_code, 0);
  EXPECT_NE(line.output.find("Examples:"), std::string::npos);
  EXPECT_EQ(parse({"--version"}).output, "sluiced 0.1.0\n");
}

}  // namespace
}  // namespace sluice::broker
