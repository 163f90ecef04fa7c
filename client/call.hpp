// One typed request on one channel: version picked, header written, answer decoded.
// Internal: includes Asio; public headers do not include this.
#pragma once

#include "client/channel.hpp"
#include "protocol/codec.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace sluice::client {

// An answer and the frame that its views borrow from.
template <class Response>
struct Reply {
  Frame frame;
  Response body;
  protocol::Version version = 0;
};

// The newest version that both sides know and `limit` allows. Errors: Errc::unsupported.
Result<protocol::Version> pick_version(const Channel& channel, const protocol::Schema& schema,
                                       protocol::Version limit = protocol::Versions::newest);

// Begins a frame: four bytes for its length, which finish_request() fills in, and the header.
Request begin_request(const protocol::Schema& schema, protocol::Version version,
                      std::int32_t correlation_id, std::string_view client_id);
void finish_request(Request& frame);
// The body of an answer. Errors: Errc::malformed_response.
Result<Bytes> response_body(const protocol::Schema& schema, protocol::Version version, Bytes frame);

// Encodes a whole request frame; record batches in it are referenced, not copied.
// Errors: a protocol::WireError, e.g. a field that this version cannot carry.
template <class Message>
Result<Request> encode_request(Channel& channel, const Message& message, protocol::Version version,
                               std::int32_t correlation_id) {
  Request frame = begin_request(Message::schema, version, correlation_id, channel.client_id());
  const auto error = protocol::encode(message, version, frame);
  if (error != protocol::WireError::none)
    return sluice::fail(make_error_code(error), "encode a request");
  finish_request(frame);
  return frame;
}

// Asks and waits for the answer. `channel` and `message` must live until then.
// Errors: Errc::unsupported, ::timed_out, ::disconnected, ::malformed_response. What the broker
// answers inside the body is the caller's to read.
template <class Response, class Message>
Task<Result<Reply<Response>>> ask(Channel& channel, const Message& message, TimePoint deadline,
                                  protocol::Version limit = protocol::Versions::newest) {
  const auto version = pick_version(channel, Message::schema, limit);
  if (!version) co_return std::unexpected(version.error());
  const auto correlation_id = channel.next_correlation_id();
  auto encoded = encode_request(channel, message, *version, correlation_id);
  if (!encoded) co_return std::unexpected(encoded.error());
  auto frame = co_await channel.exchange(std::move(*encoded), correlation_id, deadline);
  if (!frame) co_return std::unexpected(frame.error());
  Reply<Response> reply{.frame = std::move(*frame), .version = *version};
  const auto body = response_body(Response::schema, *version, reply.frame.bytes());
  if (!body) co_return std::unexpected(body.error());
  if (protocol::decode(*body, *version, reply.body) != protocol::WireError::none) {
    channel.close();
    co_return fail(Errc::malformed_response, "api " + std::to_string(Message::schema.api_key));
  }
  co_return reply;
}

// The same, and keeps the channel alive meanwhile.
template <class Response, class Message>
Task<Result<Reply<Response>>> call(std::shared_ptr<Channel> channel, const Message& message,
                                   TimePoint deadline,
                                   protocol::Version limit = protocol::Versions::newest) {
  co_return co_await ask<Response>(*channel, message, deadline, limit);
}

}  // namespace sluice::client
