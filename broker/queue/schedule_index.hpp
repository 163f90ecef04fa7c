// What is due next among very many: (time, offset) pairs in order, of which only the latest added
// and the next ones are in memory. The others lie in sorted runs on disk. Sans-IO: it says what to
// write and read; the shell does it.
//
//   index.push({when_ms, offset});
//   while (auto least = index.least(); least && least->when_ms <= now) { …; index.pop(); }
//   if (index.wants_spill()) { auto spill = index.begin_spill(alive); write it; index.spilled(…); }
//   if (auto read = index.begin_read()) { read it; index.read_done(…); }
//   if (auto merge = index.begin_merge()) { merge them into one; index.merged(…); }
//
// Memory: Limits::memory_max entries of 16 bytes (twice that while a run is written), and a block
// or two a run. A pair may come twice, after a merge: the owner knows which offsets still count.
#pragma once

#include "broker/queue/mapped_vector.hpp"
#include "protocol/ids.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace sluice::broker {

// As it lies in memory and, in this machine's byte order, in a run.
struct ScheduleKey {
  std::int64_t when_ms = 0;  // wall clock
  Offset offset = 0;
  auto operator<=>(const ScheduleKey&) const = default;
};
using ScheduleKeys = MappedVector<ScheduleKey>;

class ScheduleIndex {
 public:
  struct Limits {
    std::size_t memory_max = 512 * 1024;  // entries that were added and lie in no run
    std::size_t block = 2048;             // entries read at a time
    std::size_t runs_max = 16;            // beyond that runs are merged
  };
  using RunId = std::uint64_t;
  using Alive = std::function<bool(Offset)>;

  struct Spill {
    RunId run = 0;
    std::shared_ptr<const ScheduleKeys> keys;  // sorted
  };
  struct Read {
    RunId run = 0;
    std::uint64_t first = 0;  // entry of the run
    std::size_t count = 0;
  };
  struct Part {
    RunId run = 0;
    std::uint64_t first = 0;  // entries before it are not needed
    std::uint64_t count = 0;  // of the whole run
  };
  struct Merge {
    RunId into = 0;
    std::vector<Part> parts;
  };

  ScheduleIndex() : ScheduleIndex(Limits{}) {}
  explicit ScheduleIndex(Limits limits) : limits_(limits) {}

  void push(ScheduleKey key);
  // The least of all; nullopt when there is none, or while a block must be read first.
  std::optional<ScheduleKey> least() const;
  // Takes the least away. Requires: least() gave one.
  void pop();
  bool empty() const { return heap_.empty() && runs_.empty(); }

  bool wants_spill() const { return heap_.size() >= limits_.memory_max && !spilling_; }
  // Moves what is in memory to a run, without what is not alive. Its entries stay available.
  // Without any there is nothing to write and no run. Requires: wants_spill().
  Spill begin_spill(const Alive& alive);
  void spilled(RunId run);
  // It stays in memory until it is used up.
  void spill_failed(RunId run);

  // The next block that is needed soon and that nobody reads yet.
  std::optional<Read> begin_read();
  void read_done(RunId run, const ScheduleKeys& keys);
  bool knows(RunId run) const { return find(run) != nullptr; }

  // The smallest runs, when there are too many.
  std::optional<Merge> begin_merge();
  // `count`: entries of the new run, which takes the place of the parts.
  void merged(const Merge& merge, std::uint64_t count);
  void merge_failed() { merging_ = false; }

  // Runs whose files are not needed any more; each is told once.
  std::vector<RunId> take_unneeded();
  std::size_t run_count() const { return runs_.size(); }

 private:
  struct Run {
    RunId id = 0;
    std::shared_ptr<const ScheduleKeys> keys;  // in memory, from `at` on
    std::size_t at = 0;
    std::uint64_t next = 0;  // entry of the file that follows those in memory
    std::uint64_t count = 0;
    bool on_disk = false;
    bool reading = false;

    std::size_t in_memory() const { return keys ? keys->size() - at : 0; }
    std::uint64_t left() const { return in_memory() + (count - next); }
  };
  Run* find(RunId run);
  const Run* find(RunId run) const;
  const Run* least_run() const;
  void drop_used_up();

  Limits limits_;
  ScheduleKeys heap_;  // std::push_heap, the least on top
  std::vector<Run> runs_;
  std::vector<RunId> unneeded_;
  RunId next_run_ = 1;
  bool spilling_ = false;
  bool merging_ = false;
};

}  // namespace sluice::broker
