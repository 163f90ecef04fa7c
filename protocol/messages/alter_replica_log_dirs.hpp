// AlterReplicaLogDirs, API key 34.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Moves replicas between the directories of a broker.
// Source: AlterReplicaLogDirsRequest.json; KIP-113.
struct AlterReplicaLogDirsRequest {
  struct Topic {
    std::string_view name;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name);
      row("Partitions", &M::partitions);
    }
  };
  struct Dir {
    std::string_view path;
    std::vector<Topic> topics;

    static constexpr void fields(auto row) {
      using M = Dir;
      row("Path", &M::path);
      row("Topics", &M::topics);
    }
  };

  std::vector<Dir> dirs;

  static constexpr Schema schema{.api_key = 34, .versions = "1-2", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = AlterReplicaLogDirsRequest;
    row("Dirs", &M::dirs);
  }
};

// The outcome for each partition.
// Source: AlterReplicaLogDirsResponse.json; KIP-113.
struct AlterReplicaLogDirsResponse {
  struct Partition {
    PartitionIndex partition_index = 0;
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("ErrorCode", &M::error_code);
    }
  };
  struct Topic {
    std::string_view topic_name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("TopicName", &M::topic_name);
      row("Partitions", &M::partitions);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> results;

  static constexpr Schema schema{.api_key = 34, .versions = "1-2", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = AlterReplicaLogDirsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Results", &M::results);
  }
};

}  // namespace sluice::protocol
