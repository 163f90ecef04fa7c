#include "tools/inspect/batch_records.hpp"

#include "protocol/record_scan.hpp"

namespace sluice::inspect {

// Twice what the broker takes. A batch made up for it expands a thousandfold, on each core at once.
constexpr std::size_t area_size_max = 2 * protocol::decompressed_size_max_default;

std::expected<Bytes, protocol::BatchError> BatchRecords::area(const protocol::BatchView& batch) {
  const auto codec = batch.header.compression();
  if (codec == protocol::Compression::none) return batch.records();
  buffer_.clear();
  const auto done = decompressor_.decompress(codec, batch.records(), area_size_max, buffer_);
  if (!done) return std::unexpected(done.error());
  return Bytes(buffer_);
}

std::string BatchRecords::contradiction(const protocol::BatchView& batch) {
  const auto bytes = area(batch);
  if (!bytes && bytes.error() == protocol::BatchError::output_too_large)
    return "expands beyond " + std::to_string(area_size_max) + " bytes";
  if (!bytes) return std::string(protocol::describe(bytes.error()));
  const std::byte* at = bytes->data();
  const std::byte* const end = at + bytes->size();
  std::int64_t last_delta = -1;
  protocol::RecordShape shape{};
  for (std::int32_t i = 0; i < batch.header.record_count; ++i) {
    at = protocol::scan_record(at, end, shape);
    if (at == nullptr) return "record " + std::to_string(i) + " is malformed";
    if (shape.offset_delta <= last_delta || shape.offset_delta > batch.header.last_offset_delta)
      return "record " + std::to_string(i) + " has offset delta " +
             std::to_string(shape.offset_delta);
    last_delta = shape.offset_delta;
  }
  if (at != end) return "bytes are left behind the last record";
  return {};
}

}  // namespace sluice::inspect
