// What the consumers of a share group know of a queue: what they were given, and what became of it.
//
// Every acknowledged record of the queue ends by an accept or as a copy in the dead-letter topic;
// until then it comes back. An accept that was confirmed is for good.
#pragma once

#include "tests/simulation/ledger.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace sluice::simulation {

class QueueLedger {
 public:
  QueueLedger(Verdict& verdict, const Ledger& ledger, std::string group, std::string dead_letters)
      : verdict_(verdict),
        ledger_(ledger),
        group_(std::move(group)),
        dead_letters_(std::move(dead_letters)) {}

  const std::string& group() const { return group_; }
  const std::string& dead_letters() const { return dead_letters_; }

  // Names the moment: a delivery asked for after a confirmation must not hold what was confirmed.
  std::uint64_t now() const { return confirmations_; }

  // `asked`: now() before the request.
  void delivered(const Place& place, Offset offset, std::uint64_t asked);
  // The delivery count that came with it. An outcome that could not be written may cost one beyond
  // the limit, since the record is there again.
  void counted(const Place& place, Offset offset, int count, bool disk_failed);
  void accepting(const Place& place, Offset offset) { queues_[place].accepting.insert(offset); }
  // An accept or a reject was confirmed.
  void finished(const Place& place, Offset offset, bool accepted) {
    queues_[place].finished.emplace(offset, Finish{++confirmations_, accepted});
  }
  // A copy of the record at `offset` lies in the dead-letter topic.
  void dead_lettered(const Place& place, Offset offset);

  // Acknowledged records of `place` that are neither accepted nor dead letters.
  std::vector<Offset> open(const Place& place) const;

  static constexpr int deliveries_max = 5;

 private:
  struct Finish {
    std::uint64_t when = 0;
    bool accepted = false;
  };
  struct Queue {
    std::set<Offset> accepting;         // asked for; maybe never heard of again
    std::map<Offset, Finish> finished;  // confirmed
    std::set<Offset> dead;
  };

  Verdict& verdict_;
  const Ledger& ledger_;
  std::string group_;
  std::string dead_letters_;
  std::map<Place, Queue> queues_;
  std::uint64_t confirmations_ = 0;
};

}  // namespace sluice::simulation
