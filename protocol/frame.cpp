#include "protocol/frame.hpp"

#include "base/check.hpp"
#include "protocol/decoder.hpp"

#include <functional>
#include <limits>

namespace sluice::protocol {
namespace {

template <std::integral T>
void append(std::vector<std::byte>& out, T value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof value);
  store_big_endian(out.data() + at, value);
}

}  // namespace

WireError parse_request(Bytes frame, RequestFrame& request) {
  request = {};
  Reader reader{frame};
  RequestHeader& header = request.header;
  header.api_key = reader.integer<std::int16_t>();
  header.version = reader.integer<std::int16_t>();
  header.correlation_id = reader.integer<std::int32_t>();
  if (reader.failed()) return reader.error();
  request.api = find_api(header.api_key);
  if (request.api == nullptr) return WireError::bad_header;
  if (!request.api->versions.contains(header.version)) return WireError::unsupported_version;
  header.client_id = decode_sized<std::string_view>(reader, {.version = 0, .flexible = false});
  if (request.api->flexible_request_header(header.version)) skip_tags(reader);
  request.body = reader.rest();
  return reader.error();
}

WireError parse_response(Bytes frame, const ApiInfo& api, Version version,
                         ResponseFrame& response) {
  Reader reader{frame};
  response.correlation_id = reader.integer<std::int32_t>();
  if (api.flexible_response_header(version)) skip_tags(reader);
  response.body = reader.rest();
  return reader.error();
}

std::size_t begin_request(const RequestHeader& header, std::vector<std::byte>& out) {
  const std::size_t begin = out.size();
  append(out, std::int32_t{0});  // end_frame() knows the size
  append(out, header.api_key);
  append(out, header.version);
  append(out, header.correlation_id);
  if (!header.client_id) {
    append(out, std::int16_t{-1});
  } else {
    const std::string_view id =
        header.client_id->substr(0, std::numeric_limits<std::int16_t>::max());
    append(out, static_cast<std::int16_t>(id.size()));
    const Bytes bytes = as_bytes(id);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  const ApiInfo* api = find_api(header.api_key);
  if (api != nullptr && api->flexible_request_header(header.version)) out.push_back(std::byte{0});
  return begin;
}

std::size_t begin_response(CorrelationId id, bool flexible, std::vector<std::byte>& out) {
  const std::size_t begin = out.size();
  append(out, std::int32_t{0});
  append(out, id);
  if (flexible) out.push_back(std::byte{0});
  return begin;
}

WireError end_frame(WireError error, std::size_t begin, std::size_t external,
                    std::vector<std::byte>& out) {
  if (error != WireError::none) {
    out.resize(begin);
    return error;
  }
  const std::size_t size = out.size() - begin - frame_prefix_size + external;
  store_big_endian(out.data() + begin, static_cast<std::int32_t>(size));  // see encoded_size_max
  return WireError::none;
}

MutableBytes writable(MutableBytes frame, Bytes part) {
  if (part.empty()) return {};
  const std::less_equal<const std::byte*> not_after;
  SLUICE_CHECK(not_after(frame.data(), part.data()) &&
               not_after(part.data() + part.size(), frame.data() + frame.size()));
  return frame.subspan(static_cast<std::size_t>(part.data() - frame.data()), part.size());
}

}  // namespace sluice::protocol
