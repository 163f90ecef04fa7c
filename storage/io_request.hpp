// One operation on a descriptor, as data, and what to do with each answer of the kernel. No I/O
// here: the backends (uring_backend, thread_backend) carry requests out, one step at a time.
//
// A request may take several steps: the rest of a short read or write, another try after EINTR, the
// sync after a write where RWF_DSYNC is not known, plain zeros where FALLOC_FL_WRITE_ZEROES is not.
#pragma once

#include "base/bytes.hpp"
#include "storage/file.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <sys/uio.h>
#include <vector>

namespace sluice::storage {

enum class IoKind : std::uint8_t {
  nothing,      // answers 0: the probe
  read,         // preadv
  write,        // pwritev2
  sync_data,    // fdatasync
  sync_all,     // fsync: directories
  allocate,     // fallocate(fd, mode, position, length)
  truncate,     // ftruncate(fd, length)
  remove_file,  // unlinkat(fd, name, 0)
  will_need,    // posix_fadvise(fd, position, length, POSIX_FADV_WILLNEED)
};

struct IoRequest {
  IoKind kind = IoKind::nothing;
  int descriptor = -1;
  std::uint64_t position = 0;
  std::uint64_t length = 0;  // allocate, truncate, zeros: bytes
  int mode = 0;              // allocate: flags of fallocate
  bool durable = false;      // write: with RWF_DSYNC
  bool sync_after = false;   // a fdatasync ends the request
  std::size_t alignment = 1;
  Bytes zeros;       // what write_zeros repeats; `length` says how much in all
  std::string name;  // remove_file

  // Sets what is read into or written from. Requires: parts.size() <= write_parts_max.
  void set_parts(std::span<const Bytes> parts);
  // The buffers of the next step. Valid until *this moves.
  std::span<iovec> vectors();
  // Bytes that are still to be transferred in the next step.
  std::size_t remaining() const { return remaining_; }

  // Takes what the kernel answered to one step (>= 0, or -errno). True: carry out the next step.
  // False: the request has ended with result().
  bool advance(int answer);
  // Bytes transferred, 0 for other kinds, or -errno.
  std::int64_t result() const { return result_; }
  // FALLOC_FL_WRITE_ZEROES was refused: do not ask again on this file system.
  bool write_zeroes_refused() const { return write_zeroes_refused_; }

  // A request that writes zeros[0, length) by FALLOC_FL_WRITE_ZEROES or by plain writes of `zeros`.
  static IoRequest write_zeros(int descriptor, std::uint64_t position, std::uint64_t length,
                               Bytes zeros, Durability durability, bool try_fallocate);

 private:
  bool finish(std::int64_t result);
  bool finish_transfer();
  bool advance_transfer(std::size_t bytes);
  void refill_zeros();
  void drop_front(std::size_t bytes);

  iovec one_{};
  std::vector<iovec> many_;  // used when there is more than one
  std::size_t first_ = 0;    // of many_, the first that is not done
  std::size_t remaining_ = 0;
  std::uint64_t zeros_left_ = 0;  // beyond remaining_
  std::int64_t transferred_ = 0;
  std::int64_t result_ = 0;
  unsigned interruptions_ = 0;
  bool write_zeroes_refused_ = false;
};

// FALLOC_FL_WRITE_ZEROES (Linux 6.17), not in the headers of older systems.
inline constexpr int fallocate_write_zeroes = 0x80;

}  // namespace sluice::storage
