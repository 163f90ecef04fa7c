// What is known of records that are to wait: when each is due, whether it was acknowledged, and
// whether it came.
#pragma once

#include "tests/simulation/ledger.hpp"

#include <cstdint>
#include <map>

namespace sluice::simulation {

class TimedLedger {
 public:
  explicit TimedLedger(Verdict& verdict) : verdict_(verdict) {}

  // Before the first attempt. `due_ms`: epoch ms.
  void sent(RecordId id, std::int64_t due_ms) { records_[id].due_ms = due_ms; }
  void acked(RecordId id) {
    Waiting& waiting = records_.at(id);
    if (!waiting.acked && !waiting.came) ++open_;
    waiting.acked = true;
  }
  // It lies in its topic; somebody read it at `now_ms`. A crash may deliver it twice.
  void came(const Place& place, Offset offset, RecordId id, std::int64_t now_ms) {
    const std::string where = id.text() + " at " + place.text() + " " + std::to_string(offset);
    const auto found = records_.find(id);
    if (found == records_.end()) return verdict_.fail("nobody sent " + where);
    Waiting& waiting = found->second;
    if (now_ms < waiting.due_ms)
      verdict_.fail("early by " + std::to_string(waiting.due_ms - now_ms) + " ms: " + where);
    const auto [there, fresh] = places_[place].emplace(offset, id);
    if (!fresh && there->second != id) verdict_.fail("two records at one offset: " + where);
    if (waiting.acked && !waiting.came) --open_;
    waiting.came = true;
  }

  // Acknowledged, and not come yet.
  std::int64_t open() const { return open_; }

 private:
  struct Waiting {
    std::int64_t due_ms = 0;
    bool acked = false;
    bool came = false;
  };

  Verdict& verdict_;
  std::map<RecordId, Waiting> records_;
  std::map<Place, std::map<Offset, RecordId>> places_;
  std::int64_t open_ = 0;
};

}  // namespace sluice::simulation
