// Views of bytes and the integer conversions of the wire and the files (all big-endian).
#pragma once

#include "sluice/bytes.hpp"

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sluice {

template <std::integral T>
constexpr T big_endian(T value) {
  static_assert(std::endian::native == std::endian::little);
  return std::byteswap(value);
}

// Reads a big-endian integer. Requires: `at` points to at least sizeof(T) readable bytes.
template <std::integral T>
T load_big_endian(const std::byte* at) {
  T wire;
  std::memcpy(&wire, at, sizeof wire);
  return big_endian(wire);
}
// Writes a big-endian integer. Requires: `at` points to at least sizeof(T) writable bytes.
template <std::integral T>
void store_big_endian(std::byte* at, T value) {
  const T wire = big_endian(value);
  std::memcpy(at, &wire, sizeof wire);
}

}  // namespace sluice
