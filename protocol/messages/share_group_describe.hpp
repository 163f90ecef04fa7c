// ShareGroupDescribe, API key 77.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks for the state and members of share groups.
// Source: ShareGroupDescribeRequest.json; KIP-932.
struct ShareGroupDescribeRequest {
  std::vector<std::string_view> group_ids;
  bool include_authorized_operations = false;

  static constexpr Schema schema{.api_key = 77, .versions = "1", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ShareGroupDescribeRequest;
    row("GroupIds", &M::group_ids);
    row("IncludeAuthorizedOperations", &M::include_authorized_operations);
  }
};

// State and members of share groups.
// Source: ShareGroupDescribeResponse.json; KIP-932.
struct ShareGroupDescribeResponse {
  struct TopicPartitions {
    TopicId topic_id;
    std::string_view topic_name;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto row) {
      using M = TopicPartitions;
      row("TopicId", &M::topic_id);
      row("TopicName", &M::topic_name);
      row("Partitions", &M::partitions);
    }
  };
  struct Assignment {
    std::vector<TopicPartitions> topic_partitions;

    static constexpr void fields(auto row) {
      using M = Assignment;
      row("TopicPartitions", &M::topic_partitions);
    }
  };
  struct Member {
    std::string_view member_id;
    std::optional<std::string_view> rack_id;
    std::int32_t member_epoch = 0;
    std::string_view client_id;
    std::string_view client_host;
    std::vector<std::string_view> subscribed_topic_names;
    Assignment assignment;

    static constexpr void fields(auto row) {
      using M = Member;
      row("MemberId", &M::member_id);
      row("RackId", &M::rack_id, {.nullable = "0+"});
      row("MemberEpoch", &M::member_epoch);
      row("ClientId", &M::client_id);
      row("ClientHost", &M::client_host);
      row("SubscribedTopicNames", &M::subscribed_topic_names);
      row("Assignment", &M::assignment);
    }
  };
  struct Group {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;
    std::string_view group_id;
    std::string_view group_state;
    std::int32_t group_epoch = 0;
    std::int32_t assignment_epoch = 0;
    std::string_view assignor_name;
    std::vector<Member> members;
    std::int32_t authorized_operations = std::numeric_limits<std::int32_t>::min();

    static constexpr void fields(auto row) {
      using M = Group;
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
      row("GroupId", &M::group_id);
      row("GroupState", &M::group_state);
      row("GroupEpoch", &M::group_epoch);
      row("AssignmentEpoch", &M::assignment_epoch);
      row("AssignorName", &M::assignor_name);
      row("Members", &M::members);
      row("AuthorizedOperations", &M::authorized_operations);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Group> groups;

  static constexpr Schema schema{.api_key = 77, .versions = "1", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ShareGroupDescribeResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Groups", &M::groups);
  }
};

}  // namespace sluice::protocol
