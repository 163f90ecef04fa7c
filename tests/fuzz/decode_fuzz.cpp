// Any bytes as any message: decoding ends, reads nothing outside, and what it accepts can be
// encoded, and decoded to the same again.
//
// Input: 'H' and a request frame; or 'Q' or 'R' (request, response), API key (int16), version
// (int8), and the message.
#include "base/check.hpp"
#include "protocol/frame.hpp"
#include "protocol/messages/all.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::protocol {
namespace {

template <Message M>
void try_message(Bytes body, Version version) {
  M message;
  if (decode(body, version, message) != WireError::none) return;
  std::vector<std::byte> once;
  SLUICE_CHECK(encode(message, version, once) == WireError::none);
  SLUICE_CHECK(encoded_size(message, version) == once.size());
  M again;
  SLUICE_CHECK(decode(once, version, again) == WireError::none);
  std::vector<std::byte> twice;
  SLUICE_CHECK(encode(again, version, twice) == WireError::none);
  SLUICE_CHECK(once == twice);
}

void try_body(bool request, std::int16_t key, Version version, Bytes body) {
  Apis::for_each([&]<class A>(A) {
    if (A::Request::schema.api_key != key) return;
    if (request)
      try_message<typename A::Request>(body, version);
    else
      try_message<typename A::Response>(body, version);
  });
}

void try_input(Bytes input) {
  if (input.empty()) return;
  const char kind = static_cast<char>(input[0]);
  if (kind == 'H') {
    RequestFrame frame;
    if (parse_request(input.subspan(1), frame) != WireError::none) return;
    return try_body(true, frame.header.api_key, frame.header.version, frame.body);
  }
  if (input.size() < 4) return;
  const auto key = load_big_endian<std::int16_t>(input.data() + 1);
  try_body(kind == 'Q', key, static_cast<Version>(input[3]), input.subspan(4));
}

}  // namespace
}  // namespace sluice::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::protocol::try_input({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
