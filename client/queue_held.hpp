// The records of one partition that a member of a share group holds, and what it has said of them,
// without I/O.
//
// An acquired range is a lot: one allocation, whatever it holds. A record in it is
//   buffered -> given -> acknowledged -> gone
// where a lost lock or session, or an acknowledgement that was refused, leads to gone from
// everywhere. Acknowledgements of a partition succeed or fail together, so those that were refused
// because one of their records is not ours any more are sent again in halves.
#pragma once

#include "base/clock.hpp"
#include "sluice/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace sluice::client {

// Wire values of AcknowledgeTypes.
enum class AckType : std::int8_t { gap = 0, accept = 1, release = 2, reject = 3, renew = 4 };

struct Ack {
  Offset offset = 0;
  AckType type = AckType::accept;
  std::int64_t delay_ms = -1;  // -1: what the group's backoff says
  std::string reason;
};

class HeldRecords {
 public:
  enum class State : std::uint8_t { buffered, given, acknowledged, gone };

  // Acquired just now, until `until`. What is held of it already was lost before: it counts anew.
  void add(Offset first, Offset last, std::int16_t deliveries, TimePoint until);

  // buffered -> given. False: it is not there, or its lock ran out, and it is gone.
  bool give(Offset offset, TimePoint now);
  // To acknowledged. False: it is not held.
  bool acknowledge(Offset offset);
  // Whether it could be acknowledged.
  bool holds(Offset offset) const;
  // Everywhere -> gone.
  void finish(Offset offset);
  // All that is buffered -> acknowledged; returns it.
  std::vector<Offset> take_buffered();
  // A renewal of this record was confirmed. The lot's time follows the record renewed last.
  void renewed(Offset offset, TimePoint until);
  // Records that are buffered or given and whose lock ends before `until`.
  std::vector<Offset> ending_before(TimePoint until) const;

  // 0 for what is not held.
  std::int16_t deliveries(Offset offset) const;
  // Buffered, given or acknowledged.
  std::size_t count() const { return count_; }
  void clear();

 private:
  struct Lot {
    std::vector<State> states;
    std::size_t left = 0;  // not gone
    std::int16_t deliveries = 0;
    TimePoint until{};
  };
  using Lots = std::map<Offset, Lot>;  // by first offset; they do not overlap
  Lots::iterator lot_of(Offset offset);
  State* find(Offset offset);
  const State* find(Offset offset) const;
  void drop(Offset first, Offset last);
  void keep_part(const Lot& lot, Offset begin, Offset from, Offset to);

  Lots lots_;
  std::size_t count_ = 0;
};

// What was said and is to be sent.
class AckQueue {
 public:
  void push(Ack ack) { pending_.push_back(std::move(ack)); }
  bool empty() const { return pending_.empty() && apart_.empty(); }
  // What the next request carries: in order of offsets, none twice.
  std::vector<Ack> take();
  // These were refused because one of them is not ours. Returns false when that is clear which one:
  // there is only one. Else they go out again, in halves.
  bool halve(std::vector<Ack>& refused);
  // Sends these once more, as they are.
  void again(std::vector<Ack> acks) { apart_.push_front(std::move(acks)); }
  void clear();

 private:
  std::vector<Ack> pending_;
  std::deque<std::vector<Ack>> apart_;  // each to be sent alone
};

}  // namespace sluice::client
