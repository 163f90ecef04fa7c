// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78): the checksum of record batches.
//
// On x86-64 with SSE4.2 and PCLMULQDQ three independent `crc32` chains run side by side and are
// joined by a carry-less multiplication; elsewhere eight table lookups take eight bytes a step. The
// choice is made at run time.
// Source: RFC 3720 appendix B.4 (vectors); Intel, "Fast CRC Computation for iSCSI Polynomial Using
// CRC32 Instruction" (the interleaving).
#pragma once

#include "base/bytes.hpp"

#include <cstdint>

namespace sluice::protocol {

// Checksum of `data`. Empty input gives 0.
std::uint32_t crc32c(Bytes data);

// Goes on from the checksum of what came before:
// extend_crc32c(crc32c(a), b) == crc32c(a followed by b), and extend_crc32c(0, a) == crc32c(a).
std::uint32_t extend_crc32c(std::uint32_t crc, Bytes data);

// The implementations by name, for tests and benchmarks; everyone else calls the functions above.
enum class Crc32cMethod : std::uint8_t { table, sse42 };
bool crc32c_available(Crc32cMethod method);
// Requires: crc32c_available(method).
std::uint32_t extend_crc32c(Crc32cMethod method, std::uint32_t crc, Bytes data);

}  // namespace sluice::protocol
