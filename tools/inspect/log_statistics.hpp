// What logs consist of: counted in one pass, on all cores, in memory that does not grow with them.
#pragma once

#include "tools/inspect/codec_trial.hpp"
#include "tools/inspect/compaction_gain.hpp"
#include "tools/inspect/heavy_hitters.hpp"
#include "tools/inspect/partition_walk.hpp"

#include <atomic>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace sluice::inspect {

struct StatisticsOptions {
  std::size_t top = 10;                    // keys and biggest records that are kept
  std::size_t keys_max = 100'000;          // with a counter of their own (heavy_hitters.hpp)
  std::size_t compaction_slots = 1 << 22;  // 128 MiB a thread at most
  std::size_t sample_batches = 1024;       // places that are kept for codec_trial.hpp
  unsigned threads = 0;                    // partitions side by side; 0: one a core, at most 8
  std::atomic<std::int64_t>* progress = nullptr;  // bytes read; may be null
  const std::atomic<bool>* stop = nullptr;        // ends early; may be null
};

// Bytes are those of records before compression, with their lengths and headers.
struct Tally {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;

  void add(std::uint64_t size) {
    ++records;
    bytes += size;
  }
  Tally& operator+=(const Tally& other) {
    records += other.records;
    bytes += other.bytes;
    return *this;
  }
};

struct BatchTally {
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  std::uint64_t stored_bytes = 0;  // as they lie in the file
  std::uint64_t plain_bytes = 0;   // with their records uncompressed

  BatchTally& operator+=(const BatchTally& other);
};

struct TopicStatistics {
  std::string topic;
  std::uint64_t partitions = 0;
  BatchTally batches;
  std::uint64_t keyed_bytes = 0;  // of records with a key, as stored
  CompactionEstimate compaction;

  TopicStatistics& operator+=(const TopicStatistics& other);  // of the same topic
};

struct BigRecord {
  std::uint32_t topic = 0;  // in LogStatistics::topics
  PartitionIndex partition = 0;
  Offset offset = 0;
  TimestampMs timestamp = 0;
  std::uint64_t bytes = 0;
  std::int64_t key_bytes = -1;  // -1: null
  std::int64_t value_bytes = -1;
  std::uint64_t headers = 0;
};

struct LogStatistics {
  // Hours are whole hours since the epoch. Beyond so many the rest is counted under `other_hours`.
  static constexpr std::size_t hours_max = 200'000;

  std::uint64_t partitions = 0;
  std::uint64_t segments = 0;
  std::int64_t damaged_bytes = 0;     // no intact batches
  std::uint64_t damaged_batches = 0;  // their records could not be read
  BatchTally batches;                 // of all
  Tally records;                      // with a value, or without a key
  Tally tombstones;                   // with a key and without a value
  Tally control;                      // commit and abort marks
  Tally without_key;                  // of records and tombstones
  std::map<protocol::Compression, BatchTally> codecs;
  std::map<std::int64_t, Tally> hours;
  Tally other_hours;
  std::vector<TopicStatistics> topics;          // in the order of the directories
  std::vector<BigRecord> biggest;               // the biggest first
  std::vector<HeavyHitters::Counter> top_keys;  // the most bytes first
  bool keys_exact = true;                       // every key had a counter
  std::vector<BatchPlace> sample;
};

// Errors: those of reading. Set by `stop`, it ends early with what it has. Lifetime: the sample
// points into the directories.
Result<LogStatistics> take_statistics(std::span<const DataDirectory> directories,
                                      const StatisticsOptions& options);

}  // namespace sluice::inspect
