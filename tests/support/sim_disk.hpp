// A disk in memory that is as treacherous as real ones are allowed to be, and repeats from a seed.
//
// The model. What holds for a running system:
// - A read returns what completed writes left, whether or not that is durable.
// - Operations take simulated time, each a random one, so those in flight together complete in any
//   order. An operation has its effect when it completes; one in flight at a power cut has it
//   wholly, partly or not at all.
// - Direct files refuse what is not aligned. Memory of a write that changes while the write is in
//   flight is counted (SimCounters::changed_in_flight), and so are two writes in flight to one
//   4 KiB block (overlapping_writes): a correct engine has neither.
//
// What a power cut (crash()) leaves:
// - Writes with Durability::durable and everything before a successful sync() of the file: whole.
// - Any other write, direct ones too (they sit in the drive's cache): nothing, all, a first or a
//   last part, or any of its sectors, in any order among writes; a sector, of 512 or 4096 bytes by
//   the cut, holds its old or one of its newer contents, never a mixture.
// - Sizes: every change of size that no sync and no durable write followed may be lost, together
//   with what came after it; cutting is not undone half. Where a file has grown but its data did
//   not arrive there are zeros or, with expose_stale_blocks, bytes that files of the same directory
//   had there before they were removed or cut. Those of other directories are left out: a batch of
//   another log is as good as one of this log, and no file system in question shows what was freed.
// - Recycled files (renamed, written over) keep their old bytes until written.
// - Names: creations, renames and removals survive from sync_directory() of the target's directory
//   on. Until then none, all, the first few or any of them may be there; a rename is never half
//   done; what lies in a directory that was lost is lost.
//
// What the death of the process leaves (kill()): what was written, durable or not; an operation in
// flight has its whole effect or none. Only a later power cut takes what is not durable.
//
// Faults: the n-th operation of a kind fails, or a write takes only the first bytes and says so;
// the rest goes on as in the real backends (IoRequest). A failed write may have landed in part. A
// failed sync drops what it should have saved, reads go on showing it, and the next sync reports
// success: the behaviour of Linux (fsyncgate). A failed read changes nothing.
//
// What the model leaves out: misdirected writes (use corrupt()), lying drives that confirm what
// they do not keep, the order a journal gives beyond what is said above, holes and their blocks.
#pragma once

#include "base/bytes.hpp"
#include "storage/file_system.hpp"
#include "tests/support/sim_executor.hpp"
#include "tests/support/sim_platter.hpp"

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice {

// Kinds of operation, for faults and counters; combine with |.
enum SimOps : std::uint16_t {
  sim_open = 1 << 0,
  sim_read = 1 << 1,
  sim_write = 1 << 2,  // also write_zeros
  sim_sync = 1 << 3,
  sim_truncate = 1 << 4,
  sim_allocate = 1 << 5,
  sim_rename = 1 << 6,
  sim_remove = 1 << 7,  // files and directories
  sim_make_directory = 1 << 8,
  sim_sync_directory = 1 << 9,
  sim_look = 1 << 10,  // list, stat, size, space
  sim_any = 0x7ff,
};

struct SimDiskOptions {
  std::uint64_t seed = 1;
  Duration latency_min = std::chrono::microseconds(20);
  Duration latency_max = std::chrono::microseconds(500);
  // What direct files need; 0 = no direct I/O, as on tmpfs.
  std::size_t alignment = 4096;
  std::uint64_t capacity = std::uint64_t{1} << 40;
  bool expose_stale_blocks = false;
};

struct SimFault {
  std::uint16_t ops = sim_any;
  std::uint64_t nth = 1;    // 1 = the next that matches
  std::uint64_t count = 1;  // how many fail in a row; 0 = all from then on
  int error = EIO;          // 0: a short write, of `bytes`
  std::uint64_t bytes = 0;
  std::string path;  // only paths that contain this
};

struct SimCounters {
  std::uint64_t operations = 0;  // begun
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t durable_writes = 0;
  std::uint64_t syncs = 0;  // of files
  std::uint64_t directory_syncs = 0;
  std::uint64_t brought_in = 0;  // calls of bring_in()
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t faults = 0;              // injected errors and short writes
  std::uint64_t overlapping_writes = 0;  // pairs in flight together to one block
  std::uint64_t changed_in_flight = 0;
  std::size_t in_flight_max = 0;
};

// Handle to the disk; copies share it, fork() does not.
class SimDisk {
 public:
  explicit SimDisk(SimDiskOptions options = {});
  ~SimDisk();

  // The disk as a file system, on a loop. After a crash, mount again: the old file systems and
  // their files answer EIO to everything, in flight or new.
  std::unique_ptr<storage::FileSystem> mount(SimExecutor& executor);

  // The power goes, and comes back at the next mount().
  void crash(SimSurvival survival = SimSurvival::random);
  // Crashes by itself when the n-th operation from now begins (1 = the next).
  void crash_at(std::uint64_t nth, SimSurvival survival = SimSurvival::random);
  // The process dies, the system goes on. Mount again, as after a crash.
  void kill();
  // How often the power went, or the process died.
  std::uint64_t crashes() const;

  // A disk of its own in the same state, with the same operations in flight, as they would be lost
  // if the power went now; no faults. For crashing at a point and going on beyond it.
  SimDisk fork(std::uint64_t seed) const;

  void inject(SimFault fault);
  void fail_nth(std::uint16_t ops, std::uint64_t n, int error, std::string path = {});
  // The n-th write from now takes only `bytes` at first.
  void shorten_nth_write(std::uint64_t n, std::uint64_t bytes, std::string path = {});
  void clear_faults();
  // Added to every operation from now on; with `path`, to those whose paths contain it.
  void set_slow(Duration extra, std::string path = {});
  void set_capacity(std::uint64_t bytes);

  // Called after each operation has completed, with its kind and path.
  using Observer = std::function<void(SimOps, const std::string&)>;
  void observe(Observer observer);

  // The page cache: what was read from files that are not direct stays until it is dropped, here,
  // by a crash or by corrupt().
  void drop_page_cache();

  const SimCounters& counters() const;

  // --- Looking at the disk and changing it from outside, at once. Paths must exist.
  std::vector<std::string> paths() const;
  bool exists(const std::string& path) const;
  std::vector<std::byte> content(const std::string& path) const;
  // What is sure to survive a crash, if the name does.
  std::vector<std::byte> durable_content(const std::string& path) const;
  // Makes or replaces a file, with its directories; durable.
  void put(const std::string& path, Bytes content);
  // Bit rot.
  void corrupt(const std::string& path, std::uint64_t position, std::byte flip);

  struct Core;  // shared with the files

 private:
  explicit SimDisk(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace sluice
