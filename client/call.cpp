#include "client/call.hpp"

#include "protocol/messages/api_versions.hpp"

namespace sluice::client {
namespace {

void append_integer(std::vector<std::byte>& out, auto value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof value);
  store_big_endian(out.data() + at, value);
}

constexpr std::int16_t api_versions_key = protocol::ApiVersionsRequest::schema.api_key;

}  // namespace

Result<protocol::Version> pick_version(const Connection& connection, const protocol::Schema& schema,
                                       protocol::Version limit) {
  const auto theirs = connection.versions(schema.api_key);
  const auto newest = std::min({theirs.last, schema.versions.last, limit});
  if (theirs.empty() || newest < std::max(theirs.first, schema.versions.first))
    return fail(Errc::unsupported, "api " + std::to_string(schema.api_key) + " at " +
                                       connection.address().to_string());
  return newest;
}

std::vector<std::byte> begin_request(const protocol::Schema& schema, protocol::Version version,
                                     std::int32_t correlation_id, std::string_view client_id) {
  std::vector<std::byte> frame;
  frame.reserve(256);
  append_integer(frame, std::int32_t{0});
  append_integer(frame, schema.api_key);
  append_integer(frame, version);
  append_integer(frame, correlation_id);
  append_integer(frame, static_cast<std::int16_t>(client_id.size()));
  const auto text = as_bytes(client_id);
  frame.insert(frame.end(), text.begin(), text.end());
  if (schema.flexible.contains(version)) frame.push_back(std::byte{0});  // no tagged fields
  return frame;
}

void finish_request(std::vector<std::byte>& frame) {
  store_big_endian(frame.data(), static_cast<std::int32_t>(frame.size() - sizeof(std::int32_t)));
}

Result<Bytes> response_body(const protocol::Schema& schema, protocol::Version version,
                            Bytes frame) {
  Bytes body = frame.subspan(std::min(frame.size(), sizeof(std::int32_t)));
  // KIP-511: the header of ApiVersions never has tagged fields, so that any client can read it.
  if (schema.flexible.contains(version) && schema.api_key != api_versions_key) {
    // Brokers send no tagged fields in headers; skip any that come all the same.
    const auto uvarint = [&body] {
      std::uint32_t value = 0;
      for (int shift = 0; shift < 35 && !body.empty(); shift += 7) {
        const auto octet = std::to_integer<std::uint32_t>(body.front());
        body = body.subspan(1);
        value |= (octet & 0x7f) << shift;
        if (octet < 0x80) break;
      }
      return value;
    };
    if (body.empty()) return fail(Errc::malformed_response, "response header");
    for (std::uint32_t left = uvarint(); left > 0; --left) {
      uvarint();
      const std::size_t size = uvarint();
      if (size > body.size()) return fail(Errc::malformed_response, "response header");
      body = body.subspan(size);
    }
  }
  return body;
}

// ---- The handshake of a connection (declared in connection.hpp) ----

Task<Result<>> Connection::learn_versions(TimePoint deadline) {
  protocol::ApiVersionsRequest request;
  request.client_software_name = "sluice";
  request.client_software_version = "0.1.0";
  versions_.assign(api_versions_key + 1, {});
  // A broker that does not know our version answers in version 0, saying what it does know.
  for (protocol::Version version = 3;; version = 0) {
    const auto correlation_id = next_correlation_id();
    auto encoded = encode_request(*this, request, version, correlation_id);
    if (!encoded) co_return std::unexpected(encoded.error());
    const auto frame = co_await exchange(std::move(*encoded), correlation_id, deadline);
    if (!frame) co_return std::unexpected(frame.error());
    const Bytes body = frame->bytes().subspan(sizeof correlation_id);
    protocol::ApiVersionsResponse response;
    constexpr auto unsupported =
        static_cast<std::int16_t>(protocol::ErrorCode::unsupported_version);
    if (version != 0 && body.size() >= 2 &&
        load_big_endian<std::int16_t>(body.data()) == unsupported)
      continue;
    if (protocol::decode(body, version, response) != protocol::WireError::none)
      co_return fail(Errc::malformed_response, "ApiVersions of " + address_.to_string());
    if (response.error_code != protocol::ErrorCode::none)
      co_return sluice::fail(broker_error(static_cast<std::int16_t>(response.error_code)),
                             "ApiVersions of " + address_.to_string());
    for (const auto& api : response.api_keys) {
      if (api.api_key < 0) continue;
      const auto key = static_cast<std::size_t>(api.api_key);
      if (key >= versions_.size()) versions_.resize(key + 1);
      versions_[key].first = api.min_version;
      versions_[key].last = api.max_version;
    }
    state_ = State::open;
    co_return Result<>{};
  }
}

}  // namespace sluice::client
