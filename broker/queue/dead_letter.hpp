// Dead letters: the copy of a record that is given up, and its way into the dead-letter topic.
#pragma once

#include "base/task.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/error_code.hpp"
#include "protocol/ids.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

class Shard;

// What is added to the copy, as headers of the names in KIP-1191 and a few more.
struct DeadLetterInfo {
  std::string_view topic;
  PartitionIndex partition = 0;
  Offset offset = -1;
  std::string_view group;
  std::int32_t delivery_count = 0;
  std::string_view reason;   // retry-limit, …
  std::string_view message;  // for people
  std::int64_t first_failure_ms = -1;
  std::int64_t last_failure_ms = -1;
};

// Copies of several records: key, value, timestamp and headers as they were, then what is added.
class DeadLetterBatch {
 public:
  void add(const protocol::NewRecord& record, const DeadLetterInfo& info);
  std::vector<std::byte> finish() { return builder_.finish(); }

 private:
  protocol::BatchBuilder builder_;
};

struct DeadLetterResult {
  protocol::ErrorCode error = protocol::ErrorCode::none;
  std::string message;
};

// Appends `batch` to the topic's partition `source_partition` modulo their number; durable when it
// returns. Errors, also logged: unknown_topic_or_partition, those of the append.
Task<DeadLetterResult> write_dead_letters(Shard& home, std::string dead_letter_topic,
                                          PartitionIndex source_partition,
                                          std::vector<std::byte> batch);

}  // namespace sluice::broker
