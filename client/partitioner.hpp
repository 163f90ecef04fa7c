// Which partition a record goes to, exactly as Kafka's Java producer decides: murmur2 of the key,
// or a partition that is kept until it has taken a batch's worth of bytes when there is no key.
// Source: org.apache.kafka.common.utils.Utils.murmur2, BuiltInPartitioner (KIP-480, KIP-794).
#pragma once

#include "base/bytes.hpp"
#include "base/random.hpp"

#include <cstdint>
#include <cstring>

namespace sluice::client {

// Murmur2 with Kafka's seed; signed, as Java has it.
inline std::int32_t murmur2(Bytes data) {
  constexpr std::uint32_t seed = 0x9747b28cu;
  constexpr std::uint32_t m = 0x5bd1e995u;
  constexpr int r = 24;
  std::uint32_t h = seed ^ static_cast<std::uint32_t>(data.size());
  const std::byte* at = data.data();
  std::size_t left = data.size();
  for (; left >= 4; at += 4, left -= 4) {
    std::uint32_t k;
    std::memcpy(&k, at, sizeof k);  // little-endian words
    k *= m;
    k ^= k >> r;
    k *= m;
    h = (h * m) ^ k;
  }
  if (left >= 3) h ^= std::to_integer<std::uint32_t>(at[2]) << 16;
  if (left >= 2) h ^= std::to_integer<std::uint32_t>(at[1]) << 8;
  if (left >= 1) h = (h ^ std::to_integer<std::uint32_t>(at[0])) * m;
  h ^= h >> 13;
  h *= m;
  h ^= h >> 15;
  return static_cast<std::int32_t>(h);
}

// The partition of a key. Requires: partition_count > 0.
inline std::int32_t partition_of_key(Bytes key, std::int32_t partition_count) {
  return (murmur2(key) & 0x7fffffff) % partition_count;
}

// Spreads records without a key over the partitions of one topic: stays on one, so that batches
// fill, and moves to another once `sticky_bytes` went there.
class StickyPartition {
 public:
  // Chooses for a record of `size` bytes. Requires: partition_count > 0.
  std::int32_t next(std::int32_t partition_count, std::size_t size, std::size_t sticky_bytes,
                    Random& random) {
    if (current_ < 0 || current_ >= partition_count || bytes_ >= sticky_bytes) {
      current_ =
          static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(partition_count)));
      bytes_ = 0;
    }
    bytes_ += size;
    return current_;
  }

 private:
  std::int32_t current_ = -1;
  std::size_t bytes_ = 0;
};

}  // namespace sluice::client
