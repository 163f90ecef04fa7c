#include "protocol/crc32c.hpp"

#include "base/check.hpp"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sluice::protocol {
namespace {

constexpr std::uint32_t polynomial = 0x82F63B78u;  // reflected: bit 31 is x^0

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b]: effect of byte b followed by k zero bytes.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  return tables;
}
constexpr Tables tables = make_tables();

std::uint64_t load_little_endian(const std::byte* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// `state` is the inverted checksum, here and below.
std::uint32_t run_table(std::uint32_t state, const std::byte* at, std::size_t size) {
  for (; size >= 8; at += 8, size -= 8) {
    const std::uint64_t word = load_little_endian(at) ^ state;
    state = tables[7][word & 0xff] ^ tables[6][(word >> 8) & 0xff] ^
            tables[5][(word >> 16) & 0xff] ^ tables[4][(word >> 24) & 0xff] ^
            tables[3][(word >> 32) & 0xff] ^ tables[2][(word >> 40) & 0xff] ^
            tables[1][(word >> 48) & 0xff] ^ tables[0][word >> 56];
  }
  for (; size > 0; ++at, --size)
    state = (state >> 8) ^ tables[0][(state ^ static_cast<std::uint32_t>(*at)) & 0xff];
  return state;
}

#if defined(__x86_64__)

// x^n modulo the polynomial, reflected. Requires: n >= 0.
constexpr std::uint32_t x_to_the(std::size_t n) {
  std::uint32_t value = 0x80000000u;
  for (; n > 0; --n) value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
  return value;
}

// What crc32c_u64(0, clmul(state, shift_constant(n))) needs to append n zero bytes to `state`: the
// product of two reflected 32-bit values sits one bit low in 64 bits, and reducing it by `crc32`
// multiplies by x^32, hence 33 less.
constexpr std::uint32_t shift_constant(std::size_t bytes) { return x_to_the(bytes * 8 - 33); }

template <std::size_t ZeroBytes>
__attribute__((target("sse4.2,pclmul"))) inline std::uint64_t shifted(std::uint64_t state) {
  constexpr std::uint64_t constant = shift_constant(ZeroBytes);
  const __m128i product =
      _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<std::int64_t>(state)),
                           _mm_cvtsi64_si128(static_cast<std::int64_t>(constant)), 0);
  return _mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(product)));
}

// Eats as many runs of 3 * Lane bytes as there are. `crc32` has a latency of three cycles and a
// throughput of one, so three chains fill the unit.
template <std::size_t Lane>
__attribute__((target("sse4.2,pclmul"))) inline std::uint64_t run_lanes(std::uint64_t state,
                                                                        const std::byte*& at,
                                                                        std::size_t& size) {
  for (; size >= 3 * Lane; at += 3 * Lane, size -= 3 * Lane) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t i = 0; i < Lane; i += 8) {
      state = _mm_crc32_u64(state, load_little_endian(at + i));
      second = _mm_crc32_u64(second, load_little_endian(at + Lane + i));
      third = _mm_crc32_u64(third, load_little_endian(at + 2 * Lane + i));
    }
    state = shifted<2 * Lane>(state) ^ shifted<Lane>(second) ^ third;
  }
  return state;
}

__attribute__((target("sse4.2,pclmul"))) std::uint32_t run_sse42(std::uint32_t state,
                                                                 const std::byte* at,
                                                                 std::size_t size) {
  std::uint64_t wide = state;
  wide = run_lanes<1024>(wide, at, size);
  wide = run_lanes<128>(wide, at, size);
  for (; size >= 8; at += 8, size -= 8) wide = _mm_crc32_u64(wide, load_little_endian(at));
  auto narrow = static_cast<std::uint32_t>(wide);
  for (; size > 0; ++at, --size) narrow = _mm_crc32_u8(narrow, static_cast<std::uint8_t>(*at));
  return narrow;
}

// Reads two words the runtime filled before main(); no state of ours.
bool have_sse42() { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"); }

#else

std::uint32_t run_sse42(std::uint32_t state, const std::byte* at, std::size_t size) {
  return run_table(state, at, size);
}
bool have_sse42() { return false; }

#endif

}  // namespace

std::uint32_t extend_crc32c(std::uint32_t crc, Bytes data) {
  const auto run = have_sse42() ? run_sse42 : run_table;
  return ~run(~crc, data.data(), data.size());
}

std::uint32_t crc32c(Bytes data) { return extend_crc32c(0, data); }

bool crc32c_available(Crc32cMethod method) { return method == Crc32cMethod::table || have_sse42(); }

std::uint32_t extend_crc32c(Crc32cMethod method, std::uint32_t crc, Bytes data) {
  SLUICE_CHECK(crc32c_available(method));
  const auto run = method == Crc32cMethod::sse42 ? run_sse42 : run_table;
  return ~run(~crc, data.data(), data.size());
}

}  // namespace sluice::protocol
