// Every answer of the admin APIs can be encoded in every version of its API: a field that a version
// lacks is left at its default, a null only where the version has one.
#include "broker/admin/cluster.hpp"
#include "broker/admin/configs.hpp"
#include "broker/admin/metadata.hpp"
#include "broker/admin/topics.hpp"
#include "protocol/codec.hpp"
#include "tests/unit/broker/admin_fixture.hpp"

namespace sluice::broker::admin {
namespace {

class AdminEncoding : public AdminTest {
 protected:
  void SetUp() override {
    options.log_dir = "/data";
    options.broker_rack = "r";
    known_ = add_topic("known", 2, {{"retention.ms", "5"}}).id;
    change(ReplaceConfigs{ResourceType::broker, "", {{"message.max.bytes", "2000"}}});
    unknown_.octets[5] = std::byte{5};
  }
  // `answer(version)` for each version that the response type has.
  template <class Response>
  void encodes(auto answer) {
    const auto versions = Response::schema.versions;
    for (Version version = versions.first; version <= versions.last; ++version) {
      const Response response = answer(version);
      std::vector<std::byte> frame;
      EXPECT_EQ(protocol::encode(response, version, frame), protocol::WireError::none)
          << "API " << Response::schema.api_key << ", version " << version;
    }
  }
  Uuid known_;
  Uuid unknown_;
};

TEST_F(AdminEncoding, Metadata) {
  protocol::MetadataRequest request;
  request.include_topic_authorized_operations = true;
  request.include_cluster_authorized_operations = true;
  request.topics->push_back({{}, "known"});
  request.topics->push_back({{}, "unknown"});
  request.topics->push_back({{}, "not/valid"});
  encodes<protocol::MetadataResponse>(
      [&](Version version) { return metadata(request, version, context()); });
  request.topics->push_back({unknown_, std::nullopt});
  request.topics->push_back({known_, std::nullopt});
  encodes<protocol::MetadataResponse>([&](Version version) {
    auto versioned = request;
    if (version < 10) versioned.topics->resize(3);  // ids cannot arrive there
    return metadata(versioned, version, context());
  });
  encodes<protocol::MetadataResponse>(
      [&](Version version) { return metadata({std::nullopt}, version, context()); });
}

TEST_F(AdminEncoding, DescribeTopicPartitionsAndCluster) {
  protocol::DescribeTopicPartitionsRequest request;
  request.response_partition_limit = 1;
  encodes<protocol::DescribeTopicPartitionsResponse>(
      [&](Version) { return describe_topic_partitions(request, context()); });
  protocol::DescribeClusterRequest cluster;
  cluster.include_cluster_authorized_operations = true;
  encodes<protocol::DescribeClusterResponse>(
      [&](Version version) { return describe_cluster(cluster, version, context()); });
  cluster.endpoint_type = 2;
  encodes<protocol::DescribeClusterResponse>(
      [&](Version version) { return describe_cluster(cluster, version, context()); });
}

TEST_F(AdminEncoding, Topics) {
  protocol::CreateTopicsRequest create;
  create.topics.resize(3);
  create.topics[0].name = "new";
  create.topics[0].num_partitions = create.topics[0].replication_factor = -1;
  create.topics[1].name = "known";
  create.topics[2].name = "bad/name";
  encodes<protocol::CreateTopicsResponse>(
      [&](Version) { return create_topics(create, context()).response; });
  encodes<protocol::DeleteTopicsResponse>([&](Version version) {
    protocol::DeleteTopicsRequest request;
    if (version < 6)
      request.topic_names = {"known", "unknown"};
    else
      request.topics = {{"known", {}}, {std::nullopt, unknown_}, {std::nullopt, {}}};
    return delete_topics(request, version, context()).response;
  });
  protocol::CreatePartitionsRequest grow;
  grow.topics = {{"known", 5, std::nullopt}, {"unknown", 5, std::nullopt}};
  encodes<protocol::CreatePartitionsResponse>(
      [&](Version) { return create_partitions(grow, context()).response; });
}

TEST_F(AdminEncoding, Configs) {
  protocol::DescribeConfigsRequest describe;
  describe.include_synonyms = true;
  for (const auto& [type, name] :
       std::initializer_list<std::pair<std::int8_t, const char*>>{{2, "known"},
                                                                  {2, "unknown"},
                                                                  {4, "1"},
                                                                  {4, ""},
                                                                  {8, "1"},
                                                                  {16, "m"},
                                                                  {32, "g"},
                                                                  {9, "x"}})
    describe.resources.push_back({type, name, std::nullopt});
  encodes<protocol::DescribeConfigsResponse>([&](Version version) {
    auto versioned = describe;
    versioned.include_documentation = version >= 3;
    return describe_configs(versioned, context());
  });
  encodes<protocol::ListConfigResourcesResponse>(
      [&](Version version) { return list_config_resources({}, version, context()); });
  protocol::IncrementalAlterConfigsRequest incremental;
  incremental.resources.push_back({2, "known", {{"retention.ms", 0, "x"}}});
  encodes<protocol::IncrementalAlterConfigsResponse>(
      [&](Version) { return incremental_alter_configs(incremental, context()).response; });
  protocol::AlterConfigsRequest replace;
  replace.resources.push_back({2, "known", {{"retention.ms", "7"}}});
  encodes<protocol::AlterConfigsResponse>(
      [&](Version) { return alter_configs(replace, context()).response; });
}

TEST_F(AdminEncoding, ReplicasAndDirectories) {
  encodes<protocol::DescribeLogDirsResponse>(
      [&](Version) { return describe_log_dirs({std::nullopt}, {10, 5}, context()); });
  protocol::AlterReplicaLogDirsRequest move;
  move.dirs.push_back({"/other", {{"known", {0}}}});
  encodes<protocol::AlterReplicaLogDirsResponse>(
      [&](Version) { return alter_replica_log_dirs(move, context()); });
  encodes<protocol::ListPartitionReassignmentsResponse>(
      [&](Version) { return list_partition_reassignments(); });
  protocol::AlterPartitionReassignmentsRequest reassign;
  reassign.allow_replication_factor_change = false;
  reassign.topics.push_back({"known", {{0, std::nullopt}}});
  encodes<protocol::AlterPartitionReassignmentsResponse>(
      [&](Version) { return alter_partition_reassignments(reassign, context()); });
  protocol::ElectLeadersRequest elect;
  elect.topic_partitions->push_back({"known", {0, 7}});
  encodes<protocol::ElectLeadersResponse>([&](Version) { return elect_leaders(elect, context()); });
  protocol::DescribeQuorumRequest quorum;
  quorum.topics.push_back({"__cluster_metadata", {{0}}});
  encodes<protocol::DescribeQuorumResponse>(
      [&](Version version) { return describe_quorum(quorum, version, context()); });
}

TEST_F(AdminEncoding, GroupsSecurityAndQuotas) {
  encodes<protocol::ConsumerGroupDescribeResponse>(
      [&](Version) { return consumer_group_describe({{"g"}}, context()); });
  encodes<protocol::DescribeAclsResponse>([](Version) { return describe_acls(); });
  protocol::CreateAclsRequest create;
  create.creations.resize(1);
  encodes<protocol::CreateAclsResponse>([&](Version) { return create_acls(create); });
  protocol::DeleteAclsRequest remove;
  remove.filters.resize(1);
  encodes<protocol::DeleteAclsResponse>([&](Version) { return delete_acls(remove); });
  protocol::DescribeClientQuotasRequest quotas;
  encodes<protocol::DescribeClientQuotasResponse>(
      [&](Version) { return describe_client_quotas(quotas, context()); });
  quotas.components.push_back({"planet", 0, "x"});
  encodes<protocol::DescribeClientQuotasResponse>(
      [&](Version) { return describe_client_quotas(quotas, context()); });
  protocol::DescribeUserScramCredentialsRequest users;
  users.users->push_back({"u"});
  encodes<protocol::DescribeUserScramCredentialsResponse>(
      [&](Version) { return describe_user_scram_credentials(users, context()); });
}

}  // namespace
}  // namespace sluice::broker::admin
