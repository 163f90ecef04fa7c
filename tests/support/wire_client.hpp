// A client of a few lines for tests of the broker: one blocking socket, whole frames, any message.
#pragma once

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "protocol/frame.hpp"

#include <arpa/inet.h>
#include <cstdint>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <vector>

namespace sluice {

class WireClient {
 public:
  explicit WireClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SLUICE_CHECK(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~WireClient() { ::close(socket_); }
  WireClient(const WireClient&) = delete;
  WireClient& operator=(const WireClient&) = delete;

  void send_bytes(Bytes bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the broker has closed: receive() tells
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
  }
  template <protocol::Message Request>
  void send(const Request& request, std::int16_t version) {
    std::vector<std::byte> frame;
    SLUICE_CHECK(protocol::encode_request(request, version, next_id_++, "test", frame) ==
                 protocol::WireError::none);
    send_bytes(frame);
  }

  // The body and correlation id of the next response; nullopt when the broker closed.
  template <protocol::Message Response>
  std::optional<Response> receive(std::int16_t version) {
    std::vector<std::byte> prefix(protocol::frame_prefix_size);
    if (!receive_all(prefix)) return std::nullopt;
    const auto size = load_big_endian<std::int32_t>(prefix.data());
    frames_.emplace_back(static_cast<std::size_t>(size));
    if (!receive_all(frames_.back())) return std::nullopt;
    protocol::ResponseFrame frame;
    const auto* api = protocol::find_api(protocol::api_key_of<Response>);
    SLUICE_CHECK(protocol::parse_response(frames_.back(), *api, version, frame) ==
                 protocol::WireError::none);
    correlation_id_ = frame.correlation_id;
    Response response;
    SLUICE_CHECK(protocol::decode(frame.body, version, response) == protocol::WireError::none);
    return response;
  }
  template <protocol::Message Response, protocol::Message Request>
  std::optional<Response> call(const Request& request, std::int16_t version) {
    send(request, version);
    return receive<Response>(version);
  }
  std::int32_t correlation_id() const { return correlation_id_; }

 private:
  bool receive_all(MutableBytes into) {
    while (!into.empty()) {
      const auto count = ::recv(socket_, into.data(), into.size(), 0);
      if (count <= 0) return false;
      into = into.subspan(static_cast<std::size_t>(count));
    }
    return true;
  }

  int socket_;
  std::int32_t next_id_ = 1;
  std::int32_t correlation_id_ = 0;
  std::vector<std::vector<std::byte>> frames_;  // responses borrow from them
};

}  // namespace sluice
