// Carries the share partitions of one shard: opens them on first use, reads the records they offer,
// stores what they decide, keeps their time and wakes the fetches that wait for them.
#pragma once

#include "base/event.hpp"
#include "base/task_group.hpp"
#include "base/timer.hpp"
#include "broker/fetch_waiter.hpp"
#include "broker/shard.hpp"
#include "broker/share/share_partition.hpp"
#include "broker/share/share_records.hpp"
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
  AcquireLimits limits;
};

struct ShareAcquired {
  ErrorCode error = ErrorCode::none;
  std::vector<storage::Slice> records;  // whole batches back to back
  std::vector<AcquiredRange> ranges;
  std::int64_t bytes = 0;
  std::int64_t count = 0;
  Offset high_watermark = -1;  // for waiting
};

class ShareShell {
 public:
  explicit ShareShell(Shard& shard);
  ~ShareShell();

  void start();
  Task<> stop();

  // Lifetime of what is borrowed: until it returns.
  Task<ShareAcquired> acquire(const ShareKey* key, const ShareAcquireQuery* query);
  // Returns when it is durable.
  Task<ErrorCode> acknowledge(const ShareKey* key, std::string_view member,
                              std::span<const AcknowledgeBatch> batches);
  // The session of `member` that acquire() named is over. Nothing if another one follows.
  Task<> release(ShareKey key, std::string member, std::uint64_t session);
  // Wakes `waiter` once something may be acquired; at once if the high watermark has left `seen`.
  Task<> park(const ShareKey* key, std::shared_ptr<FetchWaiter> waiter, Offset seen);
  // Its state was put elsewhere or deleted.
  Task<> drop(ShareKey key);
  // Topics that are gone, limits that changed.
  void catalog_changed();

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
    bool gone = false;
  };
  using UnitPtr = std::shared_ptr<Unit>;

  GroupTime now() const;
  Task<ErrorCode> open(UnitPtr unit);
  Task<Offset> initial_offset(Partition* partition, std::string reset);
  UnitPtr find(const ShareKey& key);
  void follow_settings(Unit& unit);
  void settle(const UnitPtr& unit);
  void schedule(const UnitPtr& unit);
  Task<> persist(UnitPtr unit, ShareWrite write);
  Task<ErrorCode> wait_stored(UnitPtr unit, std::uint64_t write);
  Task<> keep_time();
  std::int64_t bytes_to_read(const Unit& unit, const ShareAcquireQuery& query,
                             const ShareAcquired& out) const;
  void take(const UnitPtr& unit, Offset from, storage::ReadResult read,
            const ShareAcquireQuery& query, ShareAcquired& out);

  Shard& shard_;
  std::map<ShareKey, UnitPtr> units_;
  std::set<std::pair<TimePoint, Unit*>> wakes_;
  std::unique_ptr<Timer> timer_;
  std::optional<TimePoint> armed_;
  Event time_changed_;
  bool idle_ = false;
  bool stopping_ = false;
  TaskGroup tasks_;
};

// Milliseconds of an ISO 8601 duration (PnDTnHnMn.nS); nullopt: it is none.
std::optional<std::int64_t> parse_iso_duration_ms(std::string_view text);

}  // namespace sluice::broker
