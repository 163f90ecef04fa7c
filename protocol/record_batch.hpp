// The record batch, magic 2: what producers send, the log stores and consumers read, byte for byte.
//
// | offset | size | field                | in the CRC |
// |--------|------|----------------------|------------|
// | 0      | 8    | base offset          | no         |
// | 8      | 4    | batch length         | no         | bytes after this field
// | 12     | 4    | leader epoch         | no         |
// | 16     | 1    | magic (2)            | no         |
// | 17     | 4    | CRC-32C              | –          | of everything from offset 21 on
// | 21     | 2    | attributes           | yes        |
// | 23     | 4    | last offset delta    | yes        |
// | 27     | 8    | base timestamp       | yes        |
// | 35     | 8    | max timestamp        | yes        |
// | 43     | 8    | producer id          | yes        |
// | 51     | 2    | producer epoch       | yes        |
// | 53     | 4    | base sequence        | yes        |
// | 57     | 4    | record count         | yes        |
// | 61     | …    | records              | yes        | one compressed blob if a codec is set
//
// Source: KIP-98, KIP-534 (delete horizon), Apache Kafka DefaultRecordBatch. Messages of magic 0
// and 1 are refused: no client of a broker that offers Produce 3 and later sends them.
#pragma once

#include "base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>

namespace sluice::protocol {

// ---- Layout ----

namespace batch_layout {
inline constexpr std::size_t base_offset = 0;
inline constexpr std::size_t batch_length = 8;
inline constexpr std::size_t partition_leader_epoch = 12;
inline constexpr std::size_t magic = 16;
inline constexpr std::size_t crc = 17;
inline constexpr std::size_t attributes = 21;
inline constexpr std::size_t last_offset_delta = 23;
inline constexpr std::size_t base_timestamp = 27;
inline constexpr std::size_t max_timestamp = 35;
inline constexpr std::size_t producer_id = 43;
inline constexpr std::size_t producer_epoch = 51;
inline constexpr std::size_t base_sequence = 53;
inline constexpr std::size_t record_count = 57;
inline constexpr std::size_t records = 61;

inline constexpr std::size_t crc_begin = attributes;  // first byte the CRC covers
inline constexpr std::size_t length_prefix = 12;      // bytes that batch_length does not count
inline constexpr std::int32_t length_min = records - length_prefix;

static_assert(batch_length == base_offset + sizeof(std::int64_t));
static_assert(partition_leader_epoch == batch_length + sizeof(std::int32_t));
static_assert(partition_leader_epoch == length_prefix);
static_assert(magic == partition_leader_epoch + sizeof(std::int32_t));
static_assert(crc == magic + sizeof(std::int8_t));
static_assert(attributes == crc + sizeof(std::uint32_t));
static_assert(last_offset_delta == attributes + sizeof(std::int16_t));
static_assert(base_timestamp == last_offset_delta + sizeof(std::int32_t));
static_assert(max_timestamp == base_timestamp + sizeof(std::int64_t));
static_assert(producer_id == max_timestamp + sizeof(std::int64_t));
static_assert(producer_epoch == producer_id + sizeof(std::int64_t));
static_assert(base_sequence == producer_epoch + sizeof(std::int16_t));
static_assert(record_count == base_sequence + sizeof(std::int32_t));
static_assert(records == record_count + sizeof(std::int32_t));
static_assert(records == 61);
}  // namespace batch_layout

inline constexpr std::size_t batch_header_size = batch_layout::records;
inline constexpr std::int8_t batch_magic = 2;

namespace batch_attributes {
inline constexpr std::int16_t compression_mask = 0x07;
inline constexpr std::int16_t log_append_time = 0x08;
inline constexpr std::int16_t transactional = 0x10;
inline constexpr std::int16_t control = 0x20;
inline constexpr std::int16_t delete_horizon = 0x40;
}  // namespace batch_attributes

// ---- Values ----

// Codec of the record area. A header may carry an unknown value (5-7): ask is_known().
enum class Compression : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };
constexpr bool is_known(Compression codec) { return codec <= Compression::zstd; }
// The name as in Kafka's `compression.type` ("none", "gzip", …); "unknown" for 5-7.
std::string_view name_of(Compression codec);

enum class TimestampType : std::uint8_t { create_time = 0, log_append_time = 1 };

inline constexpr std::int64_t no_producer_id = -1;
inline constexpr std::int16_t no_producer_epoch = -1;
inline constexpr std::int32_t no_sequence = -1;
inline constexpr std::int64_t no_timestamp = -1;

// Sequence numbers run 0…2147483647 and start again at 0. Requires: sequence >= 0, increment >= 0.
constexpr std::int32_t add_sequence(std::int32_t sequence, std::int32_t increment) {
  const std::int64_t sum = std::int64_t{sequence} + increment;
  constexpr std::int64_t period = std::int64_t{std::numeric_limits<std::int32_t>::max()} + 1;
  return static_cast<std::int32_t>(sum % period);
}

// ---- Errors ----

// Why bytes are not the batch, the record or the compressed data they should be.
enum class BatchError : std::uint8_t {
  truncated = 1,      // the bytes end before the header or the announced length
  bad_length,         // batch length smaller than a header
  unsupported_magic,  // magic 0, 1, or unknown
  crc_mismatch,
  bad_record,           // a record's lengths or numbers contradict its bytes
  bad_record_count,     // more or fewer records than the header says
  unknown_compression,  // codec 5-7
  bad_compression,      // the compressed data is damaged, or of a form Kafka refuses
  output_too_large,     // decompressed or built bytes would pass the caller's limit
};
// One sentence without a full stop, for logs and error messages.
std::string_view describe(BatchError error);
const std::error_category& batch_error_category();
// Lets a BatchError become a sluice::Error: `return fail(BatchError::crc_mismatch, path)`.
inline std::error_code make_error_code(BatchError error) {
  return {static_cast<int>(error), batch_error_category()};
}

// ---- Header ----

// The decoded header. Plain numbers as they are on the wire; nothing but magic and the least length
// has been checked by parse_batch_header().
struct BatchHeader {
  std::int64_t base_offset = 0;
  std::int32_t batch_length = batch_layout::length_min;
  std::int32_t partition_leader_epoch = -1;
  std::int8_t magic = batch_magic;
  std::uint32_t crc = 0;
  std::int16_t attributes = 0;
  std::int32_t last_offset_delta = 0;
  std::int64_t base_timestamp =
      no_timestamp;                           // milliseconds; the delete horizon if that bit is set
  std::int64_t max_timestamp = no_timestamp;  // milliseconds
  std::int64_t producer_id = no_producer_id;
  std::int16_t producer_epoch = no_producer_epoch;
  std::int32_t base_sequence = no_sequence;
  std::int32_t record_count = 0;

  // Bytes of the whole batch, with the 12 that batch_length leaves out.
  std::size_t size() const {
    return batch_layout::length_prefix + static_cast<std::size_t>(batch_length);
  }
  Compression compression() const {
    return static_cast<Compression>(attributes & batch_attributes::compression_mask);
  }
  TimestampType timestamp_type() const {
    return (attributes & batch_attributes::log_append_time) != 0 ? TimestampType::log_append_time
                                                                 : TimestampType::create_time;
  }
  bool is_transactional() const { return (attributes & batch_attributes::transactional) != 0; }
  bool is_control() const { return (attributes & batch_attributes::control) != 0; }
  bool has_delete_horizon() const { return (attributes & batch_attributes::delete_horizon) != 0; }
  bool has_producer_id() const { return producer_id > no_producer_id; }

  // Offset of the last record, also when compaction removed it. Wraps on a garbled header.
  std::int64_t last_offset() const {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(base_offset) +
                                     static_cast<std::uint64_t>(last_offset_delta));
  }
  std::int64_t next_offset() const {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(last_offset()) + 1);
  }
  // no_sequence if the batch has none.
  std::int32_t last_sequence() const {
    if (base_sequence < 0 || last_offset_delta < 0) return no_sequence;
    return add_sequence(base_sequence, last_offset_delta);
  }

  friend bool operator==(const BatchHeader&, const BatchHeader&) = default;
};

// Decodes the header at the start of `bytes`, which may end before the batch does.
// Errors: truncated (fewer than 61 bytes), unsupported_magic, bad_length.
std::expected<BatchHeader, BatchError> parse_batch_header(Bytes bytes);

// Writes all 61 bytes as they stand in `header`, CRC included.
// Requires: out.size() >= batch_header_size.
void write_batch_header(const BatchHeader& header, MutableBytes out);

// ---- In place ----
// Requires, for all: `batch` holds at least a header.

// Outside the CRC: free to change.
inline void set_base_offset(MutableBytes batch, std::int64_t offset) {
  store_big_endian(batch.data() + batch_layout::base_offset, offset);
}
inline void set_partition_leader_epoch(MutableBytes batch, std::int32_t epoch) {
  store_big_endian(batch.data() + batch_layout::partition_leader_epoch, epoch);
}
// What the CRC field should be. Requires: `batch` is exactly one whole batch.
std::uint32_t compute_batch_crc(Bytes batch);
// Computes and stores the CRC after a change inside it. Requires: exactly one whole batch.
void refresh_batch_crc(MutableBytes batch);
// Whether the CRC field holds what the bytes say. Requires: exactly one whole batch.
bool batch_crc_matches(Bytes batch);

// ---- Many batches ----

// One whole batch in a borrowed buffer.
struct BatchView {
  BatchHeader header;
  Bytes bytes;  // header and records, exactly header.size()
  Bytes records() const { return bytes.subspan(batch_header_size); }
};

// Parses the first batch of `bytes`, which must hold all of it. Errors: as parse_batch_header, and
// truncated if the batch is cut short.
std::expected<BatchView, BatchError> parse_batch(Bytes bytes);

// Walks batches that lie back to back. The CRC is not looked at.
//   BatchIterator batches{bytes};
//   while (const auto batch = batches.next()) …
//   if (batches.error()) …            // what stopped it; a tail cut short is `truncated`
// Lifetime: views borrow the buffer.
class BatchIterator {
 public:
  explicit BatchIterator(Bytes bytes) : bytes_(bytes) {}
  // The next whole batch; empty at the end, at a short tail, and at anything that is no batch.
  std::optional<BatchView> next();
  // Empty if the walk ended exactly at the end of the buffer, or has not ended.
  std::optional<BatchError> error() const { return error_; }
  // Bytes of the whole batches returned so far: where the tail or the damage begins.
  std::size_t position() const { return position_; }

 private:
  Bytes bytes_;
  std::size_t position_ = 0;
  std::optional<BatchError> error_;
};

}  // namespace sluice::protocol

template <>
struct std::is_error_code_enum<sluice::protocol::BatchError> : std::true_type {};
