#include "broker/admin/topics.hpp"
#include "tests/unit/broker/admin_fixture.hpp"

#include <algorithm>

namespace sluice::broker::admin {
namespace {

using protocol::CreatePartitionsRequest;
using protocol::CreateTopicsRequest;
using protocol::DeleteTopicsRequest;

class CreateTopics : public AdminTest {
 protected:
  static CreateTopicsRequest::Topic topic(std::string_view name, std::int32_t partitions = 1,
                                          std::int16_t replication = 1) {
    CreateTopicsRequest::Topic asked;
    asked.name = name;
    asked.num_partitions = partitions;
    asked.replication_factor = replication;
    return asked;
  }
  protocol::CreateTopicsResponse create(std::vector<CreateTopicsRequest::Topic> topics,
                                        bool validate_only = false) {
    CreateTopicsRequest request;
    request.topics = std::move(topics);
    request.validate_only = validate_only;
    auto plan = create_topics(request, context());
    commit(plan);
    return std::move(plan.response);
  }
  ErrorCode error_of(CreateTopicsRequest::Topic asked) {
    return create({std::move(asked)}).topics.at(0).error_code;
  }
};

TEST_F(CreateTopics, CreatesAndReportsWhatItMade) {
  auto asked = topic("orders", 3);
  asked.configs.push_back({"retention.ms", "5000"});
  const auto response = create({asked});
  const auto& entry = response.topics.at(0);
  EXPECT_EQ(entry.error_code, ErrorCode::none);
  EXPECT_EQ(entry.num_partitions, 3);
  EXPECT_EQ(entry.replication_factor, 1);
  const Topic* made = catalog->find("orders");
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->partition_count, 3);
  EXPECT_EQ(entry.topic_id, made->id);
  EXPECT_EQ(made->overrides, (ConfigMap{{"retention.ms", "5000"}}));
  ASSERT_TRUE(entry.configs);
  const auto retention = std::ranges::find(*entry.configs, "retention.ms",
                                           &protocol::CreateTopicsResponse::Config::name);
  ASSERT_NE(retention, entry.configs->end());
  EXPECT_EQ(retention->value, "5000");
  EXPECT_EQ(retention->config_source, 1);
}

TEST_F(CreateTopics, MinusOneMeansTheBrokersDefaults) {
  options.num_partitions = 4;
  EXPECT_EQ(error_of(topic("a", -1, -1)), ErrorCode::none);
  EXPECT_EQ(catalog->find("a")->partition_count, 4);
}

TEST_F(CreateTopics, ValidateOnlyChecksAndChangesNothing) {
  EXPECT_EQ(create({topic("a", 2)}, true).topics.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(create({topic("a", 0)}, true).topics.at(0).error_code, ErrorCode::invalid_partitions);
  EXPECT_TRUE(catalog->topics().empty());
}

TEST_F(CreateTopics, RefusesNames) {
  add_topic("taken");
  add_topic("a.b");
  EXPECT_EQ(error_of(topic("taken")), ErrorCode::topic_already_exists);
  EXPECT_EQ(error_of(topic("a_b")), ErrorCode::invalid_topic_exception);
  EXPECT_EQ(error_of(topic("a/b")), ErrorCode::invalid_topic_exception);
  EXPECT_EQ(error_of(topic("")), ErrorCode::invalid_topic_exception);
  EXPECT_EQ(error_of(topic("..")), ErrorCode::invalid_topic_exception);
  EXPECT_EQ(error_of(topic("__cluster_metadata")), ErrorCode::invalid_request);
}

TEST_F(CreateTopics, ANameTwiceInOneRequestIsRefusedOnce) {
  const auto response = create({topic("a"), topic("b"), topic("a")});
  ASSERT_EQ(response.topics.size(), 2u);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::invalid_request);
  EXPECT_EQ(response.topics[1].error_code, ErrorCode::none);
  EXPECT_EQ(catalog->find("a"), nullptr);
}

TEST_F(CreateTopics, TwoNamesOfOneRequestThatCollideDoNotBothComeTrue) {
  const auto response = create({topic("x.y"), topic("x_y")});
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.topics[1].error_code, ErrorCode::invalid_topic_exception);
  EXPECT_FALSE(response.topics[1].configs);
  EXPECT_TRUE(response.topics[1].topic_id.is_zero());
}

TEST_F(CreateTopics, RefusesNumbers) {
  EXPECT_EQ(error_of(topic("a", 0)), ErrorCode::invalid_partitions);
  EXPECT_EQ(error_of(topic("a", -2)), ErrorCode::invalid_partitions);
  EXPECT_EQ(error_of(topic("a", 1, 0)), ErrorCode::invalid_replication_factor);
  EXPECT_EQ(error_of(topic("a", 1, -2)), ErrorCode::invalid_replication_factor);
  EXPECT_EQ(error_of(topic("a", 1, 3)), ErrorCode::invalid_replication_factor);
  EXPECT_EQ(error_of(topic("a", 10'001)), ErrorCode::policy_violation);
  options.partitions_max = 5;
  EXPECT_EQ(error_of(topic("a", 6)), ErrorCode::policy_violation);
}

TEST_F(CreateTopics, AClampedReplicationFactorIsAcceptedAndReportedAsItIs) {
  options.replication_factor_clamp = true;
  const auto response = create({topic("a", 1, 3)});
  EXPECT_EQ(response.topics.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(response.topics.at(0).replication_factor, 1);
}

TEST_F(CreateTopics, RefusesConfigs) {
  const auto with = [](std::string_view name, std::optional<std::string_view> value) {
    auto asked = topic("a");
    asked.configs.push_back({name, value});
    return asked;
  };
  EXPECT_EQ(error_of(with("no.such", "1")), ErrorCode::invalid_config);
  EXPECT_EQ(error_of(with("retention.ms", "soon")), ErrorCode::invalid_config);
  EXPECT_EQ(error_of(with("segment.bytes", "1000")), ErrorCode::invalid_config);
  EXPECT_EQ(error_of(with("retention.ms", std::nullopt)), ErrorCode::invalid_config);
  const auto response = create({with("no.such", "1")});
  EXPECT_EQ(response.topics.at(0).error_message, "Unknown topic config name: no.such");
}

TEST_F(CreateTopics, ChecksManualAssignments) {
  const auto with = [](std::int32_t partitions, std::int16_t replication,
                       std::vector<CreateTopicsRequest::Assignment> assignments) {
    auto asked = topic("a", partitions, replication);
    asked.assignments = std::move(assignments);
    return asked;
  };
  EXPECT_EQ(error_of(with(2, -1, {{0, {1}}})), ErrorCode::invalid_request);
  EXPECT_EQ(error_of(with(-1, 1, {{0, {1}}})), ErrorCode::invalid_request);
  EXPECT_EQ(error_of(with(-1, -1, {{0, {7}}})), ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(error_of(with(-1, -1, {{0, {}}})), ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(error_of(with(-1, -1, {{0, {1, 1}}})), ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(error_of(with(-1, -1, {{1, {1}}})), ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(error_of(with(-1, -1, {{0, {1}}, {0, {1}}})), ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(error_of(with(-1, -1, {{0, {1}}, {1, {1}}})), ErrorCode::none);
  EXPECT_EQ(catalog->find("a")->partition_count, 2);
}

TEST_F(CreateTopics, AFailedCommitIsAStorageErrorOfEachTopic) {
  CreateTopicsRequest request;
  request.topics = {topic("a"), topic("b", 0)};
  auto plan = create_topics(request, context());
  const Result<CommitOutcome> failed(
      std::unexpected(Error{make_error_code(CatalogErrc::fenced), "meta/catalog"}));
  settle(plan, failed, arena);
  EXPECT_EQ(plan.response.topics[0].error_code, ErrorCode::kafka_storage_error);
  EXPECT_TRUE(plan.response.topics[0].topic_id.is_zero());
  EXPECT_EQ(plan.response.topics[1].error_code, ErrorCode::invalid_partitions);
}

class DeleteTopics : public AdminTest {
 protected:
  protocol::DeleteTopicsResponse remove(std::vector<DeleteTopicsRequest::Topic> topics) {
    DeleteTopicsRequest request;
    request.topics = std::move(topics);
    auto plan = delete_topics(request, 6, context());
    commit(plan);
    return std::move(plan.response);
  }
  protocol::DeleteTopicsResponse remove_names(std::vector<std::string_view> names,
                                              Version version) {
    DeleteTopicsRequest request;
    request.topic_names = std::move(names);
    auto plan = delete_topics(request, version, context());
    commit(plan);
    return std::move(plan.response);
  }
};

TEST_F(DeleteTopics, ByNameOrById) {
  const Uuid a = add_topic("a").id;
  const Uuid b = add_topic("b").id;
  const auto response = remove({{"a", {}}, {std::nullopt, b}});
  EXPECT_EQ(response.responses[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.responses[0].topic_id, a);
  EXPECT_EQ(response.responses[1].error_code, ErrorCode::none);
  EXPECT_EQ(response.responses[1].name, "b");
  EXPECT_TRUE(catalog->topics().empty());
}

TEST_F(DeleteTopics, OldVersionsGoByName) {
  add_topic("a");
  const auto response = remove_names({"a", "b"}, 1);
  EXPECT_EQ(response.responses[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.responses[1].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(catalog->find("a"), nullptr);
}

TEST_F(DeleteTopics, RefusesWhatIsUnclear) {
  const Uuid a = add_topic("a").id;
  EXPECT_EQ(remove({{"a", a}}).responses[0].error_code, ErrorCode::invalid_request);
  EXPECT_EQ(remove({{std::nullopt, {}}}).responses[0].error_code, ErrorCode::invalid_request);
  EXPECT_EQ(remove({{"a", {}}, {"a", {}}}).responses[1].error_code, ErrorCode::invalid_request);
  EXPECT_EQ(remove({{"a", {}}, {std::nullopt, a}}).responses[0].error_code,
            ErrorCode::invalid_request);
  EXPECT_NE(catalog->find("a"), nullptr);
}

TEST_F(DeleteTopics, UnknownTopicsAndIdsHaveErrorsOfTheirOwn) {
  Uuid unknown;
  unknown.octets[3] = std::byte{9};
  const auto response = remove({{"nope", {}}, {std::nullopt, unknown}});
  EXPECT_EQ(response.responses[0].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(response.responses[0].name, "nope");
  EXPECT_EQ(response.responses[1].error_code, ErrorCode::unknown_topic_id);
  EXPECT_EQ(response.responses[1].topic_id, unknown);
}

TEST_F(DeleteTopics, CanBeSwitchedOff) {
  options.delete_topic_enable = false;
  add_topic("a");
  EXPECT_EQ(remove_names({"a"}, 2).responses[0].error_code, ErrorCode::invalid_request);
  EXPECT_EQ(remove_names({"a"}, 3).responses[0].error_code, ErrorCode::topic_deletion_disabled);
  EXPECT_NE(catalog->find("a"), nullptr);
}

TEST_F(DeleteTopics, InternalTopicsStay) {
  add_topic("__consumer_offsets");
  EXPECT_EQ(remove({{"__consumer_offsets", {}}}).responses[0].error_code,
            ErrorCode::invalid_topic_exception);
}

class CreatePartitions : public AdminTest {
 protected:
  ErrorCode grow(std::string_view name, std::int32_t count,
                 std::optional<std::vector<CreatePartitionsRequest::Assignment>> assignments = {},
                 bool validate_only = false) {
    CreatePartitionsRequest request;
    request.topics.push_back({name, count, std::move(assignments)});
    request.validate_only = validate_only;
    auto plan = create_partitions(request, context());
    commit(plan);
    return plan.response.results.at(0).error_code;
  }
};

TEST_F(CreatePartitions, OnlyGrow) {
  add_topic("a", 2);
  EXPECT_EQ(grow("a", 2), ErrorCode::invalid_partitions);
  EXPECT_EQ(grow("a", 1), ErrorCode::invalid_partitions);
  EXPECT_EQ(grow("nope", 3), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(grow("a", 5, std::nullopt, true), ErrorCode::none);
  EXPECT_EQ(catalog->find("a")->partition_count, 2);
  EXPECT_EQ(grow("a", 5), ErrorCode::none);
  EXPECT_EQ(catalog->find("a")->partition_count, 5);
}

TEST_F(CreatePartitions, AssignmentsMustMatchWhatIsAdded) {
  add_topic("a", 1);
  using Assignments = std::vector<CreatePartitionsRequest::Assignment>;
  EXPECT_EQ(grow("a", 3, Assignments{{{1}}}), ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(grow("a", 2, Assignments{{{9}}}), ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(grow("a", 2, Assignments{{{1}}}), ErrorCode::none);
}

TEST_F(CreatePartitions, InternalTopicsAndTooManyAreRefused) {
  add_topic("__consumer_offsets", 2);
  add_topic("a", 2);
  EXPECT_EQ(grow("__consumer_offsets", 3), ErrorCode::invalid_topic_exception);
  EXPECT_EQ(grow("a", 20'000), ErrorCode::policy_violation);
}

TEST_F(CreatePartitions, ANameTwiceIsRefused) {
  add_topic("a", 1);
  CreatePartitionsRequest request;
  request.topics.push_back({"a", 2, std::nullopt});
  request.topics.push_back({"a", 3, std::nullopt});
  const auto plan = create_partitions(request, context());
  ASSERT_EQ(plan.response.results.size(), 1u);
  EXPECT_EQ(plan.response.results[0].error_code, ErrorCode::invalid_request);
  EXPECT_TRUE(plan.changes.empty());
}

TEST_F(CreateTopics, TheOffsetsTopicIsCompactedAndAsWideAsConfigured) {
  options.offsets_topic_num_partitions = 7;
  const auto change = offsets_topic(options, *catalog, random, 5);
  EXPECT_EQ(change.topic.name, "__consumer_offsets");
  EXPECT_EQ(change.topic.partition_count, 7);
  EXPECT_EQ(change.topic.overrides.at("cleanup.policy"), "compact");
  EXPECT_FALSE(change.topic.id.is_zero());
}

}  // namespace
}  // namespace sluice::broker::admin
