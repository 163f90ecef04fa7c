#include "broker/share/key_order.hpp"

namespace sluice::broker {

bool KeyOrder::add(Offset offset, std::uint64_t key_hash) {
  const bool fresh = keys_.emplace(offset, key_hash).second;
  const auto [at, alone] = queues_.try_emplace(key_hash, Queue{offset, {}});
  if (fresh && !alone) at->second.others.insert(offset);
  return at->second.holder == offset;
}

void KeyOrder::remove(Offset first, Offset last, std::vector<Offset>& freed) {
  for (auto at = keys_.lower_bound(first); at != keys_.end() && at->first <= last;) {
    const auto [offset, key_hash] = *at;
    at = keys_.erase(at);
    const auto queue = queues_.find(key_hash);
    Queue& waiting = queue->second;
    if (waiting.holder != offset) {
      waiting.others.erase(offset);
    } else if (waiting.others.empty()) {
      queues_.erase(queue);
    } else {
      waiting.holder = *waiting.others.begin();
      waiting.others.erase(waiting.others.begin());
      freed.push_back(waiting.holder);
    }
  }
}

void KeyOrder::clear() {
  keys_.clear();
  queues_.clear();
}

}  // namespace sluice::broker
