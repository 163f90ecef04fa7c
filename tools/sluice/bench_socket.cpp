#include "tools/sluice/bench_socket.hpp"

#include "sluice/error.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace sluice::bench {

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Descriptor> connect_to(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos)
    return fail(Errc::invalid_argument, "'" + address + "' is not HOST:PORT");
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &hints, &found) != 0)
    return fail(Errc::unreachable, address);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  for (const addrinfo* at = found; at; at = at->ai_next) {
    Descriptor fd(::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol));
    if (fd.get() < 0 || ::connect(fd.get(), at->ai_addr, at->ai_addrlen) != 0) continue;
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
  }
  return fail(Errc::unreachable, address);
}

Result<> Outgoing::flush(int fd) {
  while (!empty()) {
    std::array<iovec, 2> parts{};
    std::size_t count = 0;
    for (const Bytes piece : pieces_)
      if (!piece.empty()) parts[count++] = {const_cast<std::byte*>(piece.data()), piece.size()};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const auto sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (errno == EINTR) continue;
      return {};
    }
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
      return fail(Errc::disconnected, "while sending");
    if (sent < 0) return fail_errno(errno, "send");
    auto left = static_cast<std::size_t>(sent);
    for (Bytes& piece : pieces_) {
      const auto part = std::min(left, piece.size());
      piece = piece.subspan(part);
      left -= part;
    }
  }
  return {};
}

Result<std::size_t> receive(int fd, MutableBytes into) {
  for (;;) {
    const auto got = ::recv(fd, into.data(), into.size(), MSG_DONTWAIT);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) return fail(Errc::disconnected, "by the broker");
    if (errno == EAGAIN) return std::size_t{0};
    if (errno == ECONNRESET) return fail(Errc::disconnected, "by the broker");
    if (errno != EINTR) return fail_errno(errno, "recv");
  }
}

Result<Poller> Poller::create() {
  // Open loops wait for microseconds; the default slack would add fifty to each.
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (epoll.get() < 0) return fail_errno(errno, "epoll_create1");
  return Poller(std::move(epoll));
}

Result<> Poller::add(int fd, std::uint32_t tag) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u32 = tag;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return fail_errno(errno, "epoll_ctl");
  return {};
}

std::span<const epoll_event> Poller::wait(std::int64_t timeout_ns) {
  timespec timeout{.tv_sec = timeout_ns / 1'000'000'000, .tv_nsec = timeout_ns % 1'000'000'000};
  const int count = ::epoll_pwait2(epoll_.get(), events_.data(), static_cast<int>(events_.size()),
                                   timeout_ns < 0 ? nullptr : &timeout, nullptr);
  return {events_.data(), static_cast<std::size_t>(std::max(0, count))};
}

}  // namespace sluice::bench
