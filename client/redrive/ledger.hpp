// Which records of a dead-letter topic were redriven, as records of the compacted progress topic:
// one bit an offset, in blocks of fixed size, so that neither the number of redrives nor their
// filters make it grow.
//
// | key                                  | value                                    |
// |--------------------------------------|------------------------------------------|
// | redrive/ID                           | progress.hpp                             |
// | done/TOPIC/TOPIC-ID/PARTITION/BLOCK  | bits of offsets BLOCK·32768…, least      |
// |                                      | significant first, without zeros behind  |
#pragma once

#include "base/bytes.hpp"
#include "sluice/types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::client {

// A record for the progress topic. Null: the key is to be forgotten.
struct SavedEntry {
  std::string key;
  std::optional<std::vector<std::byte>> value;
};

inline constexpr std::string_view redrive_key_prefix = "redrive/";

class RedriveLedger {
 public:
  static constexpr Offset block_offsets = 32'768;

  RedriveLedger(std::string topic, const TopicId& id);

  // A record of the progress topic, in order of offsets. Those about other topics are ignored;
  // about earlier topics of this name, forgotten at the next save.
  void take(std::string_view key, std::optional<Bytes> value);

  bool contains(PartitionIndex partition, Offset offset) const;
  void mark(PartitionIndex partition, Offset offset);
  // How many offsets from `from` on are marked.
  std::uint64_t count(PartitionIndex partition, Offset from) const;
  // Forgets whole blocks before `from`: their records are gone.
  void forget_before(PartitionIndex partition, Offset from);

  // An earlier redrive that nobody needs to know of any more.
  void forget_redrive(const std::string& id);

  // What changed since it was last asked.
  std::vector<SavedEntry> take_changes();

 private:
  using Place = std::pair<PartitionIndex, Offset>;  // partition, block
  std::string key_of(const Place& place) const;

  std::string topic_prefix_;  // of all topics of this name
  std::string prefix_;
  std::map<Place, std::vector<std::byte>> blocks_;
  std::set<Place> changed_;
  std::set<std::string, std::less<>> stale_;  // keys to be forgotten
};

}  // namespace sluice::client
