#include "broker/api_reference.hpp"

#include "broker/dispatch.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>

namespace sluice::broker {
namespace {

struct KafkaApi {
  std::int16_t key;
  std::string_view name;
  protocol::Versions versions;
  std::string_view note;  // what differs, or why it is not offered
};

constexpr std::string_view no_transactions = "no transactions";
constexpr std::string_view no_login = "no login: every client may do everything";
constexpr std::string_view no_acls =
    "answered with SECURITY_DISABLED, as Kafka without an authorizer";
constexpr std::string_view no_kip848 =
    "no groups of KIP-848; clients use classic ones (the default)";
constexpr std::string_view no_tokens = "no delegation tokens";
constexpr std::string_view one_broker = "one broker: there is no quorum";
constexpr std::string_view no_telemetry =
    "no metrics of clients (Kafka tells it with a receiver of them only)";
constexpr std::string_view no_streams_groups =
    "no groups of KIP-1071; Kafka Streams uses classic ones (the default)";

// What Kafka 4.3.1 tells clients in ApiVersions, by key.
constexpr std::array kafka_apis{
    KafkaApi{0, "Produce", "0-13", "versions 0 to 2 are told and refused, as in Kafka"},
    KafkaApi{1, "Fetch", "4-18", ""},
    KafkaApi{2, "ListOffsets", "1-11", ""},
    KafkaApi{3, "Metadata", "0-13", ""},
    KafkaApi{8, "OffsetCommit", "2-10", ""},
    KafkaApi{9, "OffsetFetch", "1-10", ""},
    KafkaApi{10, "FindCoordinator", "0-6", ""},
    KafkaApi{11, "JoinGroup", "0-9", "sent twice: the first is answered, too"},
    KafkaApi{12, "Heartbeat", "0-4", ""},
    KafkaApi{13, "LeaveGroup", "0-5", ""},
    KafkaApi{14, "SyncGroup", "0-5", "sent twice: the first is answered, too"},
    KafkaApi{15, "DescribeGroups", "0-6", ""},
    KafkaApi{16, "ListGroups", "0-5", ""},
    KafkaApi{17, "SaslHandshake", "0-1", no_login},
    KafkaApi{18, "ApiVersions", "0-4", ""},
    KafkaApi{19, "CreateTopics", "2-7", "the replication factor is 1 or -1"},
    KafkaApi{20, "DeleteTopics", "1-6", ""},
    KafkaApi{21, "DeleteRecords", "0-2", ""},
    KafkaApi{22, "InitProducerId", "0-5",
             "with a transactional id: TRANSACTIONAL_ID_AUTHORIZATION_FAILED"},
    KafkaApi{23, "OffsetForLeaderEpoch", "2-4", ""},
    KafkaApi{24, "AddPartitionsToTxn", "0-5", no_transactions},
    KafkaApi{25, "AddOffsetsToTxn", "0-4", no_transactions},
    KafkaApi{26, "EndTxn", "0-5", no_transactions},
    KafkaApi{27, "WriteTxnMarkers", "1-2", no_transactions},
    KafkaApi{28, "TxnOffsetCommit", "0-5", no_transactions},
    KafkaApi{29, "DescribeAcls", "1-3", no_acls},
    KafkaApi{30, "CreateAcls", "1-3", no_acls},
    KafkaApi{31, "DeleteAcls", "1-3", no_acls},
    KafkaApi{32, "DescribeConfigs", "1-4", "has the keys of configuration.md"},
    KafkaApi{33, "AlterConfigs", "0-2", ""},
    KafkaApi{34, "AlterReplicaLogDirs", "1-2", "one directory: another one is refused"},
    KafkaApi{35, "DescribeLogDirs", "1-5", ""},
    KafkaApi{36, "SaslAuthenticate", "0-2", no_login},
    KafkaApi{37, "CreatePartitions", "0-3", ""},
    KafkaApi{38, "CreateDelegationToken", "1-3", no_tokens},
    KafkaApi{39, "RenewDelegationToken", "1-2", no_tokens},
    KafkaApi{40, "ExpireDelegationToken", "1-2", no_tokens},
    KafkaApi{41, "DescribeDelegationToken", "1-3", no_tokens},
    KafkaApi{42, "DeleteGroups", "0-2", ""},
    KafkaApi{43, "ElectLeaders", "0-2", "one broker: ELECTION_NOT_NEEDED"},
    KafkaApi{44, "IncrementalAlterConfigs", "0-1", ""},
    KafkaApi{45, "AlterPartitionReassignments", "0-1",
             "one broker: any other list of replicas is INVALID_REPLICA_ASSIGNMENT"},
    KafkaApi{46, "ListPartitionReassignments", "0", "one broker: always empty"},
    KafkaApi{47, "OffsetDelete", "0", ""},
    KafkaApi{48, "DescribeClientQuotas", "0-1", "no quotas: always empty"},
    KafkaApi{49, "AlterClientQuotas", "0-1", "no quotas"},
    KafkaApi{50, "DescribeUserScramCredentials", "0", "no users: always empty"},
    KafkaApi{51, "AlterUserScramCredentials", "0", no_login},
    KafkaApi{55, "DescribeQuorum", "0-2", one_broker},
    KafkaApi{57, "UpdateFeatures", "0-2", "no features with levels"},
    KafkaApi{60, "DescribeCluster", "0-2", ""},
    KafkaApi{61, "DescribeProducers", "0", ""},
    KafkaApi{64, "UnregisterBroker", "0", one_broker},
    KafkaApi{65, "DescribeTransactions", "0", no_transactions},
    KafkaApi{66, "ListTransactions", "0-2", no_transactions},
    KafkaApi{68, "ConsumerGroupHeartbeat", "0-1", no_kip848},
    KafkaApi{69, "ConsumerGroupDescribe", "0-1",
             "GROUP_ID_NOT_FOUND for each; tools go on to DescribeGroups"},
    KafkaApi{71, "GetTelemetrySubscriptions", "0", no_telemetry},
    KafkaApi{72, "PushTelemetry", "0", no_telemetry},
    KafkaApi{74, "ListConfigResources", "0-1", ""},
    KafkaApi{75, "DescribeTopicPartitions", "0", ""},
    KafkaApi{76, "ShareGroupHeartbeat", "1", ""},
    KafkaApi{77, "ShareGroupDescribe", "1", ""},
    KafkaApi{78, "ShareFetch", "1-2", "batches may carry a delay and a reason in tagged fields"},
    KafkaApi{79, "ShareAcknowledge", "1-2",
             "batches may carry a delay and a reason in tagged fields"},
    KafkaApi{80, "AddRaftVoter", "0-1", one_broker},
    KafkaApi{81, "RemoveRaftVoter", "0", one_broker},
    KafkaApi{88, "StreamsGroupHeartbeat", "0", no_streams_groups},
    KafkaApi{89, "StreamsGroupDescribe", "0", no_streams_groups},
    KafkaApi{90, "DescribeShareGroupOffsets", "0-1", ""},
    KafkaApi{91, "AlterShareGroupOffsets", "0", ""},
    KafkaApi{92, "DeleteShareGroupOffsets", "0", ""},
};
static_assert(std::ranges::is_sorted(kafka_apis, {}, &KafkaApi::key));

struct OwnApi {
  protocol::ApiKey key;
  std::string_view note;
};

constexpr std::array own_apis{
    OwnApi{protocol::ApiKey::describe_queue,
           "what a share group does with its records: `sluice queue`"},
    OwnApi{protocol::ApiKey::alter_queue, "release or reject by hand: `sluice queue`"},
    OwnApi{protocol::ApiKey::list_schedules, "records that wait: `sluice schedule list`"},
    OwnApi{protocol::ApiKey::cancel_schedules, "`sluice schedule cancel`"},
};

std::string range(protocol::Versions versions) {
  const std::string first = std::to_string(versions.first);
  return versions.first == versions.last ? first : first + "-" + std::to_string(versions.last);
}

void append_row(std::string& text, std::initializer_list<std::string_view> cells) {
  text += "|";
  for (const auto cell : cells) text.append(cell.empty() ? "" : " ").append(cell).append(" |");
  text += "\n";
}

// The versions told of an API that is served here; empty: it is not.
std::string served_versions(std::int16_t key) {
  const protocol::ApiInfo* api = protocol::find_api(key);
  if (api == nullptr || !is_served(api->key)) return {};
  return range(api->advertised);
}

}  // namespace

std::string print_api_reference() {
  std::string text =
      "# The Kafka protocol: what is served\n\n"
      "Made from the tables in the program by `sluiced apis`; do not edit. `ApiVersions` tells\n"
      "exactly the versions under \"sluice\". Under \"Kafka\" is what Apache Kafka 4.3.1 tells, "
      "but for\n"
      "83 to 87, which only brokers call. What was tried with which client:\n"
      "[compatibility.md](compatibility.md).\n\n"
      "| key | API | Kafka | sluice | what differs |\n|---|---|---|---|---|\n";
  for (const auto& api : kafka_apis) {
    const std::string served = served_versions(api.key);
    append_row(text, {std::to_string(api.key), api.name, range(api.versions),
                      served.empty() ? "–" : served, api.note});
  }
  text +=
      "\n## Of our own\n\n"
      "A broker that tells these keys is a sluice; other clients pass over them.\n\n"
      "| key | API | versions | for |\n|---|---|---|---|\n";
  for (const auto& api : own_apis) {
    const auto key = static_cast<std::int16_t>(api.key);
    append_row(text,
               {std::to_string(key), protocol::to_string(api.key), served_versions(key), api.note});
  }
  return text;
}

}  // namespace sluice::broker
