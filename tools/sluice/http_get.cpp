#include "tools/sluice/http_get.hpp"

#include "sluice/error.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <memory>
#include <netdb.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace sluice::cli {
namespace {

constexpr std::size_t body_max = 64 * 1024 * 1024;
using Clock = std::chrono::steady_clock;

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// Whether the socket is ready for `events` before the time is up.
bool ready(const Socket& socket, short events, Clock::time_point until) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    pollfd wanted{.fd = socket.get(), .events = events, .revents = 0};
    const int found = ::poll(&wanted, 1, static_cast<int>(left));
    if (found > 0) return true;
    if (found == 0 || errno != EINTR) return false;
  }
}

Result<> connect_to(const Socket& socket, const addrinfo& at, Clock::time_point until) {
  if (::connect(socket.get(), at.ai_addr, at.ai_addrlen) == 0) return {};
  if (errno != EINPROGRESS || !ready(socket, POLLOUT, until)) return fail(Errc::unreachable);
  int failure = 0;
  socklen_t size = sizeof failure;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
  return failure == 0 ? Result<>{} : fail(Errc::unreachable);
}

Result<std::string> exchange(const Socket& socket, const std::string& request,
                             Clock::time_point until) {
  for (std::string_view rest = request; !rest.empty();) {
    if (!ready(socket, POLLOUT, until)) return fail(Errc::timed_out, "HTTP");
    const auto sent = ::send(socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return fail(Errc::disconnected, "HTTP");
    if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::string answer;
  char buffer[16 * 1024];
  while (answer.size() < body_max) {
    if (!ready(socket, POLLIN, until)) return fail(Errc::timed_out, "HTTP");
    const auto got = ::recv(socket.get(), buffer, sizeof buffer, 0);
    if (got == 0) break;
    if (got < 0 && errno != EAGAIN && errno != EINTR) return fail(Errc::disconnected, "HTTP");
    if (got > 0) answer.append(buffer, static_cast<std::size_t>(got));
  }
  return answer;
}

// The answer of the first address that takes the connection.
Result<std::string> ask(const addrinfo* addresses, const std::string& request,
                        Clock::time_point until) {
  for (const addrinfo* at = addresses; at != nullptr; at = at->ai_next) {
    const Socket socket(::socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (connect_to(socket, *at, until)) return exchange(socket, request, until);
  }
  return fail(Errc::unreachable);
}

// Nothing without the field; -1 for what is no number.
std::optional<std::int64_t> content_length(std::string_view head) {
  constexpr std::string_view name = "\r\ncontent-length:";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  const auto field = std::ranges::search(head, name, same);
  if (field.empty()) return std::nullopt;
  std::string_view value(field.end(), head.end());
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  std::int64_t length = -1;
  std::from_chars(value.data(), value.data() + value.size(), length);
  return length;
}

}  // namespace

Result<std::string> body_of(std::string_view answer, const std::string& from) {
  const auto body = answer.find("\r\n\r\n");
  const auto line = answer.substr(0, answer.find('\r'));
  const auto status = line.substr(std::min(line.find(' '), line.size()));
  const bool is_ok = status == " 200" || status.starts_with(" 200 ");
  if (!line.starts_with("HTTP/1.") || body == std::string_view::npos || !is_ok)
    return fail(Errc::malformed_response, from + ": " + std::string(line));
  std::string content(answer.substr(body + 4));
  const auto length = content_length(answer.substr(0, body));
  if (length && !std::cmp_equal(*length, content.size()))
    return fail(Errc::malformed_response, from + ": " + std::to_string(content.size()) +
                                              " bytes instead of " + std::to_string(*length));
  return content;
}

Result<std::string> http_get(const std::string& address, const std::string& path,
                             std::chrono::milliseconds timeout) {
  const auto until = Clock::now() + timeout;
  const auto colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0)
    return fail(Errc::invalid_argument, "'" + address + "' is not HOST:PORT");
  const std::string port = address.substr(colon + 1);
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* resolved = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &wanted, &resolved) != 0)
    return fail(Errc::unreachable, address);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> found(resolved, ::freeaddrinfo);
  // 1.0: the answer ends with the connection and is not cut into chunks.
  const auto answer =
      ask(found.get(), "GET " + path + " HTTP/1.0\r\nHost: " + address + "\r\n\r\n", until);
  if (!answer && answer.error().is(Errc::unreachable)) return fail(Errc::unreachable, address);
  if (!answer) return std::unexpected(answer.error());
  return body_of(*answer, address + path);
}

}  // namespace sluice::cli
