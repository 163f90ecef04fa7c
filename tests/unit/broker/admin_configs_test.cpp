#include "broker/admin/configs.hpp"
#include "broker/topic_config.hpp"
#include "tests/unit/broker/admin_fixture.hpp"

#include <algorithm>

namespace sluice::broker::admin {
namespace {

using protocol::AlterConfigsRequest;
using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;
using protocol::IncrementalAlterConfigsRequest;

constexpr std::int8_t topic_type = 2;
constexpr std::int8_t broker_type = 4;
constexpr std::int8_t logger_type = 8;
constexpr std::int8_t metrics_type = 16;
constexpr std::int8_t group_type = 32;
enum : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

class DescribeConfigs : public AdminTest {
 protected:
  DescribeConfigsResponse::Result describe(std::int8_t type, std::string_view name) {
    DescribeConfigsRequest request;
    request.resources.push_back({type, name, std::nullopt});
    request.include_synonyms = true;
    request.include_documentation = true;
    return describe_configs(request, context()).results.at(0);
  }
  static const DescribeConfigsResponse::Config* find(const DescribeConfigsResponse::Result& result,
                                                     std::string_view name) {
    const auto at = std::ranges::find(result.configs, name, &DescribeConfigsResponse::Config::name);
    return at == result.configs.end() ? nullptr : &*at;
  }
};

TEST_F(DescribeConfigs, ATopicReportsItsOverrideAndWhatItHides) {
  ASSERT_TRUE(set_option(options, "log.retention.hours", "2", "test"));
  change(ReplaceConfigs{ResourceType::broker, "", {{"log.retention.ms", "70"}}});
  add_topic("a", 1, {{"retention.ms", "5"}});
  const auto result = describe(topic_type, "a");
  EXPECT_EQ(result.error_code, ErrorCode::none);
  EXPECT_EQ(result.configs.size(), topic_config_rows().size());
  const auto* config = find(result, "retention.ms");
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->value, "5");
  EXPECT_EQ(config->config_source, 1);
  EXPECT_EQ(config->config_type, 5);
  EXPECT_FALSE(config->read_only);
  EXPECT_FALSE(config->documentation.value_or("").empty());
  ASSERT_EQ(config->synonyms.size(), 4u);
  EXPECT_EQ(config->synonyms[0].name, "retention.ms");
  EXPECT_EQ(config->synonyms[0].source, 1);
  EXPECT_EQ(config->synonyms[1].name, "log.retention.ms");
  EXPECT_EQ(config->synonyms[1].source, 3);
  EXPECT_EQ(config->synonyms[2].name, "log.retention.hours");
  EXPECT_EQ(config->synonyms[2].value, "2");
  EXPECT_EQ(config->synonyms[2].source, 4);
  EXPECT_EQ(config->synonyms[3].source, 5);
  EXPECT_EQ(config->synonyms[3].value, "168");
}

TEST_F(DescribeConfigs, ATopicWithoutOverridesReportsTheBrokersValueInItsOwnUnit) {
  ASSERT_TRUE(set_option(options, "log.retention.hours", "2", "test"));
  add_topic("a");
  const auto result = describe(topic_type, "a");
  EXPECT_EQ(find(result, "retention.ms")->value, "7200000");
  EXPECT_EQ(find(result, "retention.ms")->config_source, 4);
  EXPECT_EQ(find(result, "segment.bytes")->config_source, 5);
  EXPECT_EQ(find(result, "cleanup.policy")->value, "delete");
  EXPECT_EQ(find(result, "remote.storage.enable")->config_source, 5);
}

TEST_F(DescribeConfigs, KeysNarrowTheAnswerAndAnEmptyListDoesNot) {
  add_topic("a");
  DescribeConfigsRequest request;
  request.resources.push_back(
      {topic_type, "a", std::vector<std::string_view>{"retention.ms", "x"}});
  EXPECT_EQ(describe_configs(request, context()).results[0].configs.size(), 1u);
  request.resources[0].configuration_keys->clear();
  const auto response = describe_configs(request, context());
  EXPECT_EQ(response.results[0].configs.size(), topic_config_rows().size());
  EXPECT_TRUE(response.results[0].configs[0].synonyms.empty());
  EXPECT_EQ(response.results[0].configs[0].documentation, std::nullopt);
}

TEST_F(DescribeConfigs, TheBrokerReportsEverySourceAndWhatNeedsARestart) {
  ASSERT_TRUE(set_option(options, "message.max.bytes", "1000", "test"));
  change(ReplaceConfigs{ResourceType::broker, "1", {{"message.max.bytes", "3000"}, {"odd", "x"}}});
  change(ReplaceConfigs{ResourceType::broker, "", {{"message.max.bytes", "2000"}}});
  options = apply_dynamic_options(options, catalog->configs(ResourceType::broker, ""),
                                  catalog->configs(ResourceType::broker, "1"));
  const auto result = describe(broker_type, "1");
  const auto* config = find(result, "message.max.bytes");
  EXPECT_EQ(config->value, "3000");
  EXPECT_EQ(config->config_source, 2);
  ASSERT_EQ(config->synonyms.size(), 4u);
  EXPECT_EQ(config->synonyms[1].source, 3);
  EXPECT_EQ(config->synonyms[2].value, "1000");
  EXPECT_EQ(config->synonyms[3].value, "1048588");
  EXPECT_FALSE(config->read_only);
  EXPECT_TRUE(find(result, "num.partitions")->read_only);
  EXPECT_EQ(find(result, "log.retention.ms")->value, std::nullopt);
  EXPECT_EQ(find(result, "odd")->value, "x");
}

TEST_F(DescribeConfigs, TheEmptyBrokerNameListsClusterWideValuesOnly) {
  EXPECT_TRUE(describe(broker_type, "").configs.empty());
  change(ReplaceConfigs{ResourceType::broker, "", {{"message.max.bytes", "2000"}}});
  const auto result = describe(broker_type, "");
  ASSERT_EQ(result.configs.size(), 1u);
  EXPECT_EQ(result.configs[0].config_source, 3);
}

TEST_F(DescribeConfigs, RefusesWhatIsNotThere) {
  EXPECT_EQ(describe(topic_type, "nope").error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(describe(topic_type, "a/b").error_code, ErrorCode::invalid_topic_exception);
  EXPECT_EQ(describe(broker_type, "2").error_code, ErrorCode::invalid_request);
  EXPECT_EQ(describe(broker_type, "x").error_code, ErrorCode::invalid_request);
  EXPECT_EQ(describe(99, "x").error_code, ErrorCode::invalid_request);
  EXPECT_EQ(describe(group_type, "").error_code, ErrorCode::invalid_request);
}

TEST_F(DescribeConfigs, GroupsReportDefaultsAndOverrides) {
  change(ReplaceConfigs{ResourceType::group, "g", {{"share.auto.offset.reset", "earliest"}}});
  const auto result = describe(group_type, "g");
  EXPECT_EQ(find(result, "share.auto.offset.reset")->value, "earliest");
  EXPECT_EQ(find(result, "share.auto.offset.reset")->config_source, 8);
  EXPECT_EQ(find(result, "consumer.session.timeout.ms")->value, "45000");
  EXPECT_EQ(find(describe(group_type, "other"), "share.auto.offset.reset")->value, "latest");
  EXPECT_TRUE(describe(metrics_type, "m").configs.empty());
  EXPECT_EQ(describe(logger_type, "1").configs.size(), 1u);
}

class AlterConfigsApi : public AdminTest {
 protected:
  using Change = IncrementalAlterConfigsRequest::Config;
  ErrorCode alter(std::int8_t type, std::string_view name, std::vector<Change> changes,
                  bool validate_only = false) {
    IncrementalAlterConfigsRequest request;
    request.resources.push_back({type, name, std::move(changes)});
    request.validate_only = validate_only;
    auto plan = incremental_alter_configs(request, context());
    commit(plan);
    const auto& entry = plan.response.responses.at(0);
    EXPECT_EQ(entry.resource_name, name);
    message = std::string(entry.error_message.value_or(""));
    return entry.error_code;
  }
  const ConfigMap& overrides(std::string_view topic) { return catalog->find(topic)->overrides; }
  std::string message;
};

TEST_F(AlterConfigsApi, SetsAndDeletesOneKeyAndLeavesTheOthers) {
  add_topic("a", 1, {{"segment.ms", "7"}});
  EXPECT_EQ(alter(topic_type, "a", {{"retention.ms", set, "5"}}), ErrorCode::none);
  EXPECT_EQ(overrides("a"), (ConfigMap{{"retention.ms", "5"}, {"segment.ms", "7"}}));
  EXPECT_EQ(alter(topic_type, "a", {{"segment.ms", remove, std::nullopt}}), ErrorCode::none);
  EXPECT_EQ(overrides("a"), (ConfigMap{{"retention.ms", "5"}}));
}

TEST_F(AlterConfigsApi, AppendsAndSubtractsFromLists) {
  add_topic("a");
  EXPECT_EQ(alter(topic_type, "a", {{"cleanup.policy", append, "compact"}}), ErrorCode::none);
  EXPECT_EQ(overrides("a").at("cleanup.policy"), "delete,compact");
  EXPECT_EQ(alter(topic_type, "a", {{"cleanup.policy", append, "compact"}}), ErrorCode::none);
  EXPECT_EQ(overrides("a").at("cleanup.policy"), "delete,compact");
  EXPECT_EQ(alter(topic_type, "a", {{"cleanup.policy", subtract, "delete"}}), ErrorCode::none);
  EXPECT_EQ(overrides("a").at("cleanup.policy"), "compact");
  EXPECT_EQ(alter(topic_type, "a", {{"retention.ms", append, "5"}}), ErrorCode::invalid_config);
}

TEST_F(AlterConfigsApi, RefusesTopicConfigs) {
  add_topic("a");
  EXPECT_EQ(alter(topic_type, "a", {{"no.such", set, "5"}}), ErrorCode::invalid_config);
  EXPECT_EQ(message, "Unknown topic config name: no.such");
  EXPECT_EQ(alter(topic_type, "a", {{"retention.ms", set, "x"}}), ErrorCode::invalid_config);
  EXPECT_EQ(alter(topic_type, "a", {{"retention.ms", set, std::nullopt}}),
            ErrorCode::invalid_request);
  EXPECT_EQ(alter(topic_type, "a", {{"retention.ms", set, "1"}, {"retention.ms", remove, ""}}),
            ErrorCode::invalid_request);
  EXPECT_EQ(alter(topic_type, "a", {{"retention.ms", 9, "1"}}), ErrorCode::invalid_request);
  EXPECT_EQ(alter(topic_type, "a",
                  {{"min.compaction.lag.ms", set, "9"}, {"max.compaction.lag.ms", set, "8"}}),
            ErrorCode::invalid_config);
  EXPECT_EQ(alter(topic_type, "nope", {}), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(alter(topic_type, "a/b", {}), ErrorCode::invalid_topic_exception);
  EXPECT_TRUE(overrides("a").empty());
}

TEST_F(AlterConfigsApi, ValidateOnlyChangesNothing) {
  add_topic("a");
  EXPECT_EQ(alter(topic_type, "a", {{"retention.ms", set, "5"}}, true), ErrorCode::none);
  EXPECT_EQ(alter(topic_type, "a", {{"retention.ms", set, "x"}}, true), ErrorCode::invalid_config);
  EXPECT_TRUE(overrides("a").empty());
}

TEST_F(AlterConfigsApi, AResourceTwiceIsRefusedBothTimes) {
  add_topic("a");
  IncrementalAlterConfigsRequest request;
  request.resources.push_back({topic_type, "a", {{"retention.ms", set, "5"}}});
  request.resources.push_back({topic_type, "a", {{"retention.ms", set, "6"}}});
  const auto plan = incremental_alter_configs(request, context());
  EXPECT_TRUE(plan.changes.empty());
  EXPECT_EQ(plan.response.responses[0].error_code, ErrorCode::invalid_request);
  EXPECT_EQ(plan.response.responses[1].error_code, ErrorCode::invalid_request);
}

TEST_F(AlterConfigsApi, BrokerConfigsMustBeDynamicWhenTheyAreKnown) {
  EXPECT_EQ(alter(broker_type, "1", {{"message.max.bytes", set, "2000"}}), ErrorCode::none);
  EXPECT_EQ(alter(broker_type, "", {{"log.retention.ms", set, "2000"}}), ErrorCode::none);
  EXPECT_EQ(alter(broker_type, "1", {{"num.partitions", set, "2"}}), ErrorCode::invalid_request);
  EXPECT_EQ(alter(broker_type, "1", {{"message.max.bytes", set, "x"}}), ErrorCode::invalid_request);
  EXPECT_EQ(alter(broker_type, "1", {{"some.plugin.key", set, "x"}}), ErrorCode::none);
  EXPECT_EQ(alter(broker_type, "2", {{"message.max.bytes", set, "5"}}), ErrorCode::invalid_request);
  EXPECT_EQ(catalog->configs(ResourceType::broker, "1"),
            (ConfigMap{{"message.max.bytes", "2000"}, {"some.plugin.key", "x"}}));
  EXPECT_EQ(alter(broker_type, "1", {{"message.max.bytes", remove, std::nullopt}}),
            ErrorCode::none);
  EXPECT_FALSE(catalog->configs(ResourceType::broker, "1").contains("message.max.bytes"));
}

TEST_F(AlterConfigsApi, GroupConfigsAreChecked) {
  EXPECT_EQ(alter(group_type, "g", {{"share.auto.offset.reset", set, "earliest"}}),
            ErrorCode::none);
  EXPECT_EQ(alter(group_type, "g", {{"share.auto.offset.reset", set, "middle"}}),
            ErrorCode::invalid_config);
  EXPECT_EQ(alter(group_type, "g", {{"no.such", set, "1"}}), ErrorCode::invalid_config);
  EXPECT_EQ(alter(group_type, "g", {{"consumer.heartbeat.interval.ms", set, "60000"}}),
            ErrorCode::invalid_config);
  EXPECT_EQ(alter(group_type, "", {}), ErrorCode::invalid_request);
  EXPECT_EQ(alter(metrics_type, "", {}), ErrorCode::invalid_request);
  EXPECT_EQ(alter(logger_type, "1", {}), ErrorCode::invalid_request);
}

TEST_F(AlterConfigsApi, TheOldApiReplacesTheWholeSet) {
  add_topic("a", 1, {{"segment.ms", "7"}});
  AlterConfigsRequest request;
  request.resources.push_back({topic_type, "a", {{"retention.ms", "5"}}});
  auto plan = alter_configs(request, context());
  commit(plan);
  EXPECT_EQ(plan.response.responses[0].error_code, ErrorCode::none);
  EXPECT_EQ(overrides("a"), (ConfigMap{{"retention.ms", "5"}}));
  request.resources[0].configs = {{"retention.ms", std::nullopt}};
  EXPECT_EQ(alter_configs(request, context()).response.responses[0].error_code,
            ErrorCode::invalid_request);
  request.resources[0].configs = {{"retention.ms", "1"}, {"retention.ms", "2"}};
  EXPECT_EQ(alter_configs(request, context()).response.responses[0].error_code,
            ErrorCode::invalid_request);
}

class ListConfigResources : public AdminTest {};

TEST_F(ListConfigResources, ListsEveryKindByDefault) {
  add_topic("a");
  change(ReplaceConfigs{ResourceType::group, "g", {{"share.auto.offset.reset", "earliest"}}});
  EXPECT_EQ(list_config_resources({}, 1, context()).config_resources.size(), 4u);
  EXPECT_TRUE(list_config_resources({}, 0, context()).config_resources.empty());
  const auto groups = list_config_resources({{group_type}}, 1, context());
  ASSERT_EQ(groups.config_resources.size(), 1u);
  EXPECT_EQ(groups.config_resources[0].resource_name, "g");
  EXPECT_EQ(list_config_resources({{3}}, 1, context()).error_code, ErrorCode::unsupported_version);
}

}  // namespace
}  // namespace sluice::broker::admin
