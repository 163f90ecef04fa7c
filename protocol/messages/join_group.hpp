// JoinGroup, API key 11.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Joins a classic group, or joins it anew in a rebalance.
// Source: JoinGroupRequest.json; KIP-62, KIP-345 (static members), KIP-394 (member id required),
// KIP-559 (protocol in response), KIP-800 (reason, skipped assignment).
struct JoinGroupRequest {
  struct Protocol {
    std::string_view name;
    Bytes metadata;

    static constexpr void fields(auto row) {
      using M = Protocol;
      row("Name", &M::name);
      row("Metadata", &M::metadata);
    }
  };

  std::string_view group_id;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = -1;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  std::string_view protocol_type;
  std::vector<Protocol> protocols;
  std::optional<std::string_view> reason;

  static constexpr Schema schema{.api_key = 11, .versions = "0-9", .flexible = "6+"};
  static constexpr void fields(auto row) {
    using M = JoinGroupRequest;
    row("GroupId", &M::group_id);
    row("SessionTimeoutMs", &M::session_timeout_ms);
    row("RebalanceTimeoutMs", &M::rebalance_timeout_ms, {.versions = "1+", .ignorable = true});
    row("MemberId", &M::member_id);
    row("GroupInstanceId", &M::group_instance_id, {.versions = "5+", .nullable = "5+"});
    row("ProtocolType", &M::protocol_type);
    row("Protocols", &M::protocols);
    row("Reason", &M::reason, {.versions = "8+", .nullable = "8+", .ignorable = true});
  }
};

// The outcome of a join: the leader gets all members and assigns partitions.
// Source: JoinGroupResponse.json; KIP-62, KIP-345 (static members), KIP-394 (member id required),
// KIP-559 (protocol in response), KIP-800 (reason, skipped assignment).
struct JoinGroupResponse {
  struct Member {
    std::string_view member_id;
    std::optional<std::string_view> group_instance_id;
    Bytes metadata;

    static constexpr void fields(auto row) {
      using M = Member;
      row("MemberId", &M::member_id);
      row("GroupInstanceId", &M::group_instance_id,
          {.versions = "5+", .nullable = "5+", .ignorable = true});
      row("Metadata", &M::metadata);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  GenerationId generation_id = -1;
  std::optional<std::string_view> protocol_type;
  std::optional<std::string_view> protocol_name = "";
  std::string_view leader;
  bool skip_assignment = false;
  std::string_view member_id;
  std::vector<Member> members;

  static constexpr Schema schema{.api_key = 11, .versions = "0-9", .flexible = "6+"};
  static constexpr void fields(auto row) {
    using M = JoinGroupResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms, {.versions = "2+", .ignorable = true});
    row("ErrorCode", &M::error_code);
    row("GenerationId", &M::generation_id);
    row("ProtocolType", &M::protocol_type, {.versions = "7+", .nullable = "7+", .ignorable = true});
    row("ProtocolName", &M::protocol_name, {.nullable = "7+"});
    row("Leader", &M::leader);
    row("SkipAssignment", &M::skip_assignment, {.versions = "9+"});
    row("MemberId", &M::member_id);
    row("Members", &M::members);
  }
};

}  // namespace sluice::protocol
