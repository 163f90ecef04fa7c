#include "protocol/record.hpp"

#include "protocol/varint.hpp"

namespace sluice::protocol {
namespace {

// Reads a length and that many bytes; -1 is null. Returns the end, nullptr if malformed.
const std::byte* get_nullable_bytes(const std::byte* at, const std::byte* end,
                                    std::optional<Bytes>& bytes) {
  std::int32_t size = 0;
  at = get_varint(at, end, size);
  if (at == nullptr) return nullptr;
  if (size < 0) {
    bytes.reset();
    return size == -1 ? at : nullptr;
  }
  if (size > end - at) return nullptr;
  bytes.emplace(at, static_cast<std::size_t>(size));
  return at + size;
}

const std::byte* get_header(const std::byte* at, const std::byte* end, RecordHeader& header) {
  std::int32_t size = 0;
  at = get_varint(at, end, size);
  if (at == nullptr || size < 0 || size > end - at) return nullptr;
  header.key = as_text({at, static_cast<std::size_t>(size)});
  return get_nullable_bytes(at + size, end, header.value);
}

const std::byte* skip_headers(const std::byte* at, const std::byte* end, std::int32_t count) {
  // A header takes two bytes or more, so a lying count ends soon.
  for (RecordHeader header; count > 0 && at != nullptr; --count) at = get_header(at, end, header);
  return at;
}

}  // namespace

void RecordHeaders::Iterator::read() {
  if (left_ > 0) at_ = get_header(at_, end_, header_);
}

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
  const std::byte* at = area.data();
  std::int32_t size = 0;
  at = get_varint(at, area.data() + area.size(), size);
  // The least body: attributes, two deltas, two lengths and the header count, a byte each.
  if (at == nullptr || size < 6 || size > area.data() + area.size() - at) return 0;
  const std::byte* const end = at + size;
  ++at;  // attributes: none are defined; read and ignored, as Kafka does
  if ((at = get_varint(at, end, record.timestamp_delta)) == nullptr) return 0;
  if ((at = get_varint(at, end, record.offset_delta)) == nullptr) return 0;
  if ((at = get_nullable_bytes(at, end, record.key)) == nullptr) return 0;
  if ((at = get_nullable_bytes(at, end, record.value)) == nullptr) return 0;
  std::int32_t header_count = 0;
  if ((at = get_varint(at, end, header_count)) == nullptr || header_count < 0) return 0;
  record.headers = RecordHeaders{Bytes{at, end}, header_count};
  if (skip_headers(at, end, header_count) != end) return 0;
  record.bytes = area.first(static_cast<std::size_t>(end - area.data()));
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

}  // namespace sluice::protocol
