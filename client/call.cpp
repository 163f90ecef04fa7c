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

Result<protocol::Version> pick_version(const Channel& channel, const protocol::Schema& schema,
                                       protocol::Version limit) {
  const auto theirs = channel.versions(schema.api_key);
  const auto newest = std::min({theirs.last, schema.versions.last, limit});
  if (theirs.empty() || newest < std::max(theirs.first, schema.versions.first))
    return fail(Errc::unsupported,
                "api " + std::to_string(schema.api_key) + " at " + channel.address().to_string());
  return newest;
}

Request begin_request(const protocol::Schema& schema, protocol::Version version,
                      std::int32_t correlation_id, std::string_view client_id) {
  Request request;
  auto& frame = request.owned();
  frame.reserve(256);
  append_integer(frame, std::int32_t{0});
  append_integer(frame, schema.api_key);
  append_integer(frame, version);
  append_integer(frame, correlation_id);
  append_integer(frame, static_cast<std::int16_t>(client_id.size()));
  const auto text = as_bytes(client_id);
  frame.insert(frame.end(), text.begin(), text.end());
  if (schema.flexible.contains(version)) frame.push_back(std::byte{0});  // no tagged fields
  return request;
}

void finish_request(Request& frame) {
  store_big_endian(frame.owned().data(),
                   static_cast<std::int32_t>(frame.size() - sizeof(std::int32_t)));
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

}  // namespace sluice::client
