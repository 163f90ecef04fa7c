#include "broker/admin/cluster.hpp"
#include "tests/unit/broker/admin_fixture.hpp"

namespace sluice::broker::admin {
namespace {

class Cluster : public AdminTest {
 protected:
  void SetUp() override {
    options.log_dir = "/data";
    add_topic("a", 2);
    add_topic("b", 1);
  }
};

TEST_F(Cluster, LogDirsReportSizesAndLeaveUnknownPartitionsOut) {
  facts.states[{"a", 1}].size_on_disk = 77;
  protocol::DescribeLogDirsRequest request;
  request.topics = std::nullopt;
  const auto all = describe_log_dirs(request, {1000, 500}, context());
  ASSERT_EQ(all.results.size(), 1u);
  EXPECT_EQ(all.results[0].log_dir, "/data");
  EXPECT_EQ(all.results[0].total_bytes, 1000);
  EXPECT_EQ(all.results[0].usable_bytes, 500);
  ASSERT_EQ(all.results[0].topics.size(), 2u);
  EXPECT_EQ(all.results[0].topics[0].partitions[1].partition_size, 77);
  request.topics.emplace();
  request.topics->push_back({"a", {1, 9}});
  request.topics->push_back({"nope", {0}});
  const auto some = describe_log_dirs(request, {}, context());
  ASSERT_EQ(some.results[0].topics.size(), 1u);
  EXPECT_EQ(some.results[0].topics[0].partitions.size(), 1u);
}

TEST_F(Cluster, ReplicasMoveToNoOtherDirectory) {
  protocol::AlterReplicaLogDirsRequest request;
  request.dirs.push_back({"/other", {{"a", {0}}}});
  request.dirs.push_back({"/data", {{"a", {0, 5}}}});
  const auto response = alter_replica_log_dirs(request, context());
  EXPECT_EQ(response.results[0].partitions[0].error_code, ErrorCode::log_dir_not_found);
  EXPECT_EQ(response.results[1].partitions[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.results[1].partitions[1].error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(Cluster, ReassignmentsKnowOneReplicaListOnly) {
  protocol::AlterPartitionReassignmentsRequest request;
  request.topics.push_back({"a", {{0, std::nullopt}, {0, {{1}}}, {1, {{2}}}, {9, {{1}}}}});
  const auto response = alter_partition_reassignments(request, context());
  const auto& rows = response.responses[0].partitions;
  EXPECT_EQ(rows[0].error_code, ErrorCode::no_reassignment_in_progress);
  EXPECT_EQ(rows[1].error_code, ErrorCode::none);
  EXPECT_EQ(rows[2].error_code, ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(rows[3].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_TRUE(list_partition_reassignments().topics.empty());
}

TEST_F(Cluster, ElectionsAreNeverNeeded) {
  protocol::ElectLeadersRequest request;
  request.topic_partitions.emplace();
  request.topic_partitions->push_back({"a", {0, 7}});
  const auto response = elect_leaders(request, context());
  const auto& rows = response.replica_election_results.at(0).partition_result;
  EXPECT_EQ(rows[0].error_code, ErrorCode::election_not_needed);
  EXPECT_EQ(rows[1].error_code, ErrorCode::unknown_topic_or_partition);
  request.topic_partitions = std::nullopt;
  EXPECT_TRUE(elect_leaders(request, context()).replica_election_results.empty());
}

TEST_F(Cluster, NoGroupOfTheNewProtocolExists) {
  protocol::ConsumerGroupDescribeRequest request;
  request.group_ids = {"g", "h"};
  const auto response = consumer_group_describe(request, context());
  ASSERT_EQ(response.groups.size(), 2u);
  EXPECT_EQ(response.groups[1].group_id, "h");
  EXPECT_EQ(response.groups[1].error_code, ErrorCode::group_id_not_found);
}

TEST_F(Cluster, AclsAreDisabled) {
  EXPECT_EQ(describe_acls().error_code, ErrorCode::security_disabled);
  protocol::CreateAclsRequest create;
  create.creations.resize(2);
  EXPECT_EQ(create_acls(create).results.size(), 2u);
  EXPECT_EQ(create_acls(create).results[1].error_code, ErrorCode::security_disabled);
  protocol::DeleteAclsRequest remove;
  remove.filters.resize(1);
  EXPECT_EQ(delete_acls(remove).filter_results.at(0).error_code, ErrorCode::security_disabled);
}

TEST_F(Cluster, QuotasAreEmptyAndTheirFiltersChecked) {
  protocol::DescribeClientQuotasRequest request;
  EXPECT_EQ(describe_client_quotas(request, context()).error_code, ErrorCode::none);
  request.components.push_back({"user", 0, "u"});
  const auto empty = describe_client_quotas(request, context());
  ASSERT_TRUE(empty.entries);
  EXPECT_TRUE(empty.entries->empty());
  request.components.push_back({"ip", 2, std::nullopt});
  EXPECT_EQ(describe_client_quotas(request, context()).error_code, ErrorCode::invalid_request);
  request.components = {{"planet", 0, "u"}};
  EXPECT_EQ(describe_client_quotas(request, context()).error_code, ErrorCode::unsupported_version);
  request.components = {{"user", 0, std::nullopt}};
  EXPECT_EQ(describe_client_quotas(request, context()).error_code, ErrorCode::invalid_request);
}

TEST_F(Cluster, NoUserHasCredentials) {
  protocol::DescribeUserScramCredentialsRequest request;
  request.users = std::nullopt;
  EXPECT_TRUE(describe_user_scram_credentials(request, context()).results.empty());
  request.users.emplace();
  request.users->push_back({"u"});
  request.users->push_back({"v"});
  request.users->push_back({"v"});
  const auto response = describe_user_scram_credentials(request, context());
  ASSERT_EQ(response.results.size(), 2u);
  EXPECT_EQ(response.results[0].error_code, ErrorCode::resource_not_found);
  EXPECT_EQ(response.results[1].error_code, ErrorCode::duplicate_resource);
}

TEST_F(Cluster, TheQuorumIsThisBroker) {
  protocol::DescribeQuorumRequest request;
  request.topics.push_back({"__cluster_metadata", {{0}}});
  request.topics.push_back({"a", {{0}}});
  const auto response = describe_quorum(request, 2, context());
  EXPECT_EQ(response.topics[0].partitions[0].leader_id, 1);
  EXPECT_EQ(response.topics[0].partitions[0].current_voters.size(), 1u);
  EXPECT_EQ(response.topics[1].partitions[0].error_code, ErrorCode::unknown_topic_or_partition);
}

}  // namespace
}  // namespace sluice::broker::admin
