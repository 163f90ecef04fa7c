#include "broker/options.hpp"

#include "broker/options_load.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace sluice::broker {
namespace {

TEST(Options, TheTableIsSortedDocumentedAndItsDefaultsAreValid) {
  EXPECT_TRUE(std::ranges::is_sorted(option_rows(), {}, &ConfigRow<Options>::name));
  std::set<std::string> variables;
  for (const auto& row : option_rows()) {
    EXPECT_FALSE(row.details.about.empty()) << row.name;
    EXPECT_TRUE(variables.insert(environment_name(row.name)).second) << row.name;
    Options options;
    if (const auto text = config_text(row, options)) {
      EXPECT_TRUE(set_config(row, *text, options)) << row.name;
    }
  }
  EXPECT_TRUE(check_options(Options{}));
}

TEST(Options, ListensOnLoopbackByDefaultAndNotForHttp) {
  const Options options;
  const auto endpoint = parse_endpoint(options.listeners.at(0));
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->host, "127.0.0.1");
  EXPECT_EQ(endpoint->port, 9092);
  EXPECT_TRUE(options.http_listen.empty());
}

TEST(Options, AnUnknownKeyIsRefusedWithItsPlaceAndTheNearestKey) {
  Options options;
  auto set = set_option(options, "num.partition", "3", "--set");
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, make_error_code(ConfigErrc::unknown_key));
  EXPECT_EQ(set.error().context, "--set: num.partition (did you mean num.partitions?)");
}

TEST(Options, RemembersWhereAValueCameFrom) {
  Options options;
  ASSERT_TRUE(set_option(options, "num.partitions", "3", "a.toml:4"));
  EXPECT_EQ(options.num_partitions, 3);
  EXPECT_EQ(options.settings.at("num.partitions").origin, "a.toml:4");
  EXPECT_EQ(option_text(options, "num.partitions"), "3");
  EXPECT_EQ(option_text(options, "log.retention.ms"), std::nullopt);
}

TEST(Options, DynamicValuesOfTheNodeWinOverThoseOfTheCluster) {
  Options base;
  const auto now = apply_dynamic_options(
      base, {{"message.max.bytes", "2000"}, {"compression.type", "lz4"}, {"no.such", "x"}},
      {{"message.max.bytes", "3000"}, {"num.partitions", "9"}});
  EXPECT_EQ(now.message_max_bytes, 3000);
  EXPECT_EQ(now.compression_type, "lz4");
  EXPECT_EQ(now.num_partitions, 1) << "needs a restart";
}

TEST(Options, RefusesContradictions) {
  const auto refused = [](auto change) {
    Options options;
    change(options);
    return !check_options(options).has_value();
  };
  EXPECT_TRUE(refused([](Options& o) { o.listeners.clear(); }));
  EXPECT_TRUE(refused([](Options& o) { o.listeners = {"localhost"}; }));
  EXPECT_TRUE(refused([](Options& o) { o.advertised_listeners = {"0.0.0.0:9092"}; }));
  EXPECT_TRUE(refused([](Options& o) { o.advertised_listeners = {"a:1", "b:2"}; }));
  EXPECT_TRUE(refused([](Options& o) { o.http_listen = "8080"; }));
  EXPECT_TRUE(refused([](Options& o) { o.group_min_session_timeout_ms = 1'900'000; }));
  EXPECT_TRUE(refused([](Options& o) { o.queued_max_request_bytes = 5; }));
  EXPECT_TRUE(refused([](Options& o) { o.default_replication_factor = 3; }));
  EXPECT_FALSE(refused([](Options& o) {
    o.default_replication_factor = 3;
    o.replication_factor_clamp = true;
  }));
}

TEST(Options, ReadsAddresses) {
  EXPECT_EQ(*parse_endpoint("PLAINTEXT://host:9092"), (Endpoint{"host", 9092}));
  EXPECT_EQ(*parse_endpoint("[::1]:0"), (Endpoint{"::1", 0}));
  EXPECT_EQ(*parse_endpoint(":9092"), (Endpoint{"", 9092}));
  for (const auto* bad : {"host", "host:", "host:65536", "::1:9092", "SSL://h:1", "h:9x", "h h:1"})
    EXPECT_FALSE(parse_endpoint(bad)) << bad;
}

TEST(Options, AdvertisesTheAddressTheClientReachedUnlessConfigured) {
  Options options;
  const Endpoint local{"10.0.0.5", 40123};
  EXPECT_EQ(advertised_endpoint(options, 0, local), local);
  options.advertised_listeners = {"broker.example:9092"};
  EXPECT_EQ(advertised_endpoint(options, 0, local), (Endpoint{"broker.example", 9092}));
  EXPECT_EQ(advertised_endpoint(options, 1, local), local);
  options.advertised_listeners = {"broker.example:0"};
  EXPECT_EQ(advertised_endpoint(options, 0, local), (Endpoint{"broker.example", 40123}));
}

}  // namespace
}  // namespace sluice::broker
