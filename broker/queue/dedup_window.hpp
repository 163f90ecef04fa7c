// The message ids that a partition has seen lately, sans-IO: an id is told apart by a hash of 128
// bits, and forgotten once its window is over.
//
// Memory: 40 bytes an id, at most ids_max of them. At that bound the oldest are forgotten before
// their time, so a duplicate of theirs would be stored; forgotten_early() counts them.
#pragma once

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "protocol/ids.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace sluice::broker {

struct MessageIdHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const MessageIdHash&, const MessageIdHash&) = default;
};
// `redrives`: the value of the record's sluice-redrive-count; with another one it is another id.
MessageIdHash hash_message_id(Bytes id, Bytes redrives = {});

class DedupWindow {
 public:
  // Requires: ids_max > 0.
  DedupWindow(std::chrono::milliseconds window, std::size_t ids_max);

  std::chrono::milliseconds window() const { return window_; }

  // Where the record with this id is, if it was added within the window.
  std::optional<Offset> find(const MessageIdHash& id, TimePoint now) const;
  // Requires: find() knows no such id; times do not go back.
  void add(const MessageIdHash& id, Offset offset, TimePoint now);

  std::size_t size() const { return count_; }
  std::uint64_t forgotten_early() const { return forgotten_early_; }

 private:
  struct Entry {
    MessageIdHash id;
    Offset offset = -1;
    TimePoint added{};
  };
  using Slot = std::uint32_t;  // number of an entry, plus one; 0: free

  bool is_over(const Entry& entry, TimePoint now) const { return entry.added + window_ <= now; }
  std::size_t slot_of(const MessageIdHash& id) const;  // its own, or the free one it would take
  void forget_oldest();
  void grow();
  void place(std::size_t entry);

  std::chrono::milliseconds window_;
  std::size_t ids_max_;
  std::vector<Entry> entries_;  // a ring in order of time; a power of two
  std::vector<Slot> slots_;     // open addressing, twice as many
  std::size_t oldest_ = 0;
  std::size_t count_ = 0;
  std::uint64_t forgotten_early_ = 0;
};

}  // namespace sluice::broker
