// CreateTopics, API key 19.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Creates topics.
// Source: CreateTopicsRequest.json; KIP-464 (defaults), KIP-525 (configs), KIP-516 (topic ids).
struct CreateTopicsRequest {
  struct Assignment {
    PartitionIndex partition_index = 0;
    std::vector<BrokerId> broker_ids;

    static constexpr void fields(auto row) {
      using M = Assignment;
      row("PartitionIndex", &M::partition_index);
      row("BrokerIds", &M::broker_ids);
    }
  };
  struct Config {
    std::string_view name;
    std::optional<std::string_view> value = "";

    static constexpr void fields(auto row) {
      using M = Config;
      row("Name", &M::name);
      row("Value", &M::value, {.nullable = "0+"});
    }
  };
  struct Topic {
    std::string_view name;
    std::int32_t num_partitions = 0;      // -1: the broker's default
    std::int16_t replication_factor = 0;  // -1: the broker's default
    std::vector<Assignment> assignments;
    std::vector<Config> configs;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name);
      row("NumPartitions", &M::num_partitions);
      row("ReplicationFactor", &M::replication_factor);
      row("Assignments", &M::assignments);
      row("Configs", &M::configs);
    }
  };

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 60000;
  bool validate_only = false;

  static constexpr Schema schema{.api_key = 19, .versions = "2-7", .flexible = "5+"};
  static constexpr void fields(auto row) {
    using M = CreateTopicsRequest;
    row("Topics", &M::topics);
    row("timeoutMs", &M::timeout_ms);
    row("validateOnly", &M::validate_only);
  }
};

// The outcome of creating each topic, and its final configuration.
// Source: CreateTopicsResponse.json; KIP-464 (defaults), KIP-525 (configs), KIP-516 (topic ids).
struct CreateTopicsResponse {
  struct Config {
    std::string_view name;
    std::optional<std::string_view> value = "";
    bool read_only = false;
    std::int8_t config_source = -1;
    bool is_sensitive = false;

    static constexpr void fields(auto row) {
      using M = Config;
      row("Name", &M::name, {.versions = "5+"});
      row("Value", &M::value, {.versions = "5+", .nullable = "5+"});
      row("ReadOnly", &M::read_only, {.versions = "5+"});
      row("ConfigSource", &M::config_source, {.versions = "5+", .ignorable = true});
      row("IsSensitive", &M::is_sensitive, {.versions = "5+"});
    }
  };
  struct Topic {
    std::string_view name;
    TopicId topic_id;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;
    ErrorCode topic_config_error_code = ErrorCode::none;
    std::int32_t num_partitions = -1;
    std::int16_t replication_factor = -1;
    std::optional<std::vector<Config>> configs = std::vector<Config>{};

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name);
      row("TopicId", &M::topic_id, {.versions = "7+", .ignorable = true});
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
      row("TopicConfigErrorCode", &M::topic_config_error_code,
          {.versions = "5+", .tag = 0, .ignorable = true});
      row("NumPartitions", &M::num_partitions, {.versions = "5+", .ignorable = true});
      row("ReplicationFactor", &M::replication_factor, {.versions = "5+", .ignorable = true});
      row("Configs", &M::configs, {.versions = "5+", .nullable = "5+", .ignorable = true});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static constexpr Schema schema{.api_key = 19, .versions = "2-7", .flexible = "5+"};
  static constexpr void fields(auto row) {
    using M = CreateTopicsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Topics", &M::topics);
  }
};

}  // namespace sluice::protocol
