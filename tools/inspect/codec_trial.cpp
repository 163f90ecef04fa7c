#include "tools/inspect/codec_trial.hpp"

#include "base/check.hpp"
#include "storage/format.hpp"
#include "tools/inspect/batch_records.hpp"
#include "tools/inspect/read_file.hpp"
#include "tools/inspect/segment_check.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

namespace sluice::inspect {
namespace {

using protocol::Compression;

constexpr std::array codecs{Compression::gzip, Compression::snappy, Compression::lz4,
                            Compression::zstd};

// Time that this thread has computed.
std::uint64_t thread_time_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(now.tv_nsec);
}

class Trial {
 public:
  Trial() {
    for (const Compression codec : codecs) trial_.results.push_back({.codec = codec});
  }

  void add(Bytes area) {
    // The first use of a codec makes its contexts: that is not counted.
    if (trial_.batches == 0)
      for (CodecResult& result : trial_.results) time_one(CodecResult(result), area);
    ++trial_.batches;
    trial_.plain_bytes += area.size();
    for (CodecResult& result : trial_.results) result = time_one(result, area);
  }
  const CodecTrial& trial() const { return trial_; }

 private:
  CodecResult time_one(CodecResult result, Bytes area) {
    compressed_.clear();
    plain_.clear();
    const auto start = thread_time_ns();
    compressor_.compress(result.codec, area, compressed_);
    const auto middle = thread_time_ns();
    const auto back = decompressor_.decompress(result.codec, compressed_, area.size(), plain_);
    SLUICE_CHECK(back.has_value());
    result.compress_ns += middle - start;
    result.decompress_ns += thread_time_ns() - middle;
    result.compressed_bytes += compressed_.size();
    return result;
  }

  protocol::Compressor compressor_;
  protocol::Decompressor decompressor_;
  std::vector<std::byte> compressed_;
  std::vector<std::byte> plain_;
  CodecTrial trial_;
};

// The batch at a place; nothing when it is no longer there.
Result<std::optional<protocol::BatchView>> read_batch(const BatchPlace& place,
                                                      std::vector<std::byte>& buffer) {
  const auto file = ReadFile::open(place.log->file(place.segment, storage::log_suffix));
  if (!file && is_gone(file.error())) return std::nullopt;
  if (!file) return std::unexpected(file.error());
  buffer.resize(static_cast<std::size_t>(place.size));
  const auto read = file->read(buffer, place.position);
  if (!read) return std::unexpected(read.error());
  const auto batch = protocol::parse_batch(Bytes(buffer).first(*read));
  if (!batch || !protocol::batch_crc_matches(batch->bytes)) return std::nullopt;
  return *batch;
}

}  // namespace

void BatchSample::offer(const BatchPlace& place, std::uint64_t log_number) {
  const std::array<std::uint64_t, 3> name{log_number, static_cast<std::uint64_t>(place.segment),
                                          static_cast<std::uint64_t>(place.position)};
  offer({XXH3_64bits_withSeed(name.data(), sizeof name, seed_), place});
}

void BatchSample::offer(const Ranked& ranked) {
  if (heap_.size() >= places_max_) {
    if (heap_.empty() || ranked.rank >= heap_.front().rank) return;
    std::ranges::pop_heap(heap_, {}, &Ranked::rank);
    heap_.pop_back();
  }
  heap_.push_back(ranked);
  std::ranges::push_heap(heap_, {}, &Ranked::rank);
}

void BatchSample::merge(const BatchSample& other) {
  for (const Ranked& ranked : other.heap_) offer(ranked);
}

std::vector<BatchPlace> BatchSample::places() const {
  auto ranked = heap_;
  std::ranges::sort(ranked, {}, &Ranked::rank);
  std::vector<BatchPlace> places;
  for (const Ranked& one : ranked) places.push_back(one.place);
  return places;
}

Result<CodecTrial> try_codecs(const std::vector<BatchPlace>& places, std::uint64_t bytes_max,
                              const std::atomic<bool>* stop) {
  Trial trial;
  BatchRecords records;
  std::vector<std::byte> buffer;
  for (const BatchPlace& place : places) {
    if (trial.trial().plain_bytes >= bytes_max || (stop && *stop)) break;
    const auto batch = read_batch(place, buffer);
    if (!batch) return std::unexpected(batch.error());
    if (!*batch) continue;
    if (const auto area = records.area(**batch); area && !area->empty()) trial.add(*area);
  }
  return trial.trial();
}

}  // namespace sluice::inspect
