// What the codecs would make of a log: some of its batches, chosen at random, compressed with each.
#pragma once

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

// A uniform sample of the batches that pass by, in random order: those with the smallest hashes.
class BatchSample {
 public:
  // The same seed and batches give the same sample, in whatever order and parts they come.
  BatchSample(std::size_t places_max, std::uint64_t seed) : places_max_(places_max), seed_(seed) {}
  // `log_number` stands for place.log.
  void offer(const BatchPlace& place, std::uint64_t log_number);
  // Takes over what another one of the same seed has seen.
  void merge(const BatchSample& other);
  std::vector<BatchPlace> places() const;

 private:
  struct Ranked {
    std::uint64_t rank = 0;
    BatchPlace place;
  };
  void offer(const Ranked& ranked);

  std::size_t places_max_;
  std::uint64_t seed_;
  std::vector<Ranked> heap_;  // the largest rank first
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
