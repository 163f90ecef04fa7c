// Carries the share partitions of one shard: opens them on first use, reads the records they offer,
// stores what they decide, keeps their time, wakes the fetches that wait for them, and has what
// they gave up copied to its dead-letter topic.
#pragma once

#include "base/event.hpp"
#include "base/task_group.hpp"
#include "base/timer.hpp"
#include "broker/fetch_waiter.hpp"
#include "broker/shard.hpp"
#include "broker/share/share_dead_letters.hpp"
#include "broker/share/share_partition.hpp"
#include "broker/share/share_records.hpp"
#include "broker/share/share_store.hpp"
#include "broker/turnstile.hpp"
#include "storage/log.hpp"

#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

namespace sluice::broker {

class Partition;

struct ShareAcquireQuery {
  std::string_view member;
  std::uint64_t session = 0;  // names the member's session: its end frees what it holds
  std::int64_t bytes_max = 0;
  bool exceeds = true;  // bytes_max, by a first batch that is larger
  AcquireLimits limits;
};

// What could be acquired of a partition.
struct ShareOffer {
  std::int64_t bytes = 0;
  Offset from = -1;  // the first of it; -1: nothing
  Offset high_watermark = -1;
};

struct ShareAcquired {
  ErrorCode error = ErrorCode::none;
  std::vector<storage::Slice> records;  // whole batches back to back
  std::vector<AcquiredRange> ranges;
  std::int64_t bytes = 0;
  std::int64_t count = 0;
  Offset high_watermark = -1;  // for waiting
};

// What DescribeQueue tells of one partition.
struct QueueView {
  ErrorCode error = ErrorCode::none;
  Offset start = -1;  // -1: the group has not begun here
  Offset end = -1;
  Offset high_watermark = -1;
  ShareCounts counts;
  std::vector<QueueRange> ranges;  // at most so many as asked for
  bool more = false;
  std::vector<std::string> members;  // what the ranges borrow
};

struct HandResult {
  ErrorCode error = ErrorCode::none;
  std::int64_t changed = 0;  // records
};

class ShareShell {
 public:
  explicit ShareShell(Shard& shard);
  ~ShareShell();

  void start();
  Task<> stop();

  // Lifetime of what is borrowed: until it returns.
  Task<ShareAcquired> acquire(const ShareKey* key, const ShareAcquireQuery* query);
  // At least how many bytes acquire() would find, as far as `enough`; that many as well where it
  // would find an error.
  Task<ShareOffer> offered(const ShareKey* key, std::int64_t enough);
  // Returns when it is durable.
  Task<ErrorCode> acknowledge(const ShareKey* key, std::string_view member,
                              std::span<const AcknowledgeBatch> batches);
  // The session of `member` that acquire() named is over. Nothing if another one follows.
  Task<> release(ShareKey key, std::string member, std::uint64_t session);
  // Wakes `waiter` once something may be acquired; at once if that is so already and the offer is
  // not `seen`.
  Task<> park(const ShareKey* key, std::shared_ptr<FetchWaiter> waiter, ShareOffer seen);
  // Its state was put elsewhere or deleted.
  Task<> drop(ShareKey key);
  // Something of it is not copied to its dead-letter topic yet: goes on with that.
  void resume(ShareKey key);
  // Topics that are gone, limits and dead-letter topics that changed.
  void catalog_changed();
  void partition_opened(const PartitionKey& key);

  // What is known of the share partitions that are in use here.
  struct Overview {
    ShareKey key;
    Offset start = -1;
    ShareCounts counts;
  };
  std::vector<Overview> overview() const;

  // ---- share_shell_queue.cpp
  // Also of a share partition that nobody uses now. Errors: group_id_not_found where the group has
  // no state, those of the store.
  Task<QueueView> describe(const ShareKey* key, std::size_t ranges_max);
  // As SharePartition::change_by_hand(); returns when it is durable.
  Task<HandResult> change_by_hand(const ShareKey* key, std::span<const HandChange> changes);

 private:
  struct Stored {
    Event ended;
    bool done = false;
    ErrorCode error = ErrorCode::none;
  };
  struct Unit {
    ShareKey key;
    std::int32_t state_epoch = 0;
    std::optional<SharePartition> core;
    Turnstile opening;
    Turnstile reading;
    std::vector<std::weak_ptr<FetchWaiter>> waiters;
    std::unordered_map<std::string, std::uint64_t> sessions;  // the latest of each member
    std::unordered_map<std::uint64_t, Stored*> waiting;       // by write
    std::optional<TimePoint> wake;
    std::int64_t record_bytes = 1024;  // on an average, of what was read lately
    std::uint64_t settings_version = 0;
    std::string dead_letter_topic;  // empty: none
    bool copying = false;           // a task copies dead letters
    TimePoint next_warning{};       // that they cannot be copied
    bool gone = false;
  };
  enum class Begin : std::uint8_t { no, yes };
  using UnitPtr = std::shared_ptr<Unit>;

  GroupTime now() const;
  // `begin`: where the group has not begun, at its first offset; else group_id_not_found.
  Task<ErrorCode> open(UnitPtr unit, Begin begin);
  Task<ErrorCode> make_ready(UnitPtr unit);
  // Errors: group_id_not_found, where nothing is stored.
  Task<ErrorCode> find_stored(const ShareKey* key, StoredShare* stored);
  Task<Offset> initial_offset(Partition* partition, std::string reset);
  UnitPtr find(const ShareKey& key);
  void follow_settings(Unit& unit);
  void read_settings(Unit& unit);
  Task<> try_resume(ShareKey key);
  Task<> copy_dead_letters_of(UnitPtr unit);
  void warn_of(Unit& unit, const CopyReport& report);
  void settle(const UnitPtr& unit);
  void schedule(const UnitPtr& unit);
  Task<> persist(UnitPtr unit, ShareWrite write);
  Task<ErrorCode> wait_stored(UnitPtr unit, std::uint64_t write);
  Task<> keep_time();
  std::optional<Offset> next_offered(Unit& unit, Partition& partition, Offset from) const;
  static bool ends_here(const Unit& unit, const ShareAcquired& out, std::size_t before, Offset from,
                        Offset to);
  std::int64_t bytes_to_read(const Unit& unit, const ShareAcquireQuery& query,
                             const ShareAcquired& out, Offset from) const;
  ErrorCode take(const UnitPtr& unit, Offset from, storage::ReadResult read,
                 const ShareAcquireQuery& query, ShareAcquired& out);

  Shard& shard_;
  std::map<ShareKey, UnitPtr> units_;
  std::set<std::pair<TimePoint, Unit*>> wakes_;
  std::unique_ptr<Timer> timer_;
  std::optional<TimePoint> armed_;
  Event time_changed_;
  bool idle_ = false;
  bool started_ = false;
  bool stopping_ = false;
  std::set<ShareKey> resumes_;      // not opened yet
  std::size_t copies_running_ = 0;  // tasks that copy dead letters
  Event copy_ended_;
  TaskGroup tasks_;
};

// Milliseconds of an ISO 8601 duration (PnDTnHnMn.nS); nullopt: it is none.
std::optional<std::int64_t> parse_iso_duration_ms(std::string_view text);

}  // namespace sluice::broker
