// ConsumerGroupDescribe, API key 69.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks for the state and members of consumer groups of the new protocol.
// Source: ConsumerGroupDescribeRequest.json; KIP-848, KIP-1099 (member type).
struct ConsumerGroupDescribeRequest {
  std::vector<std::string_view> group_ids;
  bool include_authorized_operations = false;

  static constexpr Schema schema{.api_key = 69, .versions = "0-1", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ConsumerGroupDescribeRequest;
    row("GroupIds", &M::group_ids);
    row("IncludeAuthorizedOperations", &M::include_authorized_operations);
  }
};

// State and members, with current and target assignments.
// Source: ConsumerGroupDescribeResponse.json; KIP-848, KIP-1099 (member type).
struct ConsumerGroupDescribeResponse {
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
    std::optional<std::string_view> instance_id;
    std::optional<std::string_view> rack_id;
    std::int32_t member_epoch = 0;
    std::string_view client_id;
    std::string_view client_host;
    std::vector<std::string_view> subscribed_topic_names;
    std::optional<std::string_view> subscribed_topic_regex;
    Assignment assignment;
    Assignment target_assignment;
    std::int8_t member_type = -1;

    static constexpr void fields(auto row) {
      using M = Member;
      row("MemberId", &M::member_id);
      row("InstanceId", &M::instance_id, {.nullable = "0+"});
      row("RackId", &M::rack_id, {.nullable = "0+"});
      row("MemberEpoch", &M::member_epoch);
      row("ClientId", &M::client_id);
      row("ClientHost", &M::client_host);
      row("SubscribedTopicNames", &M::subscribed_topic_names);
      row("SubscribedTopicRegex", &M::subscribed_topic_regex, {.nullable = "0+"});
      row("Assignment", &M::assignment);
      row("TargetAssignment", &M::target_assignment);
      row("MemberType", &M::member_type, {.versions = "1+", .ignorable = true});
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

  static constexpr Schema schema{.api_key = 69, .versions = "0-1", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = ConsumerGroupDescribeResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Groups", &M::groups);
  }
};

}  // namespace sluice::protocol
