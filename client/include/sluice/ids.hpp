// The protocol's numbers by name. Plain aliases: they say what an integer counts, no more.
//
// Every layer speaks of them.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>

namespace sluice {

// Position of a record in its partition; dense, from 0. An end offset is one past the last record.
using Offset = std::int64_t;
// Number of a partition in its topic, from 0.
using PartitionIndex = std::int32_t;
// Term of a partition's leader, from 0; grows with each change of leader (KIP-101). -1: unknown.
using LeaderEpoch = std::int32_t;
// Identity of an idempotent or transactional producer (KIP-98). -1: none.
using ProducerId = std::int64_t;
// Incarnation of a producer id; a higher one fences the lower. -1: none.
using ProducerEpoch = std::int16_t;
// Number of a record in its producer's stream to a partition; wraps from 2^31-1 to 0. -1: none.
using Sequence = std::int32_t;
// Node id of a broker. -1: none.
using BrokerId = std::int32_t;
// Milliseconds since the Unix epoch. -1: none.
using TimestampMs = std::int64_t;
// Incarnation of a classic group's membership, grows with each rebalance. -1: none.
using GenerationId = std::int32_t;
// Matches a response to its request on a connection; chosen by the client.
using CorrelationId = std::int32_t;

inline constexpr LeaderEpoch no_leader_epoch = -1;
inline constexpr ProducerId no_producer_id = -1;
inline constexpr ProducerEpoch no_producer_epoch = -1;
inline constexpr Sequence no_sequence = -1;
inline constexpr BrokerId no_broker = -1;
inline constexpr TimestampMs no_timestamp = -1;

// A 128-bit id, most significant octet first as on the wire. All zero: none.
struct Uuid {
  std::array<std::byte, 16> octets{};

  constexpr bool is_zero() const { return *this == Uuid{}; }
  // Kafka's spelling: URL-safe base64 without padding, 22 characters.
  std::string to_string() const;

  friend constexpr bool operator==(const Uuid&, const Uuid&) = default;
  friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;
};
// Identity of a topic, which its name is not: a topic made anew has a new one (KIP-516).
using TopicId = Uuid;

}  // namespace sluice

template <>
struct std::hash<sluice::Uuid> {
  // The octets of an id are random or chosen by us: folding them is enough.
  std::size_t operator()(const sluice::Uuid& id) const noexcept {
    std::uint64_t halves[2];
    std::memcpy(halves, id.octets.data(), sizeof halves);
    return static_cast<std::size_t>(halves[0] ^ (halves[1] * 0x9e3779b97f4a7c15u));
  }
};
