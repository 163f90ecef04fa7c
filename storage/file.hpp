// An open file, as the storage engine sees it: whole reads and writes at a position, durability as
// a property of a write, errors as values. Three implementations: io_uring (uring_backend.hpp),
// worker threads (thread_backend.hpp), and the simulated disk of the tests
// (tests/support/sim_disk.hpp).
//
// A File is used on one shard. Operations on one file may overlap in time; the order in which
// overlapping ones take effect is not defined, so two writes in flight must not touch the same 4
// KiB block: either may land last, and a direct write always writes whole blocks.
//
// Cancelling the awaiting coroutine does not cancel an operation: it ends when the disk has
// answered. Until then every buffer given to it must stay alive and, for writes, unchanged.
//
// After a failed write or sync nothing is known about the bytes written since the last success, and
// a second sync would report success for data that is gone (fsyncgate): no operation here is
// retried after an error, and callers must not either. EINTR and EAGAIN, where nothing was done,
// are.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/task.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace sluice::storage {

// What a successful write promises.
enum class Durability : std::uint8_t {
  none,     // visible to reads; lost by a power cut until a later sync() succeeds
  durable,  // on stable storage, with the metadata needed to read it back (RWF_DSYNC)
};

// What allocate() does to the size of the file.
enum class Allocation : std::uint8_t { keep_size, extend };

// Blocks are ≤ this on every disk we know; buffers, positions and lengths aligned to it suit any
// File, whatever its alignment().
inline constexpr std::size_t block_size = 4096;
// Most parts of one write_parts().
inline constexpr std::size_t write_parts_max = 64;

class File {
 public:
  // Closes the file if close() was not awaited. Requires: nothing in flight.
  virtual ~File() = default;

  // Fills `into` from `position` on and returns the bytes read: fewer than asked only at the end of
  // the file, 0 past it. Errors: any of pread(2), EIO above all; EINVAL when misaligned.
  // Requires: direct files: address, size and position are multiples of alignment(). The size may
  // pass the end of the file.
  virtual Task<Result<std::size_t>> read(MutableBytes into, std::uint64_t position) = 0;

  // Writes all of `data` at `position`; extends the file as needed. All or an error: what a failed
  // write left behind is unknown (any part of it may have landed). ENOSPC and EDQUOT when space ran
  // out, EIO otherwise as a rule; EINVAL when misaligned.
  // Requires: direct files: as read(). An empty write does nothing.
  Task<Result<>> write(Bytes data, std::uint64_t position, Durability durability);

  // As read(), but at once, and only what is in memory: 0 when that is not known or not so, for
  // direct files always. Never waits for the disk.
  virtual std::size_t read_resident(MutableBytes into, std::uint64_t position) = 0;
  // Whether all of it is in the page cache. A hint: true for pages that are still being read, and
  // false where nobody knows.
  virtual bool resident(std::uint64_t position, std::uint64_t size) const = 0;
  // Has the page cache begin to read it. Errors are met again by whoever reads.
  virtual Task<> bring_in(std::uint64_t position, std::uint64_t size) = 0;

  // As write(), from several buffers laid one after the other. The span itself may go when this
  // returns (before it is awaited); what its parts point to may not.
  // Requires: parts.size() <= write_parts_max; direct files: each part is aligned.
  virtual Task<Result<>> write_parts(std::span<const Bytes> parts, std::uint64_t position,
                                     Durability durability) = 0;

  // Writes `length` zeros at `position`: blocks made ready so that later durable writes over them
  // touch no metadata. Uses FALLOC_FL_WRITE_ZEROES where the disk knows it.
  // Errors and alignment as write().
  virtual Task<Result<>> write_zeros(std::uint64_t position, std::uint64_t length,
                                     Durability durability) = 0;

  // Makes all completed writes durable, with the size (fdatasync). Not the file's name: that is
  // FileSystem::sync_directory. Never retried, never succeeds for data a failed sync dropped only
  // because the caller never calls it again.
  virtual Task<Result<>> sync() = 0;

  // Sets the size. New bytes read as zero. Durable after the next sync or durable write.
  virtual Task<Result<>> truncate(std::uint64_t size) = 0;

  // Reserves blocks for [position, position + length), unwritten: they read as zeros, and a write
  // there does not fail with ENOSPC. Errors: ENOSPC, EDQUOT: nothing has changed; EOPNOTSUPP where
  // the file system cannot.
  virtual Task<Result<>> allocate(std::uint64_t position, std::uint64_t length,
                                  Allocation allocation) = 0;

  // Current size in bytes.
  virtual Task<Result<std::uint64_t>> size() = 0;

  // Closes the file. Nothing else may be called afterwards. Does not sync.
  virtual Task<Result<>> close() = 0;

  // What positions, sizes and addresses of read() and write() must be multiples of; 1 = anything.
  // From statx(STATX_DIOALIGN) for direct files. A power of two, at most block_size.
  virtual std::size_t alignment() const = 0;
  // True when reads and writes bypass the page cache. False for a file opened with direct = true
  // where the file system cannot (tmpfs, some overlays).
  virtual bool direct() const = 0;
  // The descriptor, for sendfile(2) from a closed segment; -1 when there is none (simulated disk).
  virtual int native_handle() const = 0;
  // As given to FileSystem::open; for messages.
  virtual const std::string& path() const = 0;
};

// ENOSPC, EDQUOT, EFBIG: more space would help.
bool is_out_of_space(const Error& error);
// ENOENT.
bool is_not_found(const Error& error);

}  // namespace sluice::storage
