// DescribeCluster, API key 60.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks for the cluster's id, controller and brokers.
// Source: DescribeClusterRequest.json; KIP-700, KIP-919 (endpoint type), KIP-1073 (fenced brokers).
struct DescribeClusterRequest {
  bool include_cluster_authorized_operations = false;
  std::int8_t endpoint_type = 1;
  bool include_fenced_brokers = false;

  static constexpr Schema schema{.api_key = 60, .versions = "0-2", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeClusterRequest;
    row("IncludeClusterAuthorizedOperations", &M::include_cluster_authorized_operations);
    row("EndpointType", &M::endpoint_type, {.versions = "1+"});
    row("IncludeFencedBrokers", &M::include_fenced_brokers, {.versions = "2+"});
  }
};

// The cluster's id, controller and brokers.
// Source: DescribeClusterResponse.json; KIP-700, KIP-919 (endpoint type), KIP-1073 (fenced
// brokers).
struct DescribeClusterResponse {
  struct Broker {
    BrokerId broker_id = 0;
    std::string_view host;
    std::int32_t port = 0;
    std::optional<std::string_view> rack;
    bool is_fenced = false;

    static constexpr void fields(auto row) {
      using M = Broker;
      row("BrokerId", &M::broker_id);
      row("Host", &M::host);
      row("Port", &M::port);
      row("Rack", &M::rack, {.nullable = "0+"});
      row("IsFenced", &M::is_fenced, {.versions = "2+"});
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  std::int8_t endpoint_type = 1;
  std::string_view cluster_id;
  BrokerId controller_id = -1;
  std::vector<Broker> brokers;
  std::int32_t cluster_authorized_operations = std::numeric_limits<std::int32_t>::min();

  static constexpr Schema schema{.api_key = 60, .versions = "0-2", .flexible = "0+"};
  static constexpr void fields(auto row) {
    using M = DescribeClusterResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("EndpointType", &M::endpoint_type, {.versions = "1+"});
    row("ClusterId", &M::cluster_id);
    row("ControllerId", &M::controller_id);
    row("Brokers", &M::brokers);
    row("ClusterAuthorizedOperations", &M::cluster_authorized_operations);
  }
};

}  // namespace sluice::protocol
