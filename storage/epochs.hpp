// The leader epochs of one log and where each began: Kafka's leader-epoch-checkpoint.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "protocol/ids.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::storage {

struct EpochStart {
  LeaderEpoch epoch = 0;
  Offset start = 0;
  bool operator==(const EpochStart&) const = default;
};

// Epochs and starts both grow strictly.
class Epochs {
 public:
  // Begins `epoch` at `start`: later entries that began at or beyond `start` go, for no record has
  // them. Requires: epoch > latest().
  void begin(LeaderEpoch epoch, Offset start);
  // Drops what began at or beyond `end`: the log ends there. The newest epoch number is remembered.
  void truncate_end(Offset end);
  // The log now starts at `start`: entries that ended before it go.
  void truncate_start(Offset start);

  // -1 if there is none.
  LeaderEpoch latest() const { return latest_; }
  // Largest epoch <= `epoch` that has records or is the latest, and where it ends; {-1, -1} if
  // `epoch` is unknown or later than the latest. Source: KIP-101, KIP-279.
  struct End {
    LeaderEpoch epoch = -1;
    Offset end = -1;
  };
  End end_of(LeaderEpoch epoch, Offset log_end) const;
  // Epoch of the record at `offset`; -1 if unknown.
  LeaderEpoch at(Offset offset) const;
  const std::vector<EpochStart>& entries() const { return entries_; }

  // Kafka's text: a version line 0, the count, then "epoch start" a line.
  std::string encode() const;
  static Result<Epochs> decode(std::string_view text);

 private:
  std::vector<EpochStart> entries_;
  LeaderEpoch latest_ = -1;
};

}  // namespace sluice::storage
