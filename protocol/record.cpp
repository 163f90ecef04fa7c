#include "protocol/record.hpp"

#include "protocol/record_scan.hpp"
#include "protocol/varint.hpp"
#include "sluice/export.hpp"

namespace sluice {
namespace protocol {
namespace {

// Reads a header that scan_record() has seen.
const std::byte* get_header(const std::byte* at, const std::byte* end, RecordHeader& header) {
  std::int32_t size = 0;
  at = get_varint(at, end, size);
  header.key = as_text({at, static_cast<std::size_t>(size)});
  at = get_varint(at + size, end, size);
  header.value.reset();
  if (size < 0) return at;
  header.value.emplace(at, static_cast<std::size_t>(size));
  return at + size;
}

}  // namespace

}  // namespace protocol

SLUICE_EXPORT void Headers::Iterator::read() {
  if (left_ > 0) at_ = protocol::get_header(at_, end_, header_);
}

namespace protocol {

std::int64_t offset_of(const Record& record, const BatchHeader& batch) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(batch.base_offset) +
                                   static_cast<std::uint64_t>(record.offset_delta));
}

std::int64_t timestamp_of(const Record& record, const BatchHeader& batch) {
  if (batch.timestamp_type() == TimestampType::log_append_time) return batch.max_timestamp;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(batch.base_timestamp) +
                                   static_cast<std::uint64_t>(record.timestamp_delta));
}

std::size_t parse_record(Bytes area, Record& record) {
  const std::byte* const begin = area.data();
  RecordShape shape;
  const std::byte* const end = scan_record(begin, begin + area.size(), shape);
  if (end == nullptr) return 0;
  const auto view = [](const std::byte* at, std::int32_t size) -> std::optional<Bytes> {
    if (size < 0) return std::nullopt;
    return Bytes{at, static_cast<std::size_t>(size)};
  };
  record.timestamp_delta = shape.timestamp_delta;
  record.offset_delta = shape.offset_delta;
  record.key = view(shape.key, shape.key_size);
  record.value = view(shape.value, shape.value_size);
  record.headers = RecordHeaders{Bytes{shape.headers, end}, shape.header_count};
  record.bytes = Bytes{begin, end};
  return record.bytes.size();
}

std::expected<std::size_t, BatchError> peek_record_size(Bytes area) {
  const std::byte* const begin = area.data();
  std::int32_t size = 0;
  const std::byte* const body = get_varint(begin, begin + area.size(), size);
  if (body == nullptr) {
    if (area.size() < varint32_size_max) return 0;
    return std::unexpected(BatchError::bad_record);
  }
  if (size < 0) return std::unexpected(BatchError::bad_record);
  return static_cast<std::size_t>(body - begin) + static_cast<std::size_t>(size);
}

std::optional<Record> RecordIterator::next() {
  if (error_) return std::nullopt;
  if (left_ <= 0) {
    if (left_ < 0 || !rest_.empty()) error_ = BatchError::bad_record_count;
    return std::nullopt;
  }
  if (rest_.empty()) {
    error_ = BatchError::bad_record_count;
    return std::nullopt;
  }
  std::optional<Record> record{std::in_place};
  const std::size_t size = parse_record(rest_, *record);
  if (size == 0) {
    error_ = BatchError::bad_record;
    return std::nullopt;
  }
  rest_ = rest_.subspan(size);
  --left_;
  return record;
}

}  // namespace protocol
}  // namespace sluice
