// What the group coordinator takes and gives: plain structs without message classes, sockets or
// clocks, so that the coordinator (group.hpp, group_offsets.hpp, group_coordinator.hpp) can be
// driven by a test as well as by the handlers.
//
// Requests borrow (string_view, Bytes): valid until the call that takes them returns; what must
// outlive the call is copied. Replies own everything they carry.
#pragma once

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "protocol/error_code.hpp"
#include "protocol/ids.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::broker {

using protocol::ErrorCode;
using Blob = std::vector<std::byte>;

// Names one request that waits for its answer. Chosen by the caller, unique among those waiting.
using RequestToken = std::uint64_t;

// The time of a call: sessions and rebalances are timed by `steady`, what is stored (commit
// timestamps, retention) by `wall_ms`.
struct GroupTime {
  TimePoint steady;
  std::int64_t wall_ms = 0;
};

// ------------------------------------------------------------------------------------- requests

struct JoinProtocol {
  std::string_view name;
  Bytes metadata;
};

struct JoinRequest {
  std::int16_t api_version = 9;
  std::string_view group_id;
  std::chrono::milliseconds session_timeout{0};
  std::chrono::milliseconds rebalance_timeout{-1};  // negative: the session timeout (v0)
  std::string_view member_id;                       // empty: a new member
  std::optional<std::string_view> instance_id;      // set: a static member
  std::string_view client_id;
  std::string_view client_host;  // as Kafka reports it: "/127.0.0.1"
  std::string_view protocol_type;
  std::vector<JoinProtocol> protocols;  // most preferred first
};

struct SyncAssignment {
  std::string_view member_id;
  Bytes assignment;
};

struct SyncRequest {
  std::int16_t api_version = 5;
  std::string_view group_id;
  std::int32_t generation = -1;
  std::string_view member_id;
  std::optional<std::string_view> instance_id;
  std::optional<std::string_view> protocol_type;
  std::optional<std::string_view> protocol_name;
  std::vector<SyncAssignment> assignments;  // from the leader only
};

struct GroupHeartbeat {
  std::string_view group_id;
  std::int32_t generation = -1;
  std::string_view member_id;
  std::optional<std::string_view> instance_id;
};

struct LeavingMember {
  std::string_view member_id;  // empty with an instance id: removal by an administrator
  std::optional<std::string_view> instance_id;
};

struct LeaveRequest {
  std::string_view group_id;
  std::vector<LeavingMember> members;  // v0-2: one
};

struct CommitPartition {
  std::int32_t index = 0;
  std::int64_t offset = -1;
  std::int32_t leader_epoch = -1;
  std::optional<std::string_view> metadata;
  // Not none: the caller refuses this partition (unknown topic, not authorised). It is not
  // committed, and the error is in the reply at its place.
  ErrorCode error = ErrorCode::none;
};

struct CommitTopic {
  std::string_view name;
  TopicId id{};  // stored with the offset, so that it does not outlive its topic
  std::vector<CommitPartition> partitions;
};

struct CommitRequest {
  std::int16_t api_version = 10;
  std::string_view group_id;
  std::int32_t generation = -1;
  std::string_view member_id;
  std::optional<std::string_view> instance_id;
  std::int64_t retention_ms = -1;  // v2-4; -1: the broker's offsets.retention.minutes
  std::vector<CommitTopic> topics;
};

struct FetchOffsetsTopic {
  std::string_view name;
  TopicId id{};  // not zero: an offset stored for another topic of that name is not returned
  std::vector<std::int32_t> partitions;
};

struct FetchOffsetsRequest {
  std::string_view group_id;
  std::optional<std::vector<FetchOffsetsTopic>> topics;  // nullopt: everything committed
};

struct DeleteOffsetsPartition {
  std::int32_t index = 0;
  ErrorCode error = ErrorCode::none;  // as in CommitPartition
};

struct DeleteOffsetsTopic {
  std::string_view name;
  std::vector<DeleteOffsetsPartition> partitions;
};

struct DeleteOffsetsRequest {
  std::string_view group_id;
  std::vector<DeleteOffsetsTopic> topics;
};

struct GroupListFilter {
  std::vector<std::string_view> states;  // any case; empty: all
  std::vector<std::string_view> types;   // any case; empty: all
};

// -------------------------------------------------------------------------------------- replies

struct JoinedMember {
  std::string member_id;
  std::optional<std::string> instance_id;
  Blob metadata;
};

struct JoinReply {
  ErrorCode error = ErrorCode::none;
  std::int32_t generation = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;  // JoinGroup below v7 has no null: send ""
  std::string leader;
  bool skip_assignment = false;
  std::string member_id;
  std::vector<JoinedMember> members;  // for the leader only
};

struct SyncReply {
  ErrorCode error = ErrorCode::none;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  Blob assignment;
};

struct LeftMember {
  std::string member_id;
  std::optional<std::string> instance_id;
  ErrorCode error = ErrorCode::none;
};

struct LeaveReply {
  ErrorCode error = ErrorCode::none;
  std::vector<LeftMember> members;  // in the order of the request

  // What LeaveGroup v0-2 answers, which has one member and one error.
  ErrorCode single_error() const {
    return error == ErrorCode::none && !members.empty() ? members.front().error : error;
  }
};

struct PartitionReply {
  std::int32_t index = 0;
  ErrorCode error = ErrorCode::none;
};

struct TopicReply {
  std::string name;
  TopicId id{};
  std::vector<PartitionReply> partitions;
};

// Topics and partitions in the order of the request; an error of the whole request is set on each.
struct CommitReply {
  std::vector<TopicReply> topics;
};

struct FetchedPartition {
  std::int32_t index = 0;
  std::int64_t offset = -1;
  std::int32_t leader_epoch = -1;
  std::string metadata;
  ErrorCode error = ErrorCode::none;
};

struct FetchedTopic {
  std::string name;
  TopicId id{};
  std::vector<FetchedPartition> partitions;
};

struct FetchOffsetsReply {
  ErrorCode error = ErrorCode::none;
  std::vector<FetchedTopic> topics;
};

struct DeleteOffsetsReply {
  ErrorCode error = ErrorCode::none;
  std::vector<TopicReply> topics;
};

struct DeletedGroup {
  std::string group_id;
  ErrorCode error = ErrorCode::none;
};

struct DeleteGroupsReply {
  std::vector<DeletedGroup> groups;
};

struct DescribedMember {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  Blob metadata;    // only when Stable
  Blob assignment;  // only when Stable
};

struct DescribedGroup {
  ErrorCode error = ErrorCode::none;
  std::optional<std::string> error_message;
  std::string group_id;
  std::string state;
  std::string protocol_type;
  std::string protocol_data;
  std::vector<DescribedMember> members;
};

struct ListedGroup {
  std::string group_id;
  std::string protocol_type;
  std::string state;
  std::string type;
};

// A group as those see it who watch all of them.
struct GroupOverview {
  struct Commit {
    std::string topic;
    PartitionIndex partition = 0;
    Offset offset = -1;
  };
  std::string group_id;
  std::string state;
  std::size_t members = 0;
  std::vector<Commit> commits;  // durable ones, by topic and partition
};

struct GroupListReply {
  ErrorCode error = ErrorCode::none;
  std::vector<ListedGroup> groups;
};

// The answer to a request that may wait.
using GroupReply = std::variant<JoinReply, SyncReply, LeaveReply, CommitReply, DeleteOffsetsReply,
                                DeleteGroupsReply>;

struct GroupCompletion {
  RequestToken token = 0;
  GroupReply reply;
};

// -------------------------------------------------------------------------------------- options

// Names and defaults are Kafka's where there is one.
struct GroupOptions {
  std::chrono::milliseconds session_timeout_min{6'000};        // group.min.session.timeout.ms
  std::chrono::milliseconds session_timeout_max{1'800'000};    // group.max.session.timeout.ms
  std::chrono::milliseconds initial_rebalance_delay{3'000};    // group.initial.rebalance.delay.ms
  std::chrono::milliseconds new_member_join_timeout{300'000};  // Kafka: five minutes, not set
  std::size_t group_size_max = 2'147'483'647;                  // group.max.size

  std::chrono::milliseconds offsets_retention{
      std::chrono::minutes{10'080}};  // offsets.retention.minutes
  std::chrono::milliseconds retention_check_interval{
      600'000};                             // offsets.retention.check.interval.ms
  std::size_t offset_metadata_max = 4'096;  // offset.metadata.max.bytes

  // Bounds of our own, for each partition of __consumer_offsets. Beyond them a request is refused.
  std::size_t groups_max = 100'000;
  std::size_t pending_members_max = 10'000;    // ids given out and not yet used, of one group
  std::size_t writes_in_flight_max = 100'000;  // not yet durable
  std::size_t state_bytes_max = std::size_t{1} << 30;  // members' metadata, assignments, offsets
};

}  // namespace sluice::broker
