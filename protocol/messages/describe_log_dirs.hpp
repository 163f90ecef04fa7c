// DescribeLogDirs, API key 35.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Asks for the size of partitions by directory. Null topics: all.
// Source: DescribeLogDirsRequest.json; KIP-113, KIP-827 (total and usable bytes), KIP-1066
// (cordoned).
struct DescribeLogDirsRequest {
  struct Topic {
    std::string_view topic;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Topic", &M::topic);
      row("Partitions", &M::partitions);
    }
  };

  std::optional<std::vector<Topic>> topics = std::vector<Topic>{};

  static constexpr Schema schema{.api_key = 35, .versions = "1-5", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = DescribeLogDirsRequest;
    row("Topics", &M::topics, {.nullable = "0+"});
  }
};

// The directories, what lies in them, and their space.
// Source: DescribeLogDirsResponse.json; KIP-113, KIP-827 (total and usable bytes), KIP-1066
// (cordoned).
struct DescribeLogDirsResponse {
  struct Partition {
    PartitionIndex partition_index = 0;
    std::int64_t partition_size = 0;
    std::int64_t offset_lag = 0;
    bool is_future_key = false;

    static constexpr void fields(auto row) {
      using M = Partition;
      row("PartitionIndex", &M::partition_index);
      row("PartitionSize", &M::partition_size);
      row("OffsetLag", &M::offset_lag);
      row("IsFutureKey", &M::is_future_key);
    }
  };
  struct Topic {
    std::string_view name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto row) {
      using M = Topic;
      row("Name", &M::name);
      row("Partitions", &M::partitions);
    }
  };
  struct Result {
    ErrorCode error_code = ErrorCode::none;
    std::string_view log_dir;
    std::vector<Topic> topics;
    std::int64_t total_bytes = -1;
    std::int64_t usable_bytes = -1;
    bool is_cordoned = false;

    static constexpr void fields(auto row) {
      using M = Result;
      row("ErrorCode", &M::error_code);
      row("LogDir", &M::log_dir);
      row("Topics", &M::topics);
      row("TotalBytes", &M::total_bytes, {.versions = "4+", .ignorable = true});
      row("UsableBytes", &M::usable_bytes, {.versions = "4+", .ignorable = true});
      row("IsCordoned", &M::is_cordoned, {.versions = "5+", .ignorable = true});
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Result> results;

  static constexpr Schema schema{.api_key = 35, .versions = "1-5", .flexible = "2+"};
  static constexpr void fields(auto row) {
    using M = DescribeLogDirsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code, {.versions = "3+", .ignorable = true});
    row("Results", &M::results);
  }
};

}  // namespace sluice::protocol
