// Messages to bytes and back: the entry points. Cheap to include: the code is instantiated once a
// message, in protocol/instances_*.cpp.
//
// Lifetime: the strings, bytes and records of a decoded message borrow from the frame.
#pragma once

#include "protocol/gather.hpp"
#include "protocol/schema.hpp"
#include "protocol/wire_error.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace sluice::protocol {

// The largest message: with any header before it, its size still fits the int32 of a frame.
inline constexpr std::size_t encoded_size_max =
    std::numeric_limits<std::int32_t>::max() - std::size_t{64} * 1024;

// The operations on one message type; defined in codec_instances.hpp. Call the functions below.
template <Message M>
struct Codec {
  static WireError encode(const M& message, Version version, std::vector<std::byte>& out);
  static WireError encode(const M& message, Version version, GatherBuffer& out);
  static WireError decode(Bytes frame, Version version, M& message);
  static std::size_t encoded_size(const M& message, Version version);
};

// Appends `message` to `out`; record data is copied. On an error `out` is as before.
template <Message M>
[[nodiscard]] WireError encode(const M& message, Version version, std::vector<std::byte>& out) {
  return Codec<M>::encode(message, version, out);
}

// The same, but large slices of record data are referenced, not copied (gather.hpp).
template <Message M>
[[nodiscard]] WireError encode(const M& message, Version version, GatherBuffer& out) {
  return Codec<M>::encode(message, version, out);
}

// Fills `message` from the whole of `frame`. Requires: a message that holds its defaults, which
// fields keep that the version lacks. Never takes more memory than a small multiple of the frame's
// size (decoder.hpp). On an error `message` is filled in part: drop it.
template <Message M>
[[nodiscard]] WireError decode(Bytes frame, Version version, M& message) {
  return Codec<M>::decode(frame, version, message);
}

// Bytes that encode() appends; 0 when it would fail.
template <Message M>
std::size_t encoded_size(const M& message, Version version) {
  return Codec<M>::encoded_size(message, version);
}

}  // namespace sluice::protocol
