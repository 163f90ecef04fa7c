#include "bench/limit/limit.hpp"
#include "protocol/crc32c.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <deque>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace sluice::limit {
namespace {

constexpr std::size_t answer_bytes = 8;

bool read_full(int fd, std::byte* into, std::size_t size) {
  while (size > 0) {
    const auto got = ::read(fd, into, size);
    if (got <= 0) return false;
    into += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_full(int fd, const std::byte* from, std::size_t size) {
  while (size > 0) {
    const auto sent = ::write(fd, from, size);
    if (sent <= 0) return false;
    from += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

void no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void serve_fetches(int client, const Run& run) {
  const int fd = ::open(path_of(run).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) die("limit.dat");
  std::byte request[answer_bytes];
  off_t at = 0;
  while (read_full(client, request, sizeof request)) {
    if (static_cast<std::size_t>(at) + run.bytes > file_bytes) at = 0;
    for (std::size_t left = run.bytes; left > 0;) {
      const auto sent = ::sendfile(client, fd, &at, left);
      if (sent <= 0) return;
      left -= static_cast<std::size_t>(sent);
    }
  }
}

// Answers writes in the order of their requests, whatever the order in which they end.
class ProduceServer {
 public:
  ProduceServer(int client, const Run& run) : client_(client), run_(run), ring_(64) {
    fd_ = open_written(run);
    for (int i = 0; i <= run.in_flight; ++i) buffers_.push_back(aligned(run.bytes, 0));
    done_.resize(buffers_.size());
  }

  void run() {
    for (;;) {
      while (ring_.in_flight() >= run_.in_flight) settle(Ring::Wait::yes);
      settle(Ring::Wait::no);
      if (ring_.in_flight() > 0 && !something_to_read()) {
        settle(Ring::Wait::yes);
        continue;
      }
      std::byte* const buffer = buffers_[taken_ % buffers_.size()].get();
      if (!read_full(client_, buffer, run_.bytes)) return;
      sink_ = protocol::crc32c({buffer, run_.bytes});
      if (at_ + run_.bytes > file_bytes) at_ = 0;
      ring_.write(fd_, buffer, run_.bytes, at_, RWF_DSYNC, taken_++);
      at_ += run_.bytes;
    }
  }

 private:
  bool something_to_read() const {
    char byte = 0;
    return ::recv(client_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
  }

  void settle(Ring::Wait wait) {
    std::uint64_t tag = 0;
    while (ring_.in_flight() > 0 && ring_.reap(tag, wait)) {
      wait = Ring::Wait::no;
      done_[tag % done_.size()] = true;
      while (answered_ < taken_ && done_[answered_ % done_.size()]) {
        done_[answered_ % done_.size()] = false;
        const std::byte answer[answer_bytes]{};
        if (!write_full(client_, answer, sizeof answer)) return;
        ++answered_;
      }
    }
  }

  int client_;
  const Run& run_;
  Ring ring_;
  int fd_ = -1;
  std::vector<Buffer> buffers_;
  std::vector<bool> done_;
  std::size_t at_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t answered_ = 0;
  volatile std::uint32_t sink_ = 0;
};

// Reads the file once, so that fetches are answered from memory.
void warm(const Run& run) {
  const int fd = ::open(path_of(run).c_str(), O_RDONLY | O_CLOEXEC);
  const auto buffer = aligned(1 << 20, 0);
  while (fd >= 0 && ::read(fd, buffer.get(), 1 << 20) > 0) {
  }
  ::close(fd);
}

Found drive(int server, const Run& run) {
  const auto buffer = aligned(run.bytes, 'x');
  const bool fetches = run.mode == "fetch";
  std::byte answer[answer_bytes]{};
  std::deque<double> sent_at;
  Found found;
  const double start = now();
  while (now() - start < run.seconds) {
    while (sent_at.size() < static_cast<std::size_t>(run.in_flight)) {
      sent_at.push_back(now());
      write_full(server, buffer.get(), fetches ? sizeof answer : run.bytes);
    }
    if (!(fetches ? read_full(server, buffer.get(), run.bytes)
                  : read_full(server, answer, sizeof answer)))
      die("the server went away");
    found.latency.record(static_cast<std::int64_t>((now() - sent_at.front()) * 1e9));
    sent_at.pop_front();
    ++found.requests;
  }
  found.seconds = now() - start;
  return found;
}

}  // namespace

Found over_loopback(const Run& run) {
  ::close(open_written(run));
  if (run.mode == "fetch") warm(run);
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, generic, size) != 0 || ::listen(listener, 1) != 0 ||
      ::getsockname(listener, generic, &size) != 0)
    die("listen");
  const pid_t server = ::fork();
  if (server < 0) die("fork");
  if (server == 0) {
    const int client = ::accept(listener, nullptr, nullptr);
    no_delay(client);
    if (run.mode == "fetch")
      serve_fetches(client, run);
    else
      ProduceServer(client, run).run();
    ::_exit(0);
  }
  ::close(listener);
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(socket, generic, size) != 0) die("connect");
  no_delay(socket);
  auto found = drive(socket, run);
  ::close(socket);
  ::kill(server, SIGKILL);
  ::waitpid(server, nullptr, 0);
  return found;
}

}  // namespace sluice::limit
