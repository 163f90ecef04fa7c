#include "tests/simulation/queue_ledger.hpp"

namespace sluice::simulation {

void QueueLedger::delivered(const Place& place, Offset offset, std::uint64_t asked) {
  const Queue& queue = queues_[place];
  const auto finished = queue.finished.find(offset);
  if (finished != queue.finished.end() && finished->second.when <= asked)
    verdict_.fail("delivered after it was finished: " + place.text() + " offset " +
                  std::to_string(offset));
}

void QueueLedger::counted(const Place& place, Offset offset, int count, bool disk_failed) {
  if (count < 1 || (count > deliveries_max && !disk_failed))
    verdict_.fail("delivery count " + std::to_string(count) + ": " + place.text() + " offset " +
                  std::to_string(offset));
}

void QueueLedger::dead_lettered(const Place& place, Offset offset) {
  Queue& queue = queues_[place];
  queue.dead.insert(offset);
  const auto finished = queue.finished.find(offset);
  if (finished != queue.finished.end() && finished->second.accepted)
    verdict_.fail("accepted, and a dead letter: " + place.text() + " offset " +
                  std::to_string(offset));
}

std::vector<Offset> QueueLedger::open(const Place& place) const {
  static const Queue none;
  const auto found = queues_.find(place);
  const Queue& queue = found == queues_.end() ? none : found->second;
  std::vector<Offset> offsets;
  for (const auto& [offset, id] : ledger_.known(place))
    if (!queue.accepting.contains(offset) && !queue.dead.contains(offset))
      offsets.push_back(offset);
  return offsets;
}

}  // namespace sluice::simulation
