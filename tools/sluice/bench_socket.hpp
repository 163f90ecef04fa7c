// Raw non-blocking sockets and one epoll set: as little work beside the measured broker as can be.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <sys/epoll.h>
#include <utility>

namespace sluice::bench {

// Nanoseconds of the steady clock.
std::int64_t now_ns();

// Owns a descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// Connects to "HOST:PORT" without Nagle's delay; the socket does not block. Errors:
// Errc::invalid_argument, ::unreachable.
Result<Descriptor> connect_to(const std::string& address);

// What of a request has not been sent: at most two pieces, borrowed.
class Outgoing {
 public:
  bool empty() const { return pieces_[0].empty() && pieces_[1].empty(); }
  // Requires: empty().
  void set(Bytes head, Bytes body) { pieces_ = {head, body}; }
  // Sends what the socket takes. Errors: errno of sendmsg, Errc::disconnected.
  Result<> flush(int fd);

 private:
  std::array<Bytes, 2> pieces_{};
};

// Reads what is there, up to `into`. 0: nothing at the moment. Errors: errno, Errc::disconnected.
Result<std::size_t> receive(int fd, MutableBytes into);

// Edge-triggered readiness of sockets, told by number.
class Poller {
 public:
  static Result<Poller> create();
  // Reads and writes of `fd` are reported as `tag`.
  Result<> add(int fd, std::uint32_t tag);
  // Waits for events, `timeout_ns` at most (below 0: for ever).
  std::span<const epoll_event> wait(std::int64_t timeout_ns);

 private:
  explicit Poller(Descriptor epoll) : epoll_(std::move(epoll)) {}
  Descriptor epoll_;
  std::array<epoll_event, 64> events_{};
};

}  // namespace sluice::bench
