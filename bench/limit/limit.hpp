// The machine's limit: the least I/O that any log broker must do, and nothing else. No batch is
// parsed, no offset assigned, nothing recovered. What a broker reaches is read beside it.
#pragma once

#include "tools/sluice/bench_histogram.hpp"

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

namespace sluice::limit {

struct Run {
  std::string mode;       // produce, fetch, append, read, or "blocks:WAY"
  std::string directory;  // on the disk to measure; one file, removed afterwards unless kept
  std::size_t bytes = 64 * 1024;  // of a request; a multiple of 4096
  int in_flight = 5;
  double seconds = 4;
  bool keep = false;  // leave the file for the next run: writing it takes longer than a run
};

struct Found {
  std::uint64_t requests = 0;
  double seconds = 0;
  bench::Histogram latency;
};

// Seconds of the steady clock.
double now();
// "sluice_limit: WHAT: errno's message", and exits with 1.
[[noreturn]] void die(const char* what);

// Memory for direct I/O.
struct Freed {
  void operator()(std::byte* bytes) const { std::free(bytes); }
};
using Buffer = std::unique_ptr<std::byte, Freed>;
Buffer aligned(std::size_t size, int fill);

// The file of all modes but blocks: 1 GiB, really written once, so that turning unwritten extents
// into written ones is not what is timed. Returns its descriptor, opened for direct I/O.
int open_written(const Run& run);
std::string path_of(const Run& run);
inline constexpr std::size_t file_bytes = std::size_t{1} << 30;

// An io_uring with the operations in flight counted.
class Ring {
 public:
  explicit Ring(unsigned entries);
  ~Ring() { io_uring_queue_exit(&ring_); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  void write(int fd, const void* from, std::size_t size, std::size_t at, int rw_flags,
             std::uint64_t tag);
  void read(int fd, void* into, std::size_t size, std::size_t at, std::uint64_t tag);
  void sync(int fd, std::uint64_t tag);
  // The tag of what has ended; false if nothing has and `wait` is no. A failure is the end.
  enum class Wait : std::uint8_t { no, yes };
  bool reap(std::uint64_t& tag, Wait wait);
  int in_flight() const { return in_flight_; }

 private:
  io_uring_sqe* next(std::uint64_t tag);
  io_uring ring_{};
  int in_flight_ = 0;
};

// produce: a client sends requests over loopback TCP; the server reads each into an aligned buffer,
// computes a CRC32C over it, writes it directly and durably, and answers 8 bytes in order.
// fetch: the server answers with sendfile(2) from the file, which is in the page cache.
Found over_loopback(const Run& run);
// append: CRC32C and durable writes over blocks written before, no network.
// read: direct reads, no network: what the disk itself gives.
Found on_disk(const Run& run);
// What a durable sequential write costs by how its blocks came to be.
Found by_blocks(const Run& run);

}  // namespace sluice::limit
