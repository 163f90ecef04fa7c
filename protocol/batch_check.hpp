// The broker's validation of what one Produce request holds for one partition, in Kafka's order.
//
// check_batch() looks at the header, the CRC and, when they are not compressed, at every record. It
// allocates nothing unless it refuses. Records inside a compressed batch are looked at by
// CompressedCheck, in slices, because decompression may not hold up a shard.
// Source: Apache Kafka ProduceRequest.validateRecords, UnifiedLog.analyzeAndValidateRecords,
// LogValidator. Differences, both towards refusing: records must be numbered 0…n-1 (Kafka renumbers
// silently), and bytes behind the batch are an error.
#pragma once

#include "base/bytes.hpp"
#include "protocol/compression.hpp"
#include "protocol/error_code.hpp"
#include "protocol/record_batch.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <string>
#include <vector>

namespace sluice::protocol {

enum class KeyRule : std::uint8_t { optional, required };  // required: compacted topics

// Whose records are looked at one by one when a codec is set. Kafka: always.
enum class CompressedWalk : std::uint8_t {
  always,
  keyed_topics,  // only where KeyRule::required; others are stored as sent after header and CRC
};

struct CheckPolicy {
  std::size_t max_message_bytes = 1'048'588;  // of the whole batch, as sent
  TimestampType timestamp_type = TimestampType::create_time;
  // How far record timestamps may lie behind and ahead of now_ms (with create_time only).
  std::int64_t timestamp_before_max_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t timestamp_after_max_ms = 3'600'000;
  KeyRule keys = KeyRule::optional;
  CompressedWalk compressed_walk = CompressedWalk::always;
  std::int16_t produce_version = 7;  // of the request; zstd needs 7
  std::int64_t now_ms = 0;           // since the Unix epoch
  // Decompressed bytes of one batch beyond which it is taken for a bomb.
  std::size_t decompressed_size_max = decompressed_size_max_default;
};

// A record that was refused. Source: BatchIndexErrorMessage in ProduceResponse.
struct RecordError {
  std::int32_t batch_index = 0;  // of the record in its batch
  std::string message;
};

// The partition's error. `record_errors` names the culprits when single records were refused, at
// most record_errors_max of them.
struct BatchRefusal {
  ErrorCode code = ErrorCode::none;
  std::string message;
  std::vector<RecordError> record_errors;
};
inline constexpr std::size_t record_errors_max = 100;

struct CheckedBatch {
  BatchHeader header;
  // Whether the records still have to pass a CompressedCheck.
  bool needs_walk = false;
  // Largest record timestamp, if the records were walked and timestamps are the producer's. Where
  // it differs from the header's, Kafka corrects the header: correct_max_timestamp().
  std::int64_t max_timestamp = no_timestamp;
  bool max_timestamp_is_wrong = false;
};

// Checks the records field of one partition: `records` must be exactly one batch.
// Errors, in order: invalid_record (no batch, magic, more than one batch),
// unsupported_compression_type, corrupt_message (length), invalid_record (base offset not 0),
// message_too_large, corrupt_message (CRC), invalid_record (counts, control, sequence),
// then of records: invalid_timestamp if any has that, else invalid_record.
std::expected<CheckedBatch, BatchRefusal> check_batch(Bytes records, const CheckPolicy& policy);

// What the record checks need to know of the batch, and what they have found.
class RecordRules {
 public:
  RecordRules(const BatchHeader& header, const CheckPolicy& policy);

  // Checks as many whole records as `area` holds and returns the bytes eaten. At a malformed record
  // it stops and remembers. `last` says that no more bytes follow.
  enum class More : std::uint8_t { may_follow, no };
  std::size_t take(Bytes area, More more);
  // Why the batch cannot be accepted, apart from single records.
  bool failed() const { return malformed_; }
  void fail() { malformed_ = true; }
  std::int32_t taken() const { return taken_; }
  std::expected<CheckedBatch, BatchRefusal> finish(const BatchHeader& header) const;

 private:
  void refuse_key();
  void refuse_offset();
  void refuse_timestamp(std::int64_t timestamp);
  void refuse(ErrorCode code, std::string message);

  std::int32_t count_;
  std::int64_t base_timestamp_;
  std::int64_t earliest_;  // bounds of record timestamps
  std::int64_t latest_;
  KeyRule keys_;
  TimestampType timestamp_type_;
  std::int32_t taken_ = 0;
  std::int64_t max_timestamp_ = no_timestamp;
  bool malformed_ = false;
  std::size_t refused_ = 0;
  bool timestamp_refused_ = false;
  std::vector<RecordError> errors_;
};

// The record checks of a compressed batch, a slice at a time:
//   CompressedCheck check{batch, policy, decompressor};
//   while (check.step()) …let others run…
//   const auto checked = check.result();
// Holds a slice and the largest single record, not the whole output.
// Lifetime: borrows the batch and the decompressor, which must not be used for anything else until
// step() gave false.
class CompressedCheck {
 public:
  // Requires: check_batch() accepted `batch`.
  CompressedCheck(const BatchView& batch, const CheckPolicy& policy, Decompressor& decompressor);
  // Decompresses and checks the next slice: 64 KiB (0.2 ms with gzip), less for small batches.
  // False when there is nothing left to do.
  bool step() { return step(slice_size_); }
  // The same with up to `slice_size` bytes.
  bool step(std::size_t slice_size);
  // Errors: corrupt_message if the data cannot be decompressed, invalid_record if it grows beyond
  // decompressed_size_max, and those of records. Requires: step() gave false.
  std::expected<CheckedBatch, BatchRefusal> result() const;

 private:
  BatchHeader header_;
  RecordRules rules_;
  Decompressor& decompressor_;
  std::size_t slice_size_;
  std::size_t output_left_;
  std::vector<std::byte> buffer_;  // a record's beginning, then what was just decompressed
  std::size_t kept_ = 0;
  bool done_ = false;
  BatchError error_{};  // none if zero
};

// CompressedCheck from beginning to end: for workers, small batches and tests.
std::expected<CheckedBatch, BatchRefusal> check_compressed(const BatchView& batch,
                                                           const CheckPolicy& policy,
                                                           Decompressor& decompressor);

}  // namespace sluice::protocol
