// One share group on one partition, sans-IO: which offsets are available, acquired by whom, being
// settled, finished. No clock, no disk: calls carry the time, and lead to writes.
//
//   partition.acquire(…)       after a read: which of the records read go to this member
//   partition.acknowledge(…)   accept, release, reject, renew: all of a request or nothing
//   partition.release_member() the member's session is over
//   partition.tick(now)        at next_deadline(): locks that ran out, records whose wait is over
//
//   // After each call:
//   for (ShareWrite& write : partition.take_writes())
//     // store write.change, in this order; then on_durable(write.id) or on_failed(write.id, now)
//   if (partition.take_news()) // wake fetches that wait for records
//
//   for (const DeadLetter& letter : partition.take_dead_letters(…))
//     // copy its records; then copied(), or copy_failed()
//
//   [start, end) is tiled by ranges; from `end` on nothing was ever acquired.
//
//   available -> acquired         acquire: one delivery more, the lock runs
//   acquired -> available         release, lock timeout, session over; after backoff or delay
//   acquired -> settling          accept, reject, gap; release or timeout after the last delivery
//   settling -> finished          the write is durable: confirmed
//   settling -> dead_lettering    the same, of what was given up, with a dead-letter topic
//   settling -> available         the write failed; archiving where a copy was made
//   dead_lettering -> copying     take_dead_letters()
//   copying -> settling           copied(): the archived state is written
//   copying -> dead_lettering     copy_failed(): tried again, after 1 s doubling to 60 s
//   archiving -> settling         after such a wait: the copy is durable, its state was not
//   available -> blocked          order by key: behind another record of its key; and back
//   available -> finished         there is no record at this offset (compaction)
//   any -> (gone)                 the log's start moved beyond it
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"
#include "broker/group_types.hpp"
#include "broker/share/key_order.hpp"
#include "broker/share/share_state.hpp"
#include "broker/share/share_types.hpp"
#include "protocol/error_code.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice::broker {

class SharePartition {
 public:
  // `random` must outlive it.
  SharePartition(const ShareState& state, const ShareSettings& settings, Random& random,
                 GroupTime now);

  Offset start() const { return start_; }
  Offset end() const { return end_; }
  ShareCounts counts() const;

  // ---- acquire
  // The first offset that could be acquired at or beyond `from`: where to read. It is end() or
  // beyond when only new records could be; nullopt: not now, because of a limit.
  std::optional<Offset> next_offered(Offset from) const;
  // How far to read from an offset that next_offered() gave: records that came back lie among
  // others that are finished or acquired.
  Offset offered_until(Offset from) const;
  // Of a record that was delivered so often, this time included: nothing is acquired beside it.
  bool is_last_attempt(std::int16_t deliveries) const {
    return deliveries >= settings_.deliveries_max && deliveries > 1;
  }
  // Whether acquire() needs the keys of a batch that ends there.
  bool wants_keys(Offset last) const { return by_key_ && last >= learned_; }
  // `batches`: what a read from `from` on found, in order. Offsets before and between them hold no
  // records: they are finished. Records of one member are those of its member id.
  std::vector<AcquiredRange> acquire(std::string_view member, Offset from,
                                     std::span<const BatchExtent> batches,
                                     const AcquireLimits& limits, GroupTime now);

  // ---- acknowledge
  // All of it or nothing. The write to wait for before it is confirmed; 0: none. Offsets below the
  // start are passed over. Errors: invalid_request (overlapping, unordered, wrongly counted, beyond
  // the end), invalid_record_state (not acquired by this member).
  std::expected<std::uint64_t, ErrorCode> acknowledge(std::string_view member,
                                                      std::span<const AcknowledgeBatch> batches,
                                                      GroupTime now);
  // Releases or rejects unfinished records up to `log_end`, those never offered too. What is being
  // settled or copied is left alone. Errors: invalid_request.
  std::expected<HandChanged, ErrorCode> change_by_hand(std::span<const HandChange> changes,
                                                       Offset log_end, GroupTime now);
  // Everything it has acquired is released. The write to wait for; 0: none.
  std::uint64_t release_member(std::string_view member, GroupTime now);

  // ---- dead letters
  bool has_dead_letters() const { return !copies_due_.empty(); }
  // Those whose copies are to be made now, in order, of at most so many records. Each is handed out
  // once, until it ends by copied() or copy_failed().
  std::vector<DeadLetter> take_dead_letters(std::int64_t records_max);
  // The copies are durable, or there was nothing to copy.
  void copied(Offset first, Offset last);
  void copy_failed(Offset first, Offset last, GroupTime now);
  // Something changed: those that failed are due at once.
  void retry_dead_letters();

  // ---- a look at it
  // At most `max` ranges from the start on.
  std::vector<QueueRange> describe(std::size_t max, GroupTime now) const;

  // ---- what happens
  void log_start_moved(Offset log_start);
  void tick(GroupTime now);
  std::optional<TimePoint> next_deadline() const;
  std::vector<ShareWrite> take_writes() { return std::exchange(writes_, {}); }
  void on_durable(std::uint64_t write);
  void on_failed(std::uint64_t write, GroupTime now);
  // Whether records became available since it was asked.
  bool take_news() {
    switch_order();
    return std::exchange(news_, false);
  }
  // The order by key, or none, is followed once nothing is in flight; until then nothing is
  // offered.
  void set_settings(const ShareSettings& settings);
  const ShareSettings& settings() const { return settings_; }

 private:
  enum class State : std::uint8_t {
    available,
    blocked,
    acquired,
    settling,
    dead_lettering,
    copying,
    archiving,
    finished,
  };
  struct Range {
    Offset last = 0;
    State state = State::available;
    std::int16_t deliveries = 0;
    std::uint8_t copies_failed = 0;  // in a row
    std::uint32_t owner = 0;         // of an acquired one
    TimePoint at{};  // acquired: the lock's end; available, dead_lettering: not before; or zero
    FailurePtr failure{};
  };
  using Ranges = std::map<Offset, Range>;
  // What is being settled, and what becomes of it.
  struct Span {
    Offset first = 0;
    Offset last = 0;
    State durable = State::finished;
    State failed = State::available;
  };
  struct Pending {
    std::uint64_t id = 0;
    std::vector<Span> settled;
  };
  // What a call changes: its parts of one write.
  struct Change {
    std::vector<StateBatch> batches;
    std::vector<Span> settled;
    FailurePtr failure{};  // the latest made: what fails alike shares it
  };
  // How a delivery ended that was not accepted.
  struct Ending {
    FailureReason reason = FailureReason::released;
    std::string_view message = {};
    std::chrono::milliseconds delay{-1};  // before the next one; -1: by the retry policy
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  std::uint32_t owner_number(std::string_view member);
  std::optional<std::uint32_t> known_owner(std::string_view member) const;

  // Tiles. All but enter() and leave() keep the indexes and the counts.
  Ranges::iterator insert(Offset first, const Range& range);
  Ranges::iterator erase(Ranges::iterator at);
  void enter(Ranges::iterator at);  // into them
  void leave(Ranges::iterator at);  // out of them
  void enter_index(Offset first, const Range& range);
  Ranges::iterator cut(Offset at);
  // Makes [first, last] one range like `range`; joins finished neighbours.
  void put(Offset first, Offset last, Range range);
  void join_finished(Ranges::iterator at);
  void raise_start(Offset start);
  void skip_finished();
  void count(Offset first, const Range& range, std::int64_t sign);
  bool is_ready(const Range& range) const {
    return range.state == State::available && range.at == TimePoint{};
  }

  // acquire
  struct Acquiring {
    std::uint32_t owner;
    const AcquireLimits* limits;
    TimePoint lock_end;
    std::int64_t taken = 0;
    bool alone = false;   // a last attempt was taken: nothing beside it
    bool closed = false;  // the last range is large enough
    std::vector<AcquiredRange> ranges;
  };
  std::optional<Offset> next_ready(Offset from) const;
  void missing(Offset first, Offset last);
  void acquire_in(const BatchExtent& batch, Acquiring& acquiring);
  bool take(Offset first, Offset last, const Range* before, Acquiring& acquiring);
  static void close_range(Acquiring& acquiring);
  std::int64_t room(const Acquiring& acquiring, bool inside_batch) const;

  // order by key
  static bool holds_key(State state) {
    return state == State::available || state == State::blocked || state == State::acquired ||
           state == State::settling;
  }
  bool is_switching() const { return settings_.order_by_key != by_key_; }
  bool has_room_for_new() const {
    return ranges_.size() < settings_.ranges_max && blocked_ < settings_.blocked_max;
  }
  void switch_order();
  void unblock(Offset first, Offset last);
  Offset first_unlearned() const;
  bool acquire_by_key(const BatchExtent& batch, Acquiring& acquiring);
  bool acquire_one(const RecordKey& record, Acquiring& acquiring);
  void offer_freed();

  // settle
  ErrorCode check(std::uint32_t owner, std::span<const AcknowledgeBatch> batches) const;
  void end_delivery(Offset first, Offset last, Acknowledge how, const AcknowledgeBatch& batch,
                    GroupTime now, Change& change);
  void give_back(Offset first, Range range, const Ending& ending, GroupTime now, Change& change);
  void give_up(Offset first, Range range, const Ending& ending, GroupTime now, Change& change);
  FailurePtr failed(const Range& range, const Ending& ending, GroupTime now, Change& change) const;
  void settle(Offset first, const Range& range, StoredState state, Change& change);
  std::uint64_t write(Change change);
  void end_settling(const Span& span, State state, GroupTime now);

  // dead letters, by hand
  void wait_for_copy(Offset first, Range range, State state, GroupTime now);
  std::int64_t change_by_hand(const HandChange& wanted, Offset log_end, GroupTime now,
                              Change& change);
  bool release_by_hand(Offset first, const Range& range, Change& change);
  bool reject_by_hand(Offset first, const Range& range, std::string_view reason, GroupTime now,
                      Change& change);
  QueueRange describe_range(Offset first, const Range& range, GroupTime now) const;

  ShareSettings settings_;
  Random& random_;
  Offset start_;
  Offset end_;
  Ranges ranges_;
  std::set<Offset> ready_;                          // available now, by first offset
  std::set<Offset> copies_due_;                     // dead_lettering now
  std::set<std::pair<TimePoint, Offset>> waiting_;  // either of them later; archiving
  std::set<std::pair<TimePoint, Offset>> locks_;    // acquired
  ShareCounts counts_;
  bool by_key_;    // the order that is followed now
  KeyOrder keys_;  // of the unfinished records in [start, learned)
  Offset learned_;
  std::vector<Offset> freed_;  // hold their key since offer_freed()
  std::int64_t blocked_ = 0;
  std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> owners_;
  std::uint32_t next_owner_ = 1;
  std::deque<Pending> pending_;
  std::vector<ShareWrite> writes_;
  std::uint64_t next_write_ = 1;
  bool news_ = false;
};

}  // namespace sluice::broker
