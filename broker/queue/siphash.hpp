// SipHash-2-4: a keyed hash of 64 bits that nobody without the key can make.
// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; its test vectors are in
// siphash_test.cpp.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::broker {

using HashKey = std::array<std::byte, 16>;

std::uint64_t siphash(const HashKey& key, Bytes text);

}  // namespace sluice::broker
