#include "protocol/batch_rewrite.hpp"

#include "protocol/batch_builder.hpp"

#include <algorithm>
#include <utility>

namespace sluice::protocol {
namespace {

void store_max_timestamp(MutableBytes batch, BatchHeader& header) {
  store_big_endian(batch.data() + batch_layout::attributes, header.attributes);
  store_big_endian(batch.data() + batch_layout::max_timestamp, header.max_timestamp);
  header.crc = compute_batch_crc(batch);
  store_big_endian(batch.data() + batch_layout::crc, header.crc);
}

// A batch from a header and an uncompressed record area; sets length, codec bits and CRC.
std::vector<std::byte> assemble(BatchHeader header, Compression codec, Bytes area,
                                Compressor& compressor) {
  constexpr auto mask = static_cast<std::uint16_t>(batch_attributes::compression_mask);
  const auto other_bits = static_cast<std::uint16_t>(header.attributes) & ~std::uint32_t{mask};
  header.attributes = static_cast<std::int16_t>(other_bits | static_cast<std::uint32_t>(codec));
  std::vector<std::byte> batch;
  batch.reserve(batch_header_size + area.size());
  batch.resize(batch_header_size);
  compressor.compress(codec, area, batch);
  header.batch_length = static_cast<std::int32_t>(batch.size() - batch_layout::length_prefix);
  write_batch_header(header, batch);
  refresh_batch_crc(batch);
  return batch;
}

// The record area, decompressed into `storage` where need be.
std::expected<Bytes, BatchError> plain_area(const BatchView& batch, Recoding recoding,
                                            std::vector<std::byte>& storage) {
  if (batch.header.compression() == Compression::none) return batch.records();
  const auto done = recoding.decompressor.decompress(batch.header.compression(), batch.records(),
                                                     recoding.decompressed_size_max, storage);
  if (!done) return std::unexpected(done.error());
  return Bytes{storage};
}

// What the walk of a filtered batch gathers.
struct Survivors {
  std::int32_t kept = 0;
  std::int32_t dropped = 0;
  std::int64_t max_timestamp = no_timestamp;
  std::vector<std::byte> area;
};

// Appends the record as it is, or with its timestamp relative to another base.
void put_survivor(const Record& record, std::int64_t timestamp_shift, Survivors& survivors) {
  if (timestamp_shift == 0) {
    survivors.area.insert(survivors.area.end(), record.bytes.begin(), record.bytes.end());
    return;
  }
  const std::vector<RecordHeader> headers(record.headers.begin(), record.headers.end());
  const auto delta = static_cast<std::int64_t>(static_cast<std::uint64_t>(record.timestamp_delta) +
                                               static_cast<std::uint64_t>(timestamp_shift));
  put_record({.key = record.key, .value = record.value, .headers = headers}, delta,
             record.offset_delta, survivors.area);
}

std::expected<Survivors, BatchError> collect(const BatchHeader& header, Bytes area,
                                             RecordFilter& filter, std::int64_t timestamp_shift) {
  Survivors survivors;
  survivors.area.reserve(area.size());
  RecordIterator records{area, header.record_count};
  while (const auto record = records.next()) {
    if (!filter.keep(header, *record)) {
      ++survivors.dropped;
      continue;
    }
    ++survivors.kept;
    survivors.max_timestamp = std::max(survivors.max_timestamp, timestamp_of(*record, header));
    put_survivor(*record, timestamp_shift, survivors);
  }
  if (records.error()) return std::unexpected(*records.error());
  return survivors;
}

}  // namespace

void set_log_append_time(MutableBytes batch, BatchHeader& header, std::int64_t now_ms) {
  header.attributes |= batch_attributes::log_append_time;
  header.max_timestamp = now_ms;
  store_max_timestamp(batch, header);
}

void correct_max_timestamp(MutableBytes batch, BatchHeader& header, std::int64_t max_timestamp) {
  header.max_timestamp = max_timestamp;
  store_max_timestamp(batch, header);
}

std::expected<std::vector<std::byte>, BatchError> recompress(const BatchView& batch,
                                                             Compression codec, Recoding recoding) {
  if (!is_known(codec)) return std::unexpected(BatchError::unknown_compression);
  if (batch.header.is_control()) return std::vector(batch.bytes.begin(), batch.bytes.end());
  std::vector<std::byte> storage;
  const auto area = plain_area(batch, recoding, storage);
  if (!area) return std::unexpected(area.error());
  return assemble(batch.header, codec, *area, recoding.compressor);
}

std::expected<FilteredBatch, BatchError> filter_batch(const BatchView& batch, RecordFilter& filter,
                                                      const FilterOptions& options,
                                                      Recoding recoding) {
  std::vector<std::byte> storage;
  const auto area = plain_area(batch, recoding, storage);
  if (!area) return std::unexpected(area.error());

  BatchHeader header = batch.header;
  std::int64_t shift = 0;
  const bool sets_horizon = options.delete_horizon_ms && !header.has_delete_horizon();
  if (sets_horizon) {
    shift = static_cast<std::int64_t>(static_cast<std::uint64_t>(header.base_timestamp) -
                                      static_cast<std::uint64_t>(*options.delete_horizon_ms));
  }
  auto survivors = collect(batch.header, *area, filter, shift);
  if (!survivors) return std::unexpected(survivors.error());

  FilteredBatch filtered{.kept = survivors->kept, .dropped = survivors->dropped};
  if (survivors->kept == 0) {
    filtered.change = FilteredBatch::Change::emptied;
    filtered.bytes = empty_batch(header);
    return filtered;
  }
  if (survivors->dropped == 0 && !sets_horizon) return filtered;
  header.record_count = survivors->kept;
  header.max_timestamp = survivors->max_timestamp;
  if (sets_horizon) {
    header.attributes |= batch_attributes::delete_horizon;
    header.base_timestamp = *options.delete_horizon_ms;
  }
  filtered.change = FilteredBatch::Change::rewritten;
  filtered.bytes = assemble(header, header.compression(), survivors->area, recoding.compressor);
  return filtered;
}

std::vector<std::byte> empty_batch(const BatchHeader& header) {
  namespace bits = batch_attributes;
  constexpr auto kept_bits =
      static_cast<std::int16_t>(bits::log_append_time | bits::transactional | bits::control);
  BatchHeader empty = header;
  empty.attributes = static_cast<std::int16_t>(header.attributes & kept_bits);
  empty.batch_length = batch_layout::length_min;
  empty.base_timestamp = no_timestamp;
  empty.record_count = 0;
  std::vector<std::byte> batch(batch_header_size);
  write_batch_header(empty, batch);
  refresh_batch_crc(batch);
  return batch;
}

}  // namespace sluice::protocol
