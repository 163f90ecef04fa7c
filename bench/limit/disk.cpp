#include "bench/limit/limit.hpp"
#include "protocol/crc32c.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace sluice::limit {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void die(const char* what) {
  std::fprintf(stderr, "sluice_limit: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

Buffer aligned(std::size_t size, int fill) {
  void* bytes = std::aligned_alloc(4096, size);
  if (bytes == nullptr) die("memory");
  std::memset(bytes, fill, size);
  return Buffer(static_cast<std::byte*>(bytes));
}

std::string path_of(const Run& run) { return run.directory + "/limit.dat"; }

int open_written(const Run& run) {
  const int fd = ::open(path_of(run).c_str(), O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0644);
  struct stat status{};
  if (fd < 0 || ::fstat(fd, &status) != 0) die("limit.dat");
  if (static_cast<std::size_t>(status.st_size) >= file_bytes) return fd;
  constexpr std::size_t step = 1 << 20;
  const auto ones = aligned(step, 1);
  for (std::size_t at = 0; at < file_bytes; at += step)
    if (::pwrite(fd, ones.get(), step, static_cast<off_t>(at)) != static_cast<ssize_t>(step))
      die("writing limit.dat");
  if (::fsync(fd) != 0) die("fsync");
  return fd;
}

Ring::Ring(unsigned entries) {
  const int error = io_uring_queue_init(entries, &ring_, 0);
  if (error < 0) {
    errno = -error;
    die("io_uring");
  }
}

io_uring_sqe* Ring::next(std::uint64_t tag) {
  ++in_flight_;
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  if (entry == nullptr) die("submission queue");
  entry->user_data = tag;
  return entry;
}

void Ring::write(int fd, const void* from, std::size_t size, std::size_t at, int rw_flags,
                 std::uint64_t tag) {
  io_uring_sqe* entry = next(tag);
  io_uring_prep_write(entry, fd, from, static_cast<unsigned>(size), at);
  entry->rw_flags = rw_flags;
  entry->user_data = tag;
  io_uring_submit(&ring_);
}

void Ring::read(int fd, void* into, std::size_t size, std::size_t at, std::uint64_t tag) {
  io_uring_sqe* entry = next(tag);
  io_uring_prep_read(entry, fd, into, static_cast<unsigned>(size), at);
  entry->user_data = tag;
  io_uring_submit(&ring_);
}

void Ring::sync(int fd, std::uint64_t tag) {
  io_uring_sqe* entry = next(tag);
  io_uring_prep_fsync(entry, fd, IORING_FSYNC_DATASYNC);
  entry->user_data = tag;
  io_uring_submit(&ring_);
}

bool Ring::reap(std::uint64_t& tag, Wait wait) {
  io_uring_cqe* done = nullptr;
  const int none =
      wait == Wait::yes ? io_uring_wait_cqe(&ring_, &done) : io_uring_peek_cqe(&ring_, &done);
  if (none != 0) return false;
  if (done->res < 0) {
    errno = -done->res;
    die("I/O");
  }
  tag = done->user_data;
  io_uring_cqe_seen(&ring_, done);
  --in_flight_;
  return true;
}

Found on_disk(const Run& run) {
  const int fd = open_written(run);
  Ring ring(64);
  const bool reads = run.mode == "read";
  std::vector<Buffer> buffers;
  for (int i = 0; i < run.in_flight; ++i) buffers.push_back(aligned(run.bytes, 7));
  std::vector<double> begun(buffers.size());
  std::size_t at = 0;
  [[maybe_unused]] volatile std::uint32_t sink = 0;
  const auto begin = [&](std::size_t slot) {
    begun[slot] = now();
    if (at + run.bytes > file_bytes) at = 0;
    if (reads) {
      ring.read(fd, buffers[slot].get(), run.bytes, at, slot);
    } else {
      sink = protocol::crc32c({buffers[slot].get(), run.bytes});
      ring.write(fd, buffers[slot].get(), run.bytes, at, RWF_DSYNC, slot);
    }
    at += run.bytes;
  };
  Found found;
  const double start = now();
  for (std::size_t slot = 0; slot < buffers.size(); ++slot) begin(slot);
  std::uint64_t slot = 0;
  while (ring.in_flight() > 0 && ring.reap(slot, Ring::Wait::yes)) {
    found.latency.record(static_cast<std::int64_t>((now() - begun[slot]) * 1e9));
    ++found.requests;
    if (now() - start < run.seconds) begin(slot);
  }
  found.seconds = now() - start;
  ::close(fd);
  return found;
}

}  // namespace sluice::limit
