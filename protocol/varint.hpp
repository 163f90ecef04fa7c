// Signed varints of records: zigzag, seven bits a byte, least significant first.
//
// Longer encodings than needed are read, as Kafka does; values that do not fit are refused.
// Source: Protocol Buffers encoding; Apache Kafka ByteUtils.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace sluice::protocol {

inline constexpr std::size_t varint32_size_max = 5;
inline constexpr std::size_t varint64_size_max = 10;

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

// Bytes that put_varint() writes for `value`: 1 to 10, at most 5 for 32-bit values.
constexpr std::size_t varint_size(std::int64_t value) {
  return (static_cast<std::size_t>(std::bit_width(zigzag(value) | 1)) + 6) / 7;
}

// Writes `value` and returns the end. Requires: varint_size(value) writable bytes at `out`.
inline std::byte* put_varint(std::byte* out, std::int64_t value) {
  std::uint64_t rest = zigzag(value);
  for (; rest >= 0x80; rest >>= 7) *out++ = static_cast<std::byte>(rest | 0x80);
  *out++ = static_cast<std::byte>(rest);
  return out;
}

namespace detail {
template <std::size_t SizeMax, std::uint64_t LastByteMax>
const std::byte* get_long_varint(const std::byte* at, const std::byte* end, std::uint64_t& value) {
  value = 0;
  for (std::size_t i = 0; i < SizeMax && at != end; ++i) {
    const auto octet = static_cast<std::uint64_t>(*at++);
    value |= (octet & 0x7f) << (7 * i);
    if (octet < 0x80) return i + 1 == SizeMax && octet > LastByteMax ? nullptr : at;
  }
  return nullptr;
}

// One and two bytes (-8192…8191) in line, the rest out of line.
template <std::size_t SizeMax, std::uint64_t LastByteMax>
inline const std::byte* get_unsigned_varint(const std::byte* at, const std::byte* end,
                                            std::uint64_t& value) {
  if (end - at >= 2) [[likely]] {
    const auto first = static_cast<std::uint64_t>(at[0]);
    if (first < 0x80) {
      value = first;
      return at + 1;
    }
    const auto second = static_cast<std::uint64_t>(at[1]);
    if (second < 0x80) {
      value = (first & 0x7f) | second << 7;
      return at + 2;
    }
  }
  return get_long_varint<SizeMax, LastByteMax>(at, end, value);
}
}  // namespace detail

// Read a varint in [at, end) and return its end; nullptr if it is cut short or does not fit.
inline const std::byte* get_varint(const std::byte* at, const std::byte* end, std::int32_t& value) {
  std::uint64_t raw = 0;
  at = detail::get_unsigned_varint<varint32_size_max, 0x0f>(at, end, raw);
  value = static_cast<std::int32_t>(unzigzag(raw));
  return at;
}
inline const std::byte* get_varint(const std::byte* at, const std::byte* end, std::int64_t& value) {
  std::uint64_t raw = 0;
  at = detail::get_unsigned_varint<varint64_size_max, 0x01>(at, end, raw);
  value = unzigzag(raw);
  return at;
}

}  // namespace sluice::protocol
