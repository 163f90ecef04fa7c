// What a share partition should do, with one entry an offset: the model of share_property_test.cpp.
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"
#include "broker/share/share_types.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

namespace sluice::broker::test {

enum class Is { available, acquired, settling, dead_lettering, copying, archiving, finished };

struct Entry {
  Is is = Is::available;
  int deliveries = 0;
  int owner = -1;
  TimePoint at{};             // lock end, or not before
  int copies_failed = 0;      // in a row
  Is durable = Is::finished;  // settling: what it becomes
  Is failed = Is::available;
};

// One entry an offset in [start, end). Written to be read, not to be fast.
class ShareModel {
 public:
  explicit ShareModel(const ShareSettings& settings) : settings_(settings) {}

  void tick(TimePoint now) {
    for (auto& [offset, entry] : entries_) {
      if (entry.is == Is::acquired && entry.at <= now) give_back(offset, entry, now);
      if (entry.is == Is::archiving && entry.at <= now) settle(offset);
      const bool waits = entry.is == Is::available || entry.is == Is::dead_lettering;
      if (waits && entry.at <= now) entry.at = {};
    }
  }
  void give_back(Offset offset, Entry& entry, TimePoint now,
                 std::chrono::milliseconds delay = std::chrono::milliseconds{-1}) {
    if (entry.deliveries >= settings_.deliveries_max) return give_up(offset);
    const auto wait =
        delay.count() >= 0 ? delay : backoff(settings_.retry, entry.deliveries, unused_);
    entry = {Is::available, entry.deliveries};
    if (wait.count() > 0) entry.at = now + wait;
    changes_[offset] = {Is::available, entry.deliveries, entry.at};
  }
  void give_up(Offset offset) {
    if (!settings_.dead_letters) return settle(offset);
    Entry& entry = entries_.at(offset);
    entry = {Is::settling, entry.deliveries};
    entry.durable = Is::dead_lettering;
    settled_.push_back(offset);
    changes_[offset] = {Is::dead_lettering, entry.deliveries};
  }
  void settle(Offset offset) {
    Entry& entry = entries_.at(offset);
    const bool copied = entry.is == Is::copying || entry.is == Is::archiving;
    Entry settling{Is::settling, entry.deliveries};
    settling.failed = copied ? Is::archiving : Is::available;
    entry = settling;
    settled_.push_back(offset);
    changes_[offset] = {Is::finished, 0};
  }
  void wait_for_copy(Offset offset, Is is, TimePoint now) {
    Entry& entry = entries_.at(offset);
    const int wait_s = std::min(60, 1 << entry.copies_failed);
    entry.is = is;
    entry.at = now + std::chrono::seconds(wait_s);
    entry.copies_failed = std::min(entry.copies_failed + 1, 6);
  }
  bool holds(int owner, Offset offset) const {
    const auto at = entries_.find(offset);
    return at != entries_.end() && at->second.is == Is::acquired && at->second.owner == owner;
  }
  void trim() {
    while (!entries_.empty() && entries_.begin()->second.is == Is::finished) {
      entries_.erase(entries_.begin());
      ++start_;
    }
  }

  struct Stored {
    Is is = Is::available;  // or dead_lettering, finished
    int deliveries = 0;
    TimePoint at{};
  };

  ShareSettings settings_;
  SeededRandom unused_{1};
  Offset start_ = 0;
  Offset end_ = 0;
  std::map<Offset, Entry> entries_;
  std::vector<Offset> settled_;       // by the call under way
  std::map<Offset, Stored> changes_;  // by the call under way
  std::map<Offset, Stored> stored_;   // durable
};

}  // namespace sluice::broker::test
