// The definitions behind codec.hpp. Include only in a .cpp that instantiates messages:
//   template struct Codec<HeartbeatRequest>;
#pragma once

#include "protocol/codec.hpp"
#include "protocol/decoder.hpp"
#include "protocol/encoder.hpp"

namespace sluice::protocol {

template <Message M>
Context context_of(Version version) {
  return {version, M::schema.flexible.contains(version)};
}

// Counts `message`, and finds whatever makes it impossible to encode.
template <Message M>
SizeSink measure(const M& message, Version version, bool splices) {
  static_assert(well_formed<M>());
  SizeSink sink{splices};
  if (!M::schema.versions.contains(version)) sink.fail(WireError::unsupported_version);
  if (sink.error() == WireError::none) encode_struct(sink, context_of<M>(version), message);
  if (sink.size() > encoded_size_max) sink.fail(WireError::too_large);
  return sink;
}

template <Message M>
WireError Codec<M>::encode(const M& message, Version version, std::vector<std::byte>& out) {
  const SizeSink size = measure(message, version, false);
  if (size.error() != WireError::none) return size.error();
  const std::size_t before = out.size();
  out.resize(before + size.size());
  WriteSink sink{out.data() + before};
  encode_struct(sink, context_of<M>(version), message);
  return WireError::none;
}

template <Message M>
WireError Codec<M>::encode(const M& message, Version version, GatherBuffer& out) {
  const SizeSink size = measure(message, version, true);
  if (size.error() != WireError::none) return size.error();
  const std::size_t before = out.owned().size();
  out.owned().resize(before + size.owned_size());
  WriteSink sink{out.owned().data() + before, out};
  encode_struct(sink, context_of<M>(version), message);
  return WireError::none;
}

template <Message M>
WireError Codec<M>::decode(Bytes frame, Version version, M& message) {
  static_assert(well_formed<M>());
  if (!M::schema.versions.contains(version)) return WireError::unsupported_version;
  Reader reader{frame};
  decode_struct(reader, context_of<M>(version), message);
  if (!reader.failed() && !reader.done()) return WireError::trailing_bytes;
  return reader.error();
}

template <Message M>
std::size_t Codec<M>::encoded_size(const M& message, Version version) {
  const SizeSink size = measure(message, version, false);
  return size.error() == WireError::none ? size.size() : 0;
}

}  // namespace sluice::protocol
