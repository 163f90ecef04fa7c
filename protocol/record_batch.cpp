#include "protocol/record_batch.hpp"

#include "protocol/crc32c.hpp"

#include <string>

namespace sluice::protocol {
namespace {

class BatchErrorCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "record batch"; }
  std::string message(int value) const override {
    return std::string{describe(static_cast<BatchError>(value))};
  }
};

template <std::integral T>
T load(Bytes bytes, std::size_t at) {
  return load_big_endian<T>(bytes.data() + at);
}

}  // namespace

std::string_view name_of(Compression codec) {
  switch (codec) {
    case Compression::none:
      return "none";
    case Compression::gzip:
      return "gzip";
    case Compression::snappy:
      return "snappy";
    case Compression::lz4:
      return "lz4";
    case Compression::zstd:
      return "zstd";
  }
  return "unknown";
}

std::string_view describe(BatchError error) {
  switch (error) {
    case BatchError::truncated:
      return "the record batch is cut short";
    case BatchError::bad_length:
      return "the record batch announces an impossible length";
    case BatchError::unsupported_magic:
      return "the record batch is not of format 2";
    case BatchError::crc_mismatch:
      return "the checksum of the record batch does not match";
    case BatchError::bad_record:
      return "a record in the batch is malformed";
    case BatchError::bad_record_count:
      return "the batch holds another number of records than it says";
    case BatchError::unknown_compression:
      return "the batch is compressed with an unknown codec";
    case BatchError::bad_compression:
      return "the compressed records cannot be decompressed";
    case BatchError::output_too_large:
      return "the decompressed records exceed the limit";
  }
  return "unknown record batch error";
}

const std::error_category& batch_error_category() {
  static const BatchErrorCategory category;
  return category;
}

std::expected<BatchHeader, BatchError> parse_batch_header(Bytes bytes) {
  namespace at = batch_layout;
  // Magic first: an old message set may be shorter than our header and should be named as such.
  if (bytes.size() > at::magic && load<std::int8_t>(bytes, at::magic) != batch_magic)
    return std::unexpected(BatchError::unsupported_magic);
  if (bytes.size() < batch_header_size) return std::unexpected(BatchError::truncated);
  BatchHeader header{
      .base_offset = load<std::int64_t>(bytes, at::base_offset),
      .batch_length = load<std::int32_t>(bytes, at::batch_length),
      .partition_leader_epoch = load<std::int32_t>(bytes, at::partition_leader_epoch),
      .magic = batch_magic,
      .crc = load<std::uint32_t>(bytes, at::crc),
      .attributes = load<std::int16_t>(bytes, at::attributes),
      .last_offset_delta = load<std::int32_t>(bytes, at::last_offset_delta),
      .base_timestamp = load<std::int64_t>(bytes, at::base_timestamp),
      .max_timestamp = load<std::int64_t>(bytes, at::max_timestamp),
      .producer_id = load<std::int64_t>(bytes, at::producer_id),
      .producer_epoch = load<std::int16_t>(bytes, at::producer_epoch),
      .base_sequence = load<std::int32_t>(bytes, at::base_sequence),
      .record_count = load<std::int32_t>(bytes, at::record_count),
  };
  if (header.batch_length < at::length_min) return std::unexpected(BatchError::bad_length);
  return header;
}

void write_batch_header(const BatchHeader& header, MutableBytes out) {
  namespace at = batch_layout;
  std::byte* const base = out.data();
  store_big_endian(base + at::base_offset, header.base_offset);
  store_big_endian(base + at::batch_length, header.batch_length);
  store_big_endian(base + at::partition_leader_epoch, header.partition_leader_epoch);
  store_big_endian(base + at::magic, header.magic);
  store_big_endian(base + at::crc, header.crc);
  store_big_endian(base + at::attributes, header.attributes);
  store_big_endian(base + at::last_offset_delta, header.last_offset_delta);
  store_big_endian(base + at::base_timestamp, header.base_timestamp);
  store_big_endian(base + at::max_timestamp, header.max_timestamp);
  store_big_endian(base + at::producer_id, header.producer_id);
  store_big_endian(base + at::producer_epoch, header.producer_epoch);
  store_big_endian(base + at::base_sequence, header.base_sequence);
  store_big_endian(base + at::record_count, header.record_count);
}

std::uint32_t compute_batch_crc(Bytes batch) {
  return crc32c(batch.subspan(batch_layout::crc_begin));
}

void refresh_batch_crc(MutableBytes batch) {
  store_big_endian(batch.data() + batch_layout::crc, compute_batch_crc(batch));
}

bool batch_crc_matches(Bytes batch) {
  return load<std::uint32_t>(batch, batch_layout::crc) == compute_batch_crc(batch);
}

std::expected<BatchView, BatchError> parse_batch(Bytes bytes) {
  const auto header = parse_batch_header(bytes);
  if (!header) return std::unexpected(header.error());
  if (header->size() > bytes.size()) return std::unexpected(BatchError::truncated);
  return BatchView{*header, bytes.first(header->size())};
}

std::optional<BatchView> BatchIterator::next() {
  if (error_ || position_ == bytes_.size()) return std::nullopt;
  const auto batch = parse_batch(bytes_.subspan(position_));
  if (!batch) {
    error_ = batch.error();
    return std::nullopt;
  }
  position_ += batch->bytes.size();
  return *batch;
}

}  // namespace sluice::protocol
