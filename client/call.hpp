// One typed request on one connection: version picked, header written, answer decoded.
// Internal: includes Asio; public headers do not include this.
#pragma once

#include "client/connection.hpp"
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
Result<protocol::Version> pick_version(const Connection& connection, const protocol::Schema& schema,
                                       protocol::Version limit = protocol::Versions::newest);

// Begins a frame: four bytes for its length, which finish_request() fills in, and the header.
std::vector<std::byte> begin_request(const protocol::Schema& schema, protocol::Version version,
                                     std::int32_t correlation_id, std::string_view client_id);
void finish_request(std::vector<std::byte>& frame);
// The body of an answer. Errors: Errc::malformed_response.
Result<Bytes> response_body(const protocol::Schema& schema, protocol::Version version, Bytes frame);

// Encodes a whole request frame.
// Errors: a protocol::WireError, e.g. a field that this version cannot carry.
template <class Request>
Result<std::vector<std::byte>> encode_request(Connection& connection, const Request& request,
                                              protocol::Version version,
                                              std::int32_t correlation_id) {
  auto frame = begin_request(Request::schema, version, correlation_id, connection.client_id());
  const auto error = protocol::encode(request, version, frame);
  if (error != protocol::WireError::none)
    return sluice::fail(make_error_code(error), "encode a request");
  finish_request(frame);
  return frame;
}

// Asks and waits for the answer. `request` must live until then.
// Errors: Errc::unsupported, ::timed_out, ::disconnected, ::malformed_response. What the broker
// answers inside the body is the caller's to read.
template <class Response, class Request>
Task<Result<Reply<Response>>> call(std::shared_ptr<Connection> connection, const Request& request,
                                   TimePoint deadline,
                                   protocol::Version limit = protocol::Versions::newest) {
  const auto version = pick_version(*connection, Request::schema, limit);
  if (!version) co_return std::unexpected(version.error());
  const auto correlation_id = connection->next_correlation_id();
  auto encoded = encode_request(*connection, request, *version, correlation_id);
  if (!encoded) co_return std::unexpected(encoded.error());
  auto frame = co_await connection->exchange(std::move(*encoded), correlation_id, deadline);
  if (!frame) co_return std::unexpected(frame.error());
  Reply<Response> reply{.frame = std::move(*frame), .version = *version};
  const auto body = response_body(Response::schema, *version, reply.frame.bytes());
  if (!body) co_return std::unexpected(body.error());
  if (protocol::decode(*body, *version, reply.body) != protocol::WireError::none) {
    connection->close();
    co_return fail(Errc::malformed_response, "api " + std::to_string(Request::schema.api_key));
  }
  co_return reply;
}

}  // namespace sluice::client
