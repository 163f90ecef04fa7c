// The inside of a Log: its state and the steps that change it, one .cpp a subject (README.md has
// the map). Nobody outside storage/ includes this.
#pragma once

#include "base/check.hpp"
#include "base/completion.hpp"
#include "base/event.hpp"
#include "base/task_group.hpp"
#include "storage/disk_reserve.hpp"
#include "storage/epochs.hpp"
#include "storage/frontier.hpp"
#include "storage/header_rule.hpp"
#include "storage/log.hpp"
#include "storage/producer_state.hpp"
#include "storage/scan.hpp"
#include "storage/segment.hpp"
#include "storage/store.hpp"
#include "storage/write_plan.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::storage {

using SegmentPtr = std::shared_ptr<Segment>;

// What the logs of one shard share.
struct StoreParts {
  StoreParts(FileSystem& the_files, StoreOptions the_options, Clock& the_clock, Random& the_random,
             Logger& the_logger, Executor the_executor);

  static void drop_file(Segment& segment) { segment.file.reset(); }
  static void drop_indexes(Segment& segment) { segment.indexes.reset(); }

  FileSystem& files;
  StoreOptions options;
  Clock& clock;
  Random& random;
  Logger& logger;
  Executor executor;
  TailCache cache;
  WriteStats writes;
  BufferPool read_buffers;
  SegmentLru<void (*)(Segment&)> descriptors;
  // A copy of it for each open file, those that only replies still hold included.
  std::shared_ptr<const int> open_files = std::make_shared<const int>(0);
  SegmentLru<void (*)(Segment&)> index_cache;
  DiskReserve reserve;
  std::unique_ptr<FrontierFile> frontier;
  TimePoint frontier_saved{};
};

// The files found in a partition's directory.
struct DirectoryListing {
  struct Found {
    Offset base;
    std::int64_t size;
  };
  std::vector<Found> segments;         // sorted
  std::vector<Offset> snapshots;       // sorted
  std::vector<Offset> seals;           // sorted
  std::vector<std::string> swaps;      // BASE.log.swap
  std::vector<std::string> leftovers;  // to be removed
  std::vector<std::string> cuts;
  bool has_epochs = false;
  bool has_log_start = false;
  bool has_metadata = false;
  bool has_cleaner = false;
};

// What a read asks for; see Log::read.
struct ReadWanted {
  Offset from;
  Offset limit;
  std::size_t max_bytes;
  AtLeastOneBatch least;
  Handout handout;
};

// A run of whole batches in a segment.
struct BatchRange {
  // past_end: the segment holds nothing from there on, the next one may. nothing_to_take: the next
  // batch is here but lies beyond the limit, or is larger than the read may be.
  enum class Status : std::uint8_t {
    found,
    past_end,
    nothing_to_take,
    short_of_bytes,
    damaged
  } status;
  std::int64_t begin = 0;
  std::int64_t end = 0;    // short_of_bytes: how far the bytes must reach
  Offset next_offset = 0;  // of the last batch, plus one
  Offset expected = -1;    // base offset that the batch at `begin` must have; -1: not known
};

// Where a walk over batches begins, at or before the offset wanted.
struct WalkStart {
  std::int64_t position;
  Offset expected;  // base offset of the batch there; -1: not known, the index has its last one
};

// What became of a read in one segment.
struct SegmentRead {
  enum class Status : std::uint8_t { done, past_end, not_here, damaged } status;
  Result<ReadResult> result{};  // done: an error too
  std::int64_t at = 0;          // damaged: where
};

struct LogParts : std::enable_shared_from_this<LogParts> {
  LogParts(std::shared_ptr<StoreParts> the_store, PartitionName the_name, LogOptions the_options);

  // ---- log_open.cpp, recovery.cpp, recovery_start.cpp ----
  Task<Result<>> open();
  Task<Result<DirectoryListing>> list_directory();
  Task<Result<>> create();
  Task<Result<>> load(const DirectoryListing& found);
  Task<Result<>> load_epochs(std::optional<Frontier> saved);
  Task<Result<>> check_log_start(std::optional<Frontier> saved);
  Task<Result<Offset>> load_offset(std::string_view file);
  Task<Result<>> load_producers(std::vector<Offset> snapshots);
  Task<Result<bool>> feed_producers(SegmentPtr segment, OffsetIndex::Entry entry, Offset from);
  Task<Result<>> finish_swaps(DirectoryListing& found);
  // Establishes the end of the log by scanning from `from`, cuts what lies beyond, syncs what is
  // kept. Leaves durable_offset == end_offset.
  Task<Result<>> recover(std::optional<Frontier> from);
  // `saved` as it fits its segment, whose indexes up to it are there then. Beyond the segment's
  // size when that is too short.
  Task<Result<Frontier>> place_frontier(SegmentPtr segment, Frontier saved);
  Task<Result<bool>> begins_at(SegmentPtr segment, std::int64_t position, Offset offset);
  Task<Result<std::optional<Frontier>>> find_frontier(SegmentPtr segment, Frontier saved);
  void report_damage_below(const Segment& segment, std::int64_t position, std::int64_t frontier);
  // How far a walk over headers led, and the offset of the batch that it expects there; -1: not
  // known.
  struct WalkEnd {
    std::int64_t position;
    Offset expected = -1;
  };
  Task<Result<WalkEnd>> index_up_to(const SegmentPtr& segment, std::int64_t position);
  OffsetIndex::Entry take_indexes(Segment& segment, Bytes offsets, Bytes times,
                                  std::int64_t position);
  Task<Result<WalkEnd>> index_headers(SegmentPtr segment, OffsetIndex::Entry from,
                                      std::int64_t position);
  struct CutLimits {
    // Where what may be worth keeping aside ends.
    std::int64_t reach = std::numeric_limits<std::int64_t>::max();
    std::int64_t kept_from = -1;  // bytes from there on were not known to be durable; -1: unknown
  };
  Task<Result<>> cut_tail(const SegmentPtr& segment, std::int64_t position, Offset offset,
                          CutLimits limits);
  Task<Result<>> put_segment_aside(const SegmentPtr& segment, Offset offset);
  Task<Result<>> drop_old_cuts();
  Task<Result<>> add_segment(Offset base);
  void write_from(std::int64_t position);
  Task<Result<>> reopen();

  // ---- log_append.cpp ----
  Result<AppendInfo> append(Bytes batch, const protocol::BatchHeader& header);
  Result<std::optional<AppendInfo>> find_duplicate(const protocol::BatchHeader& header) const;
  Result<> check_room(std::size_t size, const protocol::BatchHeader* header);
  Task<Result<>> room_for(std::size_t size);
  Task<Result<AppendInfo>> append_when_room(Bytes batch, protocol::BatchHeader header);
  Task<Result<>> wait_durable(Offset end);
  void fence(Error error);
  bool heals() const;
  std::int64_t unwritten() const { return active().size - durable_position; }

  // ---- log_write.cpp ----
  struct Flight;
  void start_loop();
  Task<> write_loop();
  Task<bool> write_step();
  WriteState write_state() const;
  bool edge_in_flight() const;
  bool issue_write();
  Task<> fly(Flight* flight);
  void land();
  Task<Result<>> write_durably(File& file, const Flight& flight);
  void advance(std::int64_t written_position);
  void confirm(std::int64_t position);
  void hash_up_to(Segment& segment, std::int64_t position);
  void save_frontier(std::int64_t bytes_written);
  void start_snapshot();
  Task<> keep_snapshot(Offset at, std::vector<std::byte> snapshot, SegmentPtr segment);

  // ---- log_prepare.cpp ----
  bool wants_prepare() const;
  Task<> prepare_more();
  Task<Result<>> prepare();
  Task<Result<>> allocate(const std::shared_ptr<File>& file, std::int64_t end);
  Task<Result<>> spare_the_reserve(std::int64_t wanted);
  Task<Result<>> begin_epoch();
  Task<Result<>> ready_active();
  bool start_zeros();
  Task<> write_zeros(std::int64_t from, std::int64_t to);

  // ---- log_roll.cpp ----
  Task<> roll_now();
  Task<Result<>> roll();
  Task<> retain_soon();
  Task<Result<>> close_segment(const SegmentPtr& segment);
  Task<Result<>> trim_active();
  Task<Result<>> write_indexes(const SegmentPtr& segment, Durability durability);
  Task<Result<>> write_snapshot(Offset at, std::vector<std::byte> snapshot);
  Task<Result<bool>> keep_as_spare(const SegmentPtr& segment);
  Task<Result<>> drop_spare();

  // ---- log_read.cpp ----
  Task<Result<ReadResult>> read(Offset from, std::size_t max_bytes, Offset limit,
                                AtLeastOneBatch least, Handout handout = Handout::memory);
  Task<Result<ReadResult>> read_once(ReadWanted wanted);
  SegmentRead read_tail(const SegmentPtr& segment, const ReadWanted& wanted);
  Task<SegmentRead> read_file(SegmentPtr segment, ReadWanted wanted);
  Task<SegmentRead> read_buffered(SegmentPtr segment, std::shared_ptr<File> file,
                                  std::shared_ptr<Indexes> indexes, WalkStart from,
                                  ReadWanted wanted);
  std::optional<ReadResult> share_file(Segment& segment, const std::shared_ptr<File>& file,
                                       const Indexes& indexes, BatchRange range, ReadWanted wanted);
  // Bytes of `segment` that may be read: all of a closed one, the durable ones of the active.
  std::int64_t readable_end(const Segment& segment) const;
  std::size_t segment_index(Offset offset) const;
  static void forget_missing(Segment& segment, const std::shared_ptr<File>& file,
                             std::int64_t begin, std::int64_t end);
  void look_ahead(Segment& segment, const std::shared_ptr<File>& file, std::int64_t begin,
                  std::int64_t end);

  // ---- log_files.cpp ----
  Task<Result<std::shared_ptr<File>>> file_of(SegmentPtr segment);
  // Counted, and known to the segment, until the last reader has let go of it.
  std::shared_ptr<File> leased(std::unique_ptr<File> file, const Segment& segment) const;
  Task<Result<std::shared_ptr<Indexes>>> indexes_of(SegmentPtr segment);
  Task<Result<bool>> newest_is_right(SegmentPtr segment, std::shared_ptr<Indexes> indexes);
  Task<Result<>> rebuild_indexes(const SegmentPtr& segment);

  // ---- log_find.cpp ----
  Task<Result<TimestampOffset>> find_by_time(TimestampMs timestamp);
  Task<Result<bool>> entry_is_right(TimeIndex::Entry entry);
  Task<Result<std::optional<TimestampOffset>>> find_in_segment(SegmentPtr segment, Offset from,
                                                               TimestampMs timestamp);
  Task<Result<TimestampOffset>> max_timestamp();

  // ---- log_upkeep.cpp ----
  Task<Result<Offset>> delete_records(Offset offset);
  Task<Result<std::size_t>> apply_retention();
  Task<Result<std::vector<ClosedSegment>>> closed_segments(std::int64_t bytes);
  Task<Result<>> close_active_segment();
  Task<bool> roll_active();
  Task<Result<>> set_log_start(Offset offset);
  Task<Result<>> write_log_start(Offset offset);
  Task<Result<std::size_t>> delete_segments_below(Offset offset);
  Task<Result<>> unlink_segment(const SegmentPtr& segment);
  Task<Result<>> maintain();
  bool needs_maintain() const;
  bool holds_something() const;
  Task<Result<>> seal_one();
  Task<Result<>> close();
  Task<Result<>> drop_old_snapshots();
  Task<Result<>> lock_upkeep();
  void unlock_upkeep();

  // ---- compaction.cpp ----
  bool needs_compaction() const;
  Task<Result<>> compact();
  Task<Result<>> save_cleaned_end(Offset end);
  Task<Result<>> load_cleaned_end(DirectoryListing& found, const std::optional<Frontier>& saved);

  // ---- Names ----
  std::string path(std::string_view file) const { return directory + "/" + std::string(file); }
  std::string path(Offset base, std::string_view suffix) const;
  // For messages.
  std::string where(const Segment& segment, std::int64_t position) const;
  Segment& active() { return *segments.back(); }
  const Segment& active() const { return *segments.back(); }
  FrontierKey key() const { return {name.topic_id, name.partition}; }
  HeaderRule rule() const { return {epochs, compacted}; }

  // ---- State ----
  std::shared_ptr<StoreParts> store;
  PartitionName name;
  std::string directory;
  LogOptions options;
  std::vector<SegmentPtr> segments;  // by base; the last one is active; never empty once open
  ProducerStates producers;
  Epochs epochs;
  std::uint32_t epochs_crc = 0;  // of the checkpoint on disk
  LeaderEpoch epoch = 0;
  bool epoch_pending = false;  // `epoch` is not in the checkpoint yet; no batch carries it
  RecoveryReport report;
  std::move_only_function<void(Offset)> moved;

  // Writing.
  struct Pending {
    std::int64_t end_position;
    Offset end_offset;
  };
  struct Waiter {
    Offset end;
    Completion<bool> done;
  };
  // One write on its way to the disk. [from, to) begins at a block's start.
  struct Flight {
    SegmentPtr segment;
    std::int64_t from;
    std::int64_t to;
    std::vector<Bytes> parts;
    bool landed = false;
  };
  Offset log_start = 0;
  Offset end_offset = 0;
  Offset durable_offset = 0;
  std::int64_t durable_position = 0;        // bytes of the active segment on disk
  std::int64_t durable_batch_position = 0;  // … that are whole batches
  std::int64_t issued_position = 0;         // … given to the disk
  std::deque<Flight> flights;               // by position
  bool landed_since_issue = false;          // a flight landed since the last one began
  bool streaming = false;                   // bytes arrived while the last flight was on its way
  WriteSize write_size;
  std::int64_t prepared = 0;     // end of the space reserved in the active segment
  std::int64_t zeroed = 0;       // blocks below were written before: a write there is cheap
  std::int64_t zeroing_end = 0;  // zeros for [zeroed, zeroing_end) are on their way; 0: none are
  std::int64_t zero_step = 0;
  TimePoint zeroed_at{};
  std::int64_t room_wanted = 0;  // largest batch somebody waits to append
  std::int64_t prepare_step = 0;
  TimePoint prepared_at{};
  TimePoint appended_at{};
  std::deque<Pending> pending;
  std::deque<Waiter> waiters;               // by `end`
  std::vector<Completion<bool>> confirmed;  // no longer waiting, not yet told
  Indexer indexer{4096};
  std::int64_t roll_jitter_ms = 0;
  std::int64_t bytes_since_snapshot = 0;
  Offset snapshot_end = -1;   // of the newest snapshot on disk
  AlignedBuffer edge;         // the last, partial block of the flight that ends inside one
  std::int64_t spare = 0;     // bytes of the file that waits to be recycled; 0: there is none
  bool active_ready = false;  // tail started, indexes in memory, checkpoint written
  bool cannot_allocate = false;
  bool roll_wanted = false;
  bool trim_wanted = false;
  bool trimmed = false;  // the active file was cut, and that was not synced
  bool loop_running = false;
  bool preparing = false;
  bool snapshotting = false;
  bool start_uncertain = false;  // writing the log start has failed: old or new, nobody knows
  bool closing = false;
  bool closed = false;
  bool upkeep_busy = false;
  std::optional<Error> fenced;
  std::optional<Error> no_space;  // the last attempt to reserve failed
  struct Refused {
    FileSystemSpace space;
    std::int64_t wanted;  // bytes
  };
  std::optional<Refused> refused;  // the last attempt, by DiskReserve
  Event room;                      // room may have appeared, or never will
  Event progress;                  // the write loop has something to look at
  Event upkeep_free;
  TaskGroup tasks;

  // Compaction.
  Offset cleaned_end = 0;     // records below were compacted
  bool compacted = false;     // a run has changed segments, or may have: there is a checkpoint
  Offset compacted_end = -1;  // where the active segment began at the last run
  TimePoint compacted_at{};
};

}  // namespace sluice::storage
