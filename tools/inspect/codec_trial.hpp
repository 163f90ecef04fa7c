// What the codecs would make of a log: some of its batches, chosen at random, compressed with each.
#pragma once

#include "base/random.hpp"
#include "protocol/compression.hpp"
#include "tools/inspect/directory.hpp"

#include <atomic>
#include <cstdint>
#include <vector>

namespace sluice::inspect {

struct BatchPlace {
  const PartitionLog* log = nullptr;
  Offset segment = 0;
  std::int64_t position = 0;
  std::int64_t size = 0;
};

// A uniform sample of the batches that pass by, in random order.
// Source: Vitter, "Random Sampling with a Reservoir", 1985 (algorithm R).
class BatchSample {
 public:
  // The same seed and batches give the same sample.
  BatchSample(std::size_t places_max, std::uint64_t seed)
      : places_max_(places_max), random_(seed) {}
  void offer(const BatchPlace& place);
  const std::vector<BatchPlace>& places() const { return places_; }

 private:
  std::size_t places_max_;
  SeededRandom random_;
  std::uint64_t seen_ = 0;
  std::vector<BatchPlace> places_;
};

struct CodecResult {
  protocol::Compression codec{};
  std::uint64_t compressed_bytes = 0;
  std::uint64_t compress_ns = 0;  // time of one core
  std::uint64_t decompress_ns = 0;
};

struct CodecTrial {
  std::uint64_t batches = 0;
  std::uint64_t plain_bytes = 0;
  std::vector<CodecResult> results;  // gzip, snappy, lz4, zstd
};

// Compresses the record areas of the sampled batches, one by one as a producer does, with the
// levels that clients have by default, until `bytes_max` bytes before compression are used up. What
// retention or compaction took away meanwhile is passed over. Ends early when `stop` is set.
// Errors: those of reading.
Result<CodecTrial> try_codecs(const std::vector<BatchPlace>& places, std::uint64_t bytes_max,
                              const std::atomic<bool>* stop = nullptr);

}  // namespace sluice::inspect
