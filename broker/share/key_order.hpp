// Which record of a key may be delivered, so that records of one key are in flight one at a time,
// in order, also across retries. Sans-IO; knows offsets and hashes of keys, no keys: two keys of
// one hash wait for each other.
#pragma once

#include "protocol/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

namespace sluice::broker {

using protocol::Offset;

// Unfinished records that have a key. The first one added holds its key until it is removed; then
// the lowest offset of those that wait does.
class KeyOrder {
 public:
  // True: it holds its key. Adding one twice changes nothing.
  bool add(Offset offset, std::uint64_t key_hash);
  // Records in [first, last] are finished, or known no more. Appends to `freed` those that hold
  // their key from now on.
  void remove(Offset first, Offset last, std::vector<Offset>& freed);
  void clear();
  std::size_t size() const { return keys_.size(); }

 private:
  struct Queue {
    Offset holder = 0;
    std::set<Offset> others;
  };
  std::map<Offset, std::uint64_t> keys_;
  std::unordered_map<std::uint64_t, Queue> queues_;
};

}  // namespace sluice::broker
