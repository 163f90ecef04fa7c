// One record of a batch, as a view, and the walk over an uncompressed record area.
//
// Record: varint length of the rest, int8 attributes (unused), varlong timestamp delta, varint
// offset delta, varint key length (-1 null), key, varint value length (-1 null), value, varint
// header count, then per header: varint key length, key (UTF-8, never null), varint value length
// (-1 null), value.
// Source: KIP-98 and KIP-82 (headers); Apache Kafka DefaultRecord.
#pragma once

#include "base/bytes.hpp"
#include "protocol/record_batch.hpp"
#include "sluice/record.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <iterator>
#include <optional>
#include <string_view>

namespace sluice::protocol {

using RecordHeader = sluice::Header;
using RecordHeaders = sluice::Headers;

// Lifetime: borrows the record area.
struct Record {
  std::int64_t timestamp_delta = 0;  // milliseconds, to the batch's base timestamp
  std::int32_t offset_delta = 0;     // to the batch's base offset
  std::optional<Bytes> key;
  std::optional<Bytes> value;  // empty: a tombstone on a compacted topic
  RecordHeaders headers;
  Bytes bytes;  // the whole record with its length
};

// Offset and timestamp of a record of `batch`. With LogAppendTime every record carries the batch's
// max timestamp. Wrap on garbled input.
std::int64_t offset_of(const Record& record, const BatchHeader& batch);
std::int64_t timestamp_of(const Record& record, const BatchHeader& batch);

// Parses the record at the start of `area` with all its lengths and headers, and returns the bytes
// it takes; 0 if it is malformed or cut short, `record` is then garbage.
std::size_t parse_record(Bytes area, Record& record);

// Bytes the record at the start of `area` takes by its own length, or 0 if not even that can be
// read yet; it may be more than there are. Error: bad_record.
std::expected<std::size_t, BatchError> peek_record_size(Bytes area);

// Walks the records of an uncompressed area. The first error sticks and ends the walk:
//   RecordIterator records{batch.records(), batch.header.record_count};
//   while (const auto record = records.next()) …
//   if (records.error()) …
// Errors: bad_record; bad_record_count if bytes are left after the last record or the area ends
// before it.
class RecordIterator {
 public:
  RecordIterator(Bytes area, std::int32_t count) : rest_(area), left_(count) {}
  // Requires: the batch is not compressed.
  explicit RecordIterator(const BatchView& batch)
      : RecordIterator(batch.records(), batch.header.record_count) {}

  std::optional<Record> next();
  std::optional<BatchError> error() const { return error_; }

 private:
  Bytes rest_;
  std::int32_t left_;
  std::optional<BatchError> error_;
};

}  // namespace sluice::protocol
