// One segment of a log: its files, its indexes while they are in memory, its tail. State only; what
// happens to it is decided by the log.
#pragma once

#include "storage/file_system.hpp"
#include "storage/offset_index.hpp"
#include "storage/read_ahead.hpp"
#include "storage/seal.hpp"
#include "storage/tail.hpp"
#include "storage/time_index.hpp"
#include "storage/verified_ranges.hpp"

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace sluice::storage {

struct Indexes {
  explicit Indexes(Offset base) : offsets(base), times(base) {}
  OffsetIndex offsets;
  TimeIndex times;
  std::int64_t size_bytes() const { return offsets.size_bytes() + times.size_bytes(); }
};

// What reading a closed segment's file has shown. Of one open file: forgotten when it is closed.
struct FileReads {
  std::weak_ptr<File> file;
  VerifiedRanges verified;  // intact when they were read in last
  ReadAhead ahead;
};

struct Segment {
  explicit Segment(Offset base_offset) : base(base_offset), end(base_offset) {}

  Offset base;            // names the files
  Offset end;             // of the last record, plus one
  std::int64_t size = 0;  // bytes of records in the file; more may be prepared
  bool sealed = false;    // .seal was written
  bool gone = false;      // deleted: files may be unlinked already
  std::int64_t created_ms = 0;

  // Of the batches; known while `indexes` is complete or times_known is set.
  TimestampMs first_timestamp = -1;  // max timestamp of the first batch
  TimestampMs max_timestamp = -1;
  Offset max_timestamp_offset = -1;  // last offset of the batch that has it
  bool times_known = false;

  std::shared_ptr<Indexes> indexes;  // null: on disk
  bool writing_indexes = false;      // after they were rebuilt
  std::shared_ptr<File> file;        // null: not open
  // Each File that was opened for reading keeps a copy, also after `file` forgot it.
  std::shared_ptr<const int> lease = std::make_shared<const int>(0);
  std::string file_name;       // path of the .log file while it is not the usual one
  std::shared_ptr<Tail> tail;  // null: nothing in memory
  FileReads reads;             // use reads_of()
  // The socket may hold pages of the file (sendfile): it must not be written again, ever.
  bool shared_pages = false;
  std::int64_t damage_reported = -1;  // position of the damage that was logged last
  std::optional<SealHash> hash;       // of the whole file so far, if it was hashed from its start

  FileReads& reads_of(const std::shared_ptr<File>& opened);
};

// Adds to the indexes what Kafka would on appending `header` at `position`, and keeps the maximum.
class Indexer {
 public:
  explicit Indexer(std::int64_t interval) : interval_(interval) {}
  void add(Segment& segment, const protocol::BatchHeader& header, std::int64_t position);
  // The segment is complete: its maximum becomes the last entry.
  static void finish(Segment& segment);
  // An existing index ends `bytes` before the next batch.
  void resume(std::int64_t bytes) { since_entry_ = bytes; }

 private:
  std::int64_t interval_;
  std::int64_t since_entry_ = 0;
};

// Keeps at most so many (or so costly) things of segments, the least recently used go first.
template <class Drop>
class SegmentLru {
 public:
  SegmentLru(std::int64_t cost_max, Drop drop) : cost_max_(cost_max), drop_(drop) {}

  void touch(const std::shared_ptr<Segment>& segment, std::int64_t cost) {
    const auto found = by_segment_.find(segment.get());
    if (found != by_segment_.end()) {
      Entry& entry = *found->second;
      cost_ += cost - entry.cost;
      entry.cost = cost;
      entry.segment = segment;
      entries_.splice(entries_.begin(), entries_, found->second);
    } else {
      entries_.push_front({segment.get(), segment, cost});
      by_segment_[segment.get()] = entries_.begin();
      cost_ += cost;
    }
    shrink();
  }
  void forget(const Segment* segment) {
    const auto found = by_segment_.find(segment);
    if (found == by_segment_.end()) return;
    cost_ -= found->second->cost;
    entries_.erase(found->second);
    by_segment_.erase(found);
  }

 private:
  struct Entry {
    const Segment* key;
    std::weak_ptr<Segment> segment;
    std::int64_t cost;
  };
  void shrink() {
    while (cost_ > cost_max_ && entries_.size() > 1) {
      const Entry last = entries_.back();
      forget(last.key);
      if (const auto segment = last.segment.lock()) drop_(*segment);
    }
  }
  std::int64_t cost_max_;
  Drop drop_;
  std::int64_t cost_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<const Segment*, typename std::list<Entry>::iterator> by_segment_;
};

}  // namespace sluice::storage
