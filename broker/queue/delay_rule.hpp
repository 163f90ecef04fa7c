// What makes a produced record wait, and where the waiting ones of a batch are taken out of it.
// Sans-IO. Two rules: the headers of scheduled delivery (schedule_headers.hpp) and the attempts of
// a retry topic (retry_topic.hpp).
#pragma once

#include "base/bytes.hpp"
#include "protocol/batch_rewrite.hpp"
#include "protocol/record.hpp"

#include <cstdint>
#include <deque>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace sluice::broker {

// Of a record that was tried often enough.
struct Exhausted {
  std::int32_t attempts = 0;
  PartitionIndex partition = 0;  // where it was requeued first
  Offset offset = -1;
  std::int64_t first_failure_ms = -1;
};

// What a rule says of one record.
struct Delay {
  std::int64_t due_ms = 0;                        // wall clock
  std::vector<protocol::RecordHeader> headers{};  // as they are to be stored
  std::optional<Exhausted> exhausted{};           // set: it is not to wait, but a dead letter
};

class DelayRule {
 public:
  virtual ~DelayRule() = default;
  // nullopt: the record does not wait. Errors: why the record is refused, for the client.
  // `texts` keeps what headers made here borrow.
  virtual std::expected<std::optional<Delay>, std::string> look(const protocol::BatchHeader& batch,
                                                                const protocol::Record& record,
                                                                std::deque<std::string>& texts) = 0;
};

// Lifetime: borrows the batch, or DividedBatch::plain and ::texts.
struct DelayedRecord {
  std::int64_t timestamp_ms = -1;
  std::optional<Bytes> key;
  std::optional<Bytes> value;
  Delay delay;
};

struct DividedBatch {
  struct Fault {
    std::int32_t batch_index = 0;
    std::string message;
  };
  std::vector<Fault> faults;  // at most protocol::record_errors_max; nothing else holds then
  std::vector<DelayedRecord> waiting;
  std::vector<DelayedRecord> exhausted;
  // The batch without them, under the same producer, sequence and offsets; empty when nothing was
  // taken out.
  std::vector<std::byte> rest;
  bool rest_has_records = true;

  std::vector<std::byte> plain;   // the records, if they were compressed
  std::deque<std::string> texts;  // header values that were made here

  bool untouched() const { return faults.empty() && rest.empty(); }
};

// Errors: bad_compression, output_too_large, bad_record.
std::expected<DividedBatch, protocol::BatchError> divide_batch(const protocol::BatchView& batch,
                                                               DelayRule& rule,
                                                               protocol::Recoding recoding);

}  // namespace sluice::broker
