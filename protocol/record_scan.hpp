// The one parser of records: positions and sizes only, in line, for the walks that touch every
// record. Users of records include record.hpp.
#pragma once

#include "protocol/varint.hpp"

#include <cstddef>
#include <cstdint>

namespace sluice::protocol {

// Where the parts of a record are. Sizes of -1 are nulls.
struct RecordShape {
  std::int64_t timestamp_delta;
  std::int32_t offset_delta;
  std::int32_t key_size;
  std::int32_t value_size;
  std::int32_t header_count;
  const std::byte* key;
  const std::byte* value;
  const std::byte* headers;  // the first one; they end where the record ends
};

namespace detail {

// Skips a length of at least `size_min` and that many bytes; nullptr if malformed.
inline const std::byte* skip_sized(const std::byte* at, const std::byte* end, std::int32_t size_min,
                                   std::int32_t& size) {
  at = get_varint(at, end, size);
  if (at == nullptr || size < size_min) return nullptr;
  if (size <= 0) return at;
  return size > end - at ? nullptr : at + size;
}

}  // namespace detail

// Parses the record in [at, end) with all its lengths and headers; returns its end, or nullptr if
// it is malformed or cut short.
inline const std::byte* scan_record(const std::byte* at, const std::byte* end, RecordShape& shape) {
  // The least body: attributes, two deltas, two lengths and the header count, a byte each.
  constexpr std::int32_t body_size_min = 6;
  std::int32_t body_size = 0;
  at = get_varint(at, end, body_size);
  if (at == nullptr || body_size < body_size_min || body_size > end - at) return nullptr;
  end = at + body_size;
  ++at;  // attributes: none are defined; read and ignored, as Kafka does
  if ((at = get_varint(at, end, shape.timestamp_delta)) == nullptr) return nullptr;
  if ((at = get_varint(at, end, shape.offset_delta)) == nullptr) return nullptr;
  if ((at = detail::skip_sized(at, end, -1, shape.key_size)) == nullptr) return nullptr;
  shape.key = shape.key_size > 0 ? at - shape.key_size : at;
  if ((at = detail::skip_sized(at, end, -1, shape.value_size)) == nullptr) return nullptr;
  shape.value = shape.value_size > 0 ? at - shape.value_size : at;
  if ((at = get_varint(at, end, shape.header_count)) == nullptr) return nullptr;
  if (shape.header_count < 0) return nullptr;
  shape.headers = at;
  // A header takes two bytes or more, so a lying count ends soon.
  for (std::int32_t left = shape.header_count; left > 0; --left) {
    std::int32_t size = 0;
    if ((at = detail::skip_sized(at, end, 0, size)) == nullptr) return nullptr;
    if ((at = detail::skip_sized(at, end, -1, size)) == nullptr) return nullptr;
  }
  if (at != end) return nullptr;
  // The caller goes on from the announced end, not from where the last field ended: so the
  // processor starts on the next record before it is done with this one. The compiler, which knows
  // the two are equal here, must not choose the other.
  asm("" : "+r"(end));
  return end;
}

}  // namespace sluice::protocol
