#include "broker/admin/metadata.hpp"
#include "tests/unit/broker/admin_fixture.hpp"

#include <limits>

namespace sluice::broker::admin {
namespace {

using protocol::DescribeTopicPartitionsRequest;
using protocol::MetadataRequest;

class MetadataApi : public AdminTest {
 protected:
  static MetadataRequest by_name(std::vector<std::string_view> names) {
    MetadataRequest request;
    request.topics.emplace();
    for (const auto name : names) request.topics->push_back({{}, name});
    return request;
  }
  static MetadataRequest by_id(Uuid id) {
    MetadataRequest request;
    request.topics.emplace();
    request.topics->push_back({id, std::nullopt});
    return request;
  }
};

TEST_F(MetadataApi, NamesThisBrokerAsLeaderOfEveryPartition) {
  options.broker_rack = "r1";
  add_topic("a", 2);
  facts.states[{"a", 1}].leader_epoch = 4;
  const auto response = metadata(by_name({"a"}), 13, context());
  ASSERT_EQ(response.brokers.size(), 1u);
  EXPECT_EQ(response.brokers[0].node_id, 1);
  EXPECT_EQ(response.brokers[0].host, "localhost");
  EXPECT_EQ(response.brokers[0].port, 9092);
  EXPECT_EQ(response.brokers[0].rack, "r1");
  EXPECT_EQ(response.controller_id, 1);
  EXPECT_EQ(response.cluster_id, "MkU3OEVBNTcwNTJENDM2Qg");
  ASSERT_EQ(response.topics.size(), 1u);
  EXPECT_EQ(response.topics[0].topic_id, catalog->find("a")->id);
  ASSERT_EQ(response.topics[0].partitions.size(), 2u);
  const auto& partition = response.topics[0].partitions[1];
  EXPECT_EQ(partition.leader_id, 1);
  EXPECT_EQ(partition.leader_epoch, 4);
  EXPECT_EQ(partition.replica_nodes, std::vector<BrokerId>{1});
  EXPECT_EQ(partition.isr_nodes, std::vector<BrokerId>{1});
  EXPECT_TRUE(partition.offline_replicas.empty());
}

TEST_F(MetadataApi, NullMeansAllAndEmptyMeansNoneButAllInVersionZero) {
  add_topic("a");
  add_topic("__consumer_offsets");
  MetadataRequest all;
  all.topics = std::nullopt;
  const auto response = metadata(all, 9, context());
  ASSERT_EQ(response.topics.size(), 2u);
  EXPECT_TRUE(response.topics[0].is_internal);
  EXPECT_FALSE(response.topics[1].is_internal);
  EXPECT_EQ(metadata(MetadataRequest{}, 1, context()).topics.size(), 0u);
  EXPECT_EQ(metadata(MetadataRequest{}, 0, context()).topics.size(), 2u);
}

TEST_F(MetadataApi, UnknownTopicsHaveErrorsOfTheirOwn) {
  const auto response = metadata(by_name({"nope", "a/b"}), 9, context());
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(response.topics[0].name, "nope");
  EXPECT_EQ(response.topics[1].error_code, ErrorCode::invalid_topic_exception);
}

TEST_F(MetadataApi, FindsByIdFromVersionTwelve) {
  const Uuid id = add_topic("a").id;
  EXPECT_EQ(metadata(by_id(id), 12, context()).topics[0].name, "a");
  Uuid unknown;
  unknown.octets[1] = std::byte{1};
  const auto response = metadata(by_id(unknown), 12, context());
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::unknown_topic_id);
  EXPECT_EQ(response.topics[0].name, std::nullopt);
  EXPECT_EQ(response.topics[0].topic_id, unknown);
  for (const Version version : {Version{10}, Version{11}}) {
    const auto early = metadata(by_id(id), version, context());
    EXPECT_EQ(early.topics[0].error_code, ErrorCode::invalid_request);
    EXPECT_TRUE(early.topics[0].name);
  }
}

TEST_F(MetadataApi, AnUnavailablePartitionHasNoLeader) {
  add_topic("a");
  facts.states[{"a", 0}].available = false;
  const auto response = metadata(by_name({"a"}), 9, context());
  const auto& partition = response.topics[0].partitions[0];
  EXPECT_EQ(partition.error_code, ErrorCode::leader_not_available);
  EXPECT_EQ(partition.leader_id, -1);
  EXPECT_EQ(partition.offline_replicas, std::vector<BrokerId>{1});
}

TEST_F(MetadataApi, AnswersOperationsOnlyWhenAskedAndWhereTheVersionHasThem) {
  add_topic("a");
  auto request = by_name({"a"});
  const auto none = std::numeric_limits<std::int32_t>::min();
  EXPECT_EQ(metadata(request, 9, context()).topics[0].topic_authorized_operations, none);
  request.include_topic_authorized_operations = true;
  request.include_cluster_authorized_operations = true;
  EXPECT_EQ(metadata(request, 9, context()).topics[0].topic_authorized_operations,
            topic_operations);
  EXPECT_EQ(metadata(request, 9, context()).cluster_authorized_operations, cluster_operations);
  EXPECT_EQ(metadata(request, 13, context()).cluster_authorized_operations, none);
}

TEST_F(MetadataApi, ATopicAskedForTwiceIsAnsweredOnce) {
  add_topic("a");
  EXPECT_EQ(metadata(by_name({"a", "a"}), 9, context()).topics.size(), 1u);
}

TEST_F(MetadataApi, CreatesMissingTopicsWhereRequestAndBrokerAllowIt) {
  options.num_partitions = 3;
  add_topic("there");
  add_topic("x.y");
  auto request = by_name({"there", "new", "new", "a/b", "x_y"});
  const auto changes = auto_created_topics(request, 4, context());
  ASSERT_EQ(changes.size(), 1u);
  const auto& created = std::get<CreateTopic>(changes[0]).topic;
  EXPECT_EQ(created.name, "new");
  EXPECT_EQ(created.partition_count, 3);
  change(changes[0]);
  const auto response = metadata(request, 4, context());
  EXPECT_EQ(response.topics[1].error_code, ErrorCode::none);
  EXPECT_EQ(response.topics[3].error_code, ErrorCode::invalid_topic_exception);
}

TEST_F(MetadataApi, DoesNotCreateTopicsOtherwise) {
  auto request = by_name({"new"});
  request.allow_auto_topic_creation = false;
  EXPECT_TRUE(auto_created_topics(request, 4, context()).empty());
  EXPECT_EQ(auto_created_topics(request, 3, context()).size(), 1u) << "implied before version 4";
  request.allow_auto_topic_creation = true;
  options.auto_create_topics_enable = false;
  EXPECT_TRUE(auto_created_topics(request, 4, context()).empty());
  options.auto_create_topics_enable = true;
  MetadataRequest all;
  all.topics = std::nullopt;
  EXPECT_TRUE(auto_created_topics(all, 4, context()).empty());
  EXPECT_TRUE(auto_created_topics(by_name({"__transaction_state"}), 4, context()).empty());
  options.partitions_max = 1;
  add_topic("only");
  EXPECT_TRUE(auto_created_topics(request, 4, context()).empty());
}

class TopicPartitions : public AdminTest {
 protected:
  void SetUp() override {
    add_topic("b", 3);
    add_topic("a", 2);
    add_topic("c", 1);
  }
};

TEST_F(TopicPartitions, AreSortedAndCutAtTheLimitWithACursor) {
  DescribeTopicPartitionsRequest request;
  request.response_partition_limit = 3;
  auto response = describe_topic_partitions(request, context());
  ASSERT_EQ(response.topics.size(), 2u);
  EXPECT_EQ(response.topics[0].name, "a");
  EXPECT_EQ(response.topics[0].partitions.size(), 2u);
  EXPECT_EQ(response.topics[1].partitions.size(), 1u);
  ASSERT_TRUE(response.next_cursor);
  EXPECT_EQ(response.next_cursor->topic_name, "b");
  EXPECT_EQ(response.next_cursor->partition_index, 1);

  request.cursor.emplace(response.next_cursor->topic_name, response.next_cursor->partition_index);
  response = describe_topic_partitions(request, context());
  ASSERT_EQ(response.topics.size(), 2u);
  EXPECT_EQ(response.topics[0].name, "b");
  EXPECT_EQ(response.topics[0].partitions.at(0).partition_index, 1);
  EXPECT_EQ(response.topics[1].name, "c");
  EXPECT_FALSE(response.next_cursor);
}

TEST_F(TopicPartitions, ACutBetweenTopicsPointsAtTheNextOne) {
  DescribeTopicPartitionsRequest request;
  request.response_partition_limit = 2;
  const auto response = describe_topic_partitions(request, context());
  ASSERT_EQ(response.topics.size(), 1u);
  EXPECT_EQ(response.next_cursor->topic_name, "b");
  EXPECT_EQ(response.next_cursor->partition_index, 0);
}

TEST_F(TopicPartitions, NamedTopicsMayBeUnknown) {
  DescribeTopicPartitionsRequest request;
  request.topics = {{"nope"}, {"c"}};
  const auto response = describe_topic_partitions(request, context());
  ASSERT_EQ(response.topics.size(), 2u);
  EXPECT_EQ(response.topics[0].name, "c");
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.topics[1].error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(TopicPartitions, ACursorOutsideTheListIsRefused) {
  DescribeTopicPartitionsRequest request;
  request.topics = {{"a"}};
  request.cursor.emplace("b", 0);
  EXPECT_EQ(describe_topic_partitions(request, context()).topics.at(0).error_code,
            ErrorCode::invalid_request);
  request.cursor.emplace("a", -1);
  EXPECT_EQ(describe_topic_partitions(request, context()).topics.at(0).error_code,
            ErrorCode::invalid_request);
}

class DescribeCluster : public AdminTest {};

TEST_F(DescribeCluster, NamesTheOneBroker) {
  const auto response = describe_cluster({}, 1, context());
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.controller_id, 1);
  ASSERT_EQ(response.brokers.size(), 1u);
  EXPECT_EQ(response.brokers[0].host, "localhost");
}

TEST_F(DescribeCluster, OtherEndpointTypesAreRefused) {
  protocol::DescribeClusterRequest request;
  request.endpoint_type = 2;
  EXPECT_EQ(describe_cluster(request, 1, context()).error_code,
            ErrorCode::mismatched_endpoint_type);
  request.endpoint_type = 7;
  EXPECT_EQ(describe_cluster(request, 1, context()).error_code,
            ErrorCode::unsupported_endpoint_type);
}

}  // namespace
}  // namespace sluice::broker::admin
