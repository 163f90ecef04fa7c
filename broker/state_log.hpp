// A partition of an internal topic as the coordinator that keeps its state there uses it: read once
// at start, then appended to. On the partition's shard.
#pragma once

#include "base/task.hpp"
#include "broker/offsets_records.hpp"
#include "broker/shard.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/record.hpp"

#include <functional>
#include <string_view>
#include <vector>

namespace sluice::broker {

class StateLog {
 public:
  // What the log lines say; literals.
  struct Words {
    std::string_view not_stored;
    std::string_view not_read;
  };
  // Given the records from the first on, with their offsets.
  using Load = std::function<void(const protocol::Record& record, Offset offset)>;
  struct Appended {
    ErrorCode error = ErrorCode::none;
    Offset base_offset = -1;
  };

  // Batches of records take at most so many bytes: room for the batch header and the largest single
  // record below max.message.bytes of the topic.
  static constexpr std::size_t batch_bytes_max = 512 * 1024;

  StateLog(Shard& shard, PartitionKey key, Words words) : shard_(shard), key_(key), words_(words) {}

  // Null when the partition is not here (any more).
  Partition* partition() const { return shard_.find(key_.topic, key_.index); }

  // Reads everything up to the high watermark. False when that is not possible, which it logs, or
  // once *stopping. A batch that cannot be decompressed is passed over. Lifetime: `stopping` is
  // read until the task ends.
  Task<bool> read(const bool* stopping, Load load) const;
  // Appends one whole batch and waits until it is durable. Errors: those of the append, which it
  // logs; not_leader_or_follower when the partition is not here.
  Task<Appended> append(std::vector<std::byte> batch) const;

 private:
  Shard& shard_;
  PartitionKey key_;
  Words words_;
};

// As it is appended. Lifetime: of `record`.
protocol::NewRecord new_record(const OffsetsRecord& record, std::int64_t wall_ms);

}  // namespace sluice::broker
