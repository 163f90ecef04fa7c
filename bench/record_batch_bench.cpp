// What a record batch costs: the broker's check, the walk over records, building, the codecs.
// The baseline of the check is the CRC alone, which no check can beat.
#include "base/random.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/batch_check.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::protocol {
namespace {

// Text that compresses about as events do: words of a small vocabulary.
std::string words(std::size_t size, std::uint64_t seed) {
  SeededRandom random{seed};
  std::string text;
  while (text.size() < size) text += "word" + std::to_string(random.below(1000)) + ' ';
  text.resize(size);
  return text;
}

std::vector<std::byte> make_batch(std::size_t batch_size, std::size_t value_size,
                                  Compression codec) {
  BatchBuilder builder{{.compression = codec}};
  const std::string key = "key-12345678";
  for (std::uint64_t i = 0; builder.size() < batch_size; ++i) {
    const std::string value = words(value_size, i);
    builder.append({.timestamp = 1'700'000'000'000 + static_cast<std::int64_t>(i / 10),
                    .key = as_bytes(key),
                    .value = as_bytes(value)});
  }
  Compressor compressor;
  return builder.finish(compressor);
}

void count(benchmark::State& state, const std::vector<std::byte>& batch) {
  const std::int64_t records = parse_batch_header(batch)->record_count;
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(batch.size()));
  state.counters["per_record"] =
      benchmark::Counter(static_cast<double>(state.iterations() * records),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// Arguments, here and below: bytes of the batch, bytes of a value.
void BM_RecordBatch_Crc(benchmark::State& state) {
  const auto batch = make_batch(static_cast<std::size_t>(state.range(0)),
                                static_cast<std::size_t>(state.range(1)), Compression::none);
  for (auto _ : state) benchmark::DoNotOptimize(batch_crc_matches(batch));
  count(state, batch);
}

void BM_RecordBatch_Check(benchmark::State& state) {
  const auto batch = make_batch(static_cast<std::size_t>(state.range(0)),
                                static_cast<std::size_t>(state.range(1)), Compression::none);
  const CheckPolicy policy{.max_message_bytes = 1 << 24, .now_ms = 1'700'000'000'000};
  for (auto _ : state) benchmark::DoNotOptimize(check_batch(batch, policy));
  count(state, batch);
}

void BM_RecordBatch_Iterate(benchmark::State& state) {
  const auto batch = make_batch(static_cast<std::size_t>(state.range(0)),
                                static_cast<std::size_t>(state.range(1)), Compression::none);
  const BatchView view = *parse_batch(batch);
  for (auto _ : state) {
    RecordIterator records{view};
    std::size_t sum = 0;
    while (const auto record = records.next()) sum += record->value->size();
    benchmark::DoNotOptimize(sum);
  }
  count(state, batch);
}

void BM_RecordBatch_Build(benchmark::State& state) {
  const std::string value = words(static_cast<std::size_t>(state.range(1)), 1);
  BatchBuilder builder;
  std::vector<std::byte> batch;
  for (auto _ : state) {
    while (builder.size() < static_cast<std::size_t>(state.range(0)))
      builder.append({.timestamp = 1, .key = as_bytes("key-12345678"), .value = as_bytes(value)});
    batch = builder.finish();
    benchmark::DoNotOptimize(batch.data());
  }
  count(state, batch);
}

#define SLUICE_BATCH_SIZES     \
  ArgNames({"batch", "value"}) \
      ->Args({1024, 1000})     \
      ->Args({16384, 100})     \
      ->Args({65536, 100})     \
      ->Args({65536, 1000})    \
      ->Args({1 << 20, 1000})
BENCHMARK(BM_RecordBatch_Crc)->SLUICE_BATCH_SIZES;
BENCHMARK(BM_RecordBatch_Check)->SLUICE_BATCH_SIZES;
BENCHMARK(BM_RecordBatch_Iterate)->SLUICE_BATCH_SIZES;
BENCHMARK(BM_RecordBatch_Build)->SLUICE_BATCH_SIZES;

// Argument: the codec's number. Bytes are those of the uncompressed records.
void BM_RecordBatch_Compress(benchmark::State& state) {
  const auto batch = make_batch(65536, 200, Compression::none);
  const Bytes area = parse_batch(batch)->records();
  Compressor compressor;
  std::vector<std::byte> out;
  for (auto _ : state) {
    out.clear();
    compressor.compress(static_cast<Compression>(state.range(0)), area, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(area.size()));
  state.counters["ratio"] = static_cast<double>(area.size()) / static_cast<double>(out.size());
}

void BM_RecordBatch_CheckCompressed(benchmark::State& state) {
  const auto codec = static_cast<Compression>(state.range(0));
  const auto batch = make_batch(65536, 200, codec);
  const std::size_t plain_size = make_batch(65536, 200, Compression::none).size();
  const BatchView view = *parse_batch(batch);
  const CheckPolicy policy{.max_message_bytes = 1 << 24, .now_ms = 1'700'000'000'000};
  Decompressor decompressor;
  for (auto _ : state) benchmark::DoNotOptimize(check_compressed(view, policy, decompressor));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(plain_size));
}

BENCHMARK(BM_RecordBatch_Compress)->ArgName("codec")->DenseRange(1, 4);
BENCHMARK(BM_RecordBatch_CheckCompressed)->ArgName("codec")->DenseRange(1, 4);

}  // namespace
}  // namespace sluice::protocol
