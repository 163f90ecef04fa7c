#include "protocol/batch_builder.hpp"

#include "base/check.hpp"
#include "protocol/varint.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::protocol {
namespace {

// Wraps, as readers add it back.
std::int64_t timestamp_delta(std::int64_t timestamp, std::int64_t base) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(timestamp) -
                                   static_cast<std::uint64_t>(base));
}

std::size_t sized_bytes(const std::optional<Bytes>& bytes) {
  if (!bytes) return varint_size(-1);
  return varint_size(static_cast<std::int64_t>(bytes->size())) + bytes->size();
}

std::byte* put_bytes(std::byte* out, Bytes bytes) {
  out = put_varint(out, static_cast<std::int64_t>(bytes.size()));
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

std::byte* put_nullable_bytes(std::byte* out, const std::optional<Bytes>& bytes) {
  return bytes ? put_bytes(out, *bytes) : put_varint(out, -1);
}

std::size_t body_size(const NewRecord& record, std::int64_t timestamp, std::int32_t offset_delta) {
  std::size_t size = 1 + varint_size(timestamp) + varint_size(offset_delta) +
                     sized_bytes(record.key) + sized_bytes(record.value) +
                     varint_size(static_cast<std::int64_t>(record.headers.size()));
  for (const RecordHeader& header : record.headers)
    size += varint_size(static_cast<std::int64_t>(header.key.size())) + header.key.size() +
            sized_bytes(header.value);
  return size;
}

}  // namespace

std::size_t record_size(const NewRecord& record, std::int64_t timestamp_delta,
                        std::int32_t offset_delta) {
  const std::size_t body = body_size(record, timestamp_delta, offset_delta);
  return varint_size(static_cast<std::int64_t>(body)) + body;
}

void put_record(const NewRecord& record, std::int64_t timestamp_delta, std::int32_t offset_delta,
                std::vector<std::byte>& area) {
  const auto body = static_cast<std::int64_t>(body_size(record, timestamp_delta, offset_delta));
  const std::size_t before = area.size();
  area.resize(before + varint_size(body) + static_cast<std::size_t>(body));
  std::byte* out = put_varint(area.data() + before, body);
  *out++ = std::byte{0};  // attributes
  out = put_varint(out, timestamp_delta);
  out = put_varint(out, offset_delta);
  out = put_nullable_bytes(out, record.key);
  out = put_nullable_bytes(out, record.value);
  out = put_varint(out, static_cast<std::int64_t>(record.headers.size()));
  for (const RecordHeader& header : record.headers) {
    out = put_bytes(out, as_bytes(header.key));
    out = put_nullable_bytes(out, header.value);
  }
}

void BatchBuilder::reset(const BatchOptions& options) {
  SLUICE_CHECK(is_known(options.compression));
  SLUICE_CHECK(options.kind != BatchKind::control || options.compression == Compression::none);
  options_ = options;
  clear();
}

void BatchBuilder::set_producer(std::int64_t producer_id, std::int16_t producer_epoch,
                                std::int32_t base_sequence) {
  options_.producer_id = producer_id;
  options_.producer_epoch = producer_epoch;
  options_.base_sequence = base_sequence;
}

void BatchBuilder::append(const NewRecord& record) { append_at(last_offset_delta_ + 1, record); }

void BatchBuilder::append_at(std::int32_t offset_delta, const NewRecord& record) {
  constexpr std::size_t area_size_max = 0x7fffffff - batch_header_size;
  SLUICE_CHECK(offset_delta > last_offset_delta_);
  if (count_ == 0) base_timestamp_ = record.timestamp;
  put_record(record, timestamp_delta(record.timestamp, base_timestamp_), offset_delta, area_);
  SLUICE_CHECK(area_.size() <= area_size_max);
  ++count_;
  last_offset_delta_ = offset_delta;
  max_timestamp_ = std::max(max_timestamp_, record.timestamp);
}

std::size_t BatchBuilder::size_with(const NewRecord& record) const {
  const std::int64_t base = count_ == 0 ? record.timestamp : base_timestamp_;
  return size() +
         record_size(record, timestamp_delta(record.timestamp, base), last_offset_delta_ + 1);
}

BatchHeader BatchBuilder::header() const {
  namespace bits = batch_attributes;
  auto attributes = static_cast<std::int16_t>(options_.compression);
  if (options_.log_append_time) attributes |= bits::log_append_time;
  if (options_.kind != BatchKind::data) attributes |= bits::transactional;
  if (options_.kind == BatchKind::control) attributes |= bits::control;
  return {.base_offset = options_.base_offset,
          .partition_leader_epoch = options_.partition_leader_epoch,
          .attributes = attributes,
          .last_offset_delta = last_offset_delta_,
          .base_timestamp = base_timestamp_,
          .max_timestamp = options_.log_append_time.value_or(max_timestamp_),
          .producer_id = options_.producer_id,
          .producer_epoch = options_.producer_epoch,
          .base_sequence = options_.base_sequence,
          .record_count = count_};
}

std::vector<std::byte> BatchBuilder::finish(Compressor& compressor) {
  std::vector<std::byte> batch;
  batch.reserve(size());
  batch.resize(batch_header_size);
  compressor.compress(options_.compression, area_, batch);
  BatchHeader filled = header();
  filled.batch_length = static_cast<std::int32_t>(batch.size() - batch_layout::length_prefix);
  write_batch_header(filled, batch);
  refresh_batch_crc(batch);
  clear();
  return batch;
}

std::vector<std::byte> BatchBuilder::finish() {
  SLUICE_CHECK(options_.compression == Compression::none);
  Compressor none;
  return finish(none);
}

void BatchBuilder::clear() {
  area_.clear();
  count_ = 0;
  last_offset_delta_ = -1;
  base_timestamp_ = max_timestamp_ = no_timestamp;
}

}  // namespace sluice::protocol
