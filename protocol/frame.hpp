// Frames: a size prefix, a header, a message. Both sides of it, for the broker and for our client.
//
//   offset  size  type   request                       response
//   0       4     int32  size of what follows          the same
//   4       2     int16  API key                       (correlation id, int32, at 4)
//   6       2     int16  API version
//   8       4     int32  correlation id
//   12      …     string client id, int16 length, -1 null; never in the flexible encoding
//   …       …     tags   header version 2 only         header version 1 only
//
// Source: RequestHeader.json, ResponseHeader.json; KIP-482 (tags), KIP-511 (ApiVersions).
#pragma once

#include "base/bytes.hpp"
#include "protocol/api.hpp"
#include "protocol/codec.hpp"
#include "protocol/wire_error.hpp"

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

inline constexpr std::size_t frame_prefix_size = 4;
// Kafka's socket.request.max.bytes: a frame that announces more closes its connection.
inline constexpr std::int32_t frame_size_max_default = 104'857'600;
// Kafka's limit before a connection has authenticated.
inline constexpr std::int32_t frame_size_max_unauthenticated = 524'288;
// Key, version and correlation id: the least that a request holds.
inline constexpr std::size_t request_header_size_min = 8;

struct RequestHeader {
  std::int16_t api_key = -1;  // as received: maybe none of ours
  Version version = -1;
  CorrelationId correlation_id = 0;
  std::optional<std::string_view> client_id{};
};

// Views into one received frame (without its size prefix).
struct RequestFrame {
  RequestHeader header{};
  const ApiInfo* api = nullptr;  // null: unknown key
  Bytes body{};
};

// Splits a frame into header and body. Errors, after which the connection is closed without a
// reply: truncated, bad_length; bad_header for an unknown key; unsupported_version for a version
// outside api->versions. On the last two key, version and correlation id are set, since an
// ApiVersions request of an unsupported version is answered all the same (answer in version 0).
[[nodiscard]] WireError parse_request(Bytes frame, RequestFrame& request);

struct ResponseFrame {
  CorrelationId correlation_id = 0;
  Bytes body{};
};
// Splits the response (without its size prefix) to a request of `api` in `version`.
[[nodiscard]] WireError parse_response(Bytes frame, const ApiInfo& api, Version version,
                                       ResponseFrame& response);

// The steps of the templates below: begin_frame() appends prefix and header and returns where the
// frame begins; end_frame() writes the size, or takes the frame back on an error.
std::size_t begin_request(const RequestHeader& header, std::vector<std::byte>& out);
std::size_t begin_response(CorrelationId id, bool flexible, std::vector<std::byte>& out);
WireError end_frame(WireError error, std::size_t begin, std::size_t external,
                    std::vector<std::byte>& out);

// Appends a whole request frame. Requires: M is a request. On an error `out` is as before.
template <Message M>
[[nodiscard]] WireError encode_request(const M& message, Version version, CorrelationId id,
                                       std::optional<std::string_view> client_id,
                                       std::vector<std::byte>& out) {
  const std::size_t begin = begin_request({.api_key = M::schema.api_key,
                                           .version = version,
                                           .correlation_id = id,
                                           .client_id = client_id},
                                          out);
  return end_frame(encode(message, version, out), begin, 0, out);
}

// Whether the header of M, a response, has a tag section.
template <Message M>
bool flexible_response_header(Version version) {
  return api_key_of<M> != ApiKey::api_versions && M::schema.flexible.contains(version);
}

// Appends a whole response frame; the second form splices record data. Requires: M is a response,
// `version` that of its request. On an error `out` is as before.
template <Message M>
[[nodiscard]] WireError encode_response(const M& message, Version version, CorrelationId id,
                                        std::vector<std::byte>& out) {
  const std::size_t begin = begin_response(id, flexible_response_header<M>(version), out);
  return end_frame(encode(message, version, out), begin, 0, out);
}
template <Message M>
[[nodiscard]] WireError encode_response(const M& message, Version version, CorrelationId id,
                                        GatherBuffer& out) {
  const std::size_t spliced = out.size() - out.owned().size();
  const std::size_t begin = begin_response(id, flexible_response_header<M>(version), out.owned());
  const WireError error = encode(message, version, out);
  return end_frame(error, begin, out.size() - out.owned().size() - spliced, out.owned());
}

// The part of `frame` that the view `part` shows, writable: batches get their offsets in place.
// Requires: `part` lies within `frame`.
MutableBytes writable(MutableBytes frame, Bytes part);

}  // namespace sluice::protocol
