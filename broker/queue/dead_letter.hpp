// Dead letters: the copy of a record that was given up, and its way into the dead-letter topic.
//
//   DeadLetterCopy copy{record, timestamp_of(record, header), info};
//   builder.append(copy.record());                 // several; then
//   auto written = co_await write_dead_letters(shard, topic, source_partition, builder.finish());
//   // durable now, if written.error is none; only then may the source be given up
#pragma once

#include "base/task.hpp"
#include "broker/shard.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/record.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

// Where a record comes from and why it was given up. Lifetime: borrowed.
struct DeadLetterInfo {
  std::string_view topic;
  PartitionIndex partition = 0;
  Offset offset = 0;
  std::string_view group;
  std::int32_t delivery_count = 0;
  std::string_view reason;            // rejected, delivery-limit, lock-timeout or retry-limit
  std::string_view message;           // free text; empty: KIP-1191's for the reason
  std::int64_t first_failure_ms = 0;  // wall clock
  std::int64_t last_failure_ms = 0;
};

// Key, value, timestamp and all headers of a record, in order, then protocol::dead_letter_header.
// Lifetime: borrows the record and what `info` refers to.
class DeadLetterCopy {
 public:
  DeadLetterCopy(const protocol::NewRecord& record, const DeadLetterInfo& info);
  DeadLetterCopy(const protocol::Record& record, std::int64_t timestamp_ms,
                 const DeadLetterInfo& info);
  DeadLetterCopy(const DeadLetterCopy&) = delete;
  DeadLetterCopy& operator=(const DeadLetterCopy&) = delete;

  const protocol::NewRecord& record() const { return record_; }

 private:
  void finish(const DeadLetterInfo& info);
  std::string_view number(std::int64_t value);

  std::array<std::string, 5> numbers_;
  std::size_t numbers_used_ = 0;
  std::vector<protocol::RecordHeader> headers_;
  protocol::NewRecord record_;
};

// Whether the record was dead-lettered out of `topic` before: writing it there would go in circles.
bool came_from(const protocol::Record& record, std::string_view topic);

struct DeadLetterResult {
  ErrorCode error = ErrorCode::none;
  std::string message;  // what is wrong and what to do; empty on success
  Offset base_offset = -1;
};

// Appends one whole batch of copies to partition (source_partition mod the number of partitions) of
// the dead-letter topic, which is made first where the broker allows that; durable when it returns.
// Errors: invalid_config (dead_letter_fault()), unknown_topic_or_partition, message_too_large (more
// than the topic's max.message.bytes), those of the append.
Task<DeadLetterResult> write_dead_letters(Shard& home, std::string dead_letter_topic,
                                          PartitionIndex source_partition,
                                          std::vector<std::byte> batch);
// The same from inside a partition, which must not wait for a change of the catalog: that may wait
// for the partition to close. A topic that is missing is made meanwhile; error:
// unknown_topic_or_partition, to be tried again.
Task<DeadLetterResult> write_dead_letters_inside(Shard& home, std::string dead_letter_topic,
                                                 PartitionIndex source_partition,
                                                 std::vector<std::byte> batch);

// Bytes of a batch of copies, unless one record takes more: what its topic takes, if it is there.
std::size_t dead_letter_batch_bytes(const Catalog& catalog, const Options& options,
                                    std::string_view dead_letter_topic);

}  // namespace sluice::broker
