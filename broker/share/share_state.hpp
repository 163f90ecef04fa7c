// The durable image of one share partition: where it starts, and which offsets behind the start are
// finished or were delivered before. What acquired means is not stored: after a restart an acquired
// record is available.
#pragma once

#include "broker/share/share_failure.hpp"
#include "protocol/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace sluice::broker {

using protocol::Offset;

// As stored and as Kafka numbers them (RecordState). dead_lettering: given up, and its copy in the
// dead-letter topic is not durable yet. Kafka calls it ARCHIVING: 4.3 knows the number, 4.4 stores
// it for the same purpose.
enum class StoredState : std::int8_t {
  available = 0,
  acknowledged = 2,
  dead_lettering = 3,
  archived = 4
};

// Offsets [first, last] in one state.
struct StateBatch {
  Offset first = 0;
  Offset last = 0;
  StoredState state = StoredState::available;
  std::int16_t deliveries = 0;
  std::int64_t available_ms = 0;  // wall clock; not offered before; 0: at once
  FailurePtr failure{};           // of an unfinished one

  bool finished() const {
    return state == StoredState::acknowledged || state == StoredState::archived;
  }
  bool operator==(const StateBatch& other) const {
    return first == other.first && last == other.last && state == other.state &&
           deliveries == other.deliveries && available_ms == other.available_ms &&
           same_failure(failure, other.failure);
  }
};

// A change; `start` -1: stays.
struct StateChange {
  Offset start = -1;
  std::vector<StateBatch> batches;

  bool operator==(const StateChange&) const = default;
};

// Ranges that were mentioned, without those below the start. Neighbours that are alike are one
// range, and finished is finished: snapshots say acknowledged for archived too, so that memory
// depends on the unfinished records alone.
class ShareState {
 public:
  Offset start() const { return start_; }  // -1: the group has not begun here
  // Puts it where a group begins, and forgets everything else.
  void reset(Offset start);
  void apply(const StateChange& change);

  // In order of offset; none below the start.
  std::vector<StateBatch> batches() const;
  std::size_t range_count() const { return ranges_.size(); }
  // Finished records at or beyond the start: Kafka's DeliveryCompleteCount.
  std::int64_t finished_count() const { return finished_; }
  // Records whose copies in the dead-letter topic are not known to be durable.
  std::int64_t dead_lettering_count() const { return dead_lettering_; }

 private:
  struct Range {
    Offset last = 0;
    StoredState state = StoredState::available;  // finished: acknowledged
    std::int16_t deliveries = 0;
    std::int64_t available_ms = 0;
    FailurePtr failure{};

    bool finished() const { return state == StoredState::acknowledged; }
  };
  using Ranges = std::map<Offset, Range>;

  void put(const StateBatch& batch);
  void cut(Offset at);
  void erase(Ranges::iterator from, Ranges::iterator to);
  void insert(Offset first, const Range& range);
  void count(Offset first, const Range& range, std::int64_t sign);
  void raise_start(Offset start);
  void skip_finished();
  void join_with_next(Ranges::iterator at);

  Offset start_ = -1;
  Ranges ranges_;  // by first offset, disjoint
  std::int64_t finished_ = 0;
  std::int64_t dead_lettering_ = 0;
};

}  // namespace sluice::broker
