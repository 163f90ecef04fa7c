#include "tools/sluice/http_get.hpp"

#include "sluice/error.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace sluice::cli {
namespace {

// Listens on 127.0.0.1, where "localhost" leads to after ::1, and answers one request.
class Server {
 public:
  explicit Server(std::string answer) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    thread_ = std::jthread([this, text = std::move(answer)] { serve(text); });
  }
  ~Server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string address() const { return "localhost:" + std::to_string(port_); }

 private:
  void serve(const std::string& answer) const {
    const int peer = ::accept(listener_, nullptr, nullptr);
    if (peer < 0) return;
    char request[1000];
    EXPECT_GT(::recv(peer, request, sizeof request, 0), 0);
    EXPECT_EQ(::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(answer.size()));
    ::close(peer);
  }

  int listener_;
  int port_ = 0;
  std::jthread thread_;
};

Result<std::string> answered(std::string answer) {
  const Server server(std::move(answer));
  return http_get(server.address(), "/v1/status", std::chrono::seconds(5));
}

TEST(HttpGet, TriesEveryAddressAndGivesTheBody) {
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), "{}");
  EXPECT_EQ(answered("HTTP/1.0 200 OK\r\nServer: x\r\n\r\nabc"), "abc");
}

TEST(HttpGet, ABodyThatWasCutShortIsNoAnswer) {
  for (const auto* length : {"3", "x", "999999999999999999999", ""}) {
    const auto got =
        answered("HTTP/1.1 200 OK\r\ncontent-length: " + std::string(length) + "\r\n\r\n{}");
    ASSERT_FALSE(got) << length;
    EXPECT_TRUE(got.error().is(Errc::malformed_response)) << length;
  }
}

TEST(HttpGet, AnAnswerWithoutAStatusIsNone) {
  for (const auto* line : {"HTTP/1.1", "HTTP/1.", "HTTP/1.1 ", "HTTP/1.1 2000", ""}) {
    const auto got = body_of(std::string(line) + "\r\nA: 200 \r\n\r\n{}", "here");
    ASSERT_FALSE(got) << line;
    EXPECT_TRUE(got.error().is(Errc::malformed_response)) << line;
  }
}

TEST(HttpGet, AnotherStatusAndNobodyAreErrors) {
  const auto missing = answered("HTTP/1.1 404 Not Found\r\n\r\n");
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().is(Errc::malformed_response));
  const auto nobody = http_get("127.0.0.1:1", "/", std::chrono::seconds(5));
  ASSERT_FALSE(nobody);
  EXPECT_TRUE(nobody.error().is(Errc::unreachable));
}

}  // namespace
}  // namespace sluice::cli
