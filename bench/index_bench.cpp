// The sparse indexes of a segment: looking up an offset, adding an entry, reading the file back.
#include "base/random.hpp"
#include "storage/offset_index.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

namespace sluice::storage {
namespace {

constexpr Offset base = 1'000'000;
constexpr Offset records_an_entry = 64;
constexpr std::int64_t bytes_an_entry = 16 * 1024;

OffsetIndex an_index(std::int64_t entries) {
  OffsetIndex index(base);
  for (std::int64_t i = 1; i <= entries; ++i)
    index.append({base + i * records_an_entry, i * bytes_an_entry});
  return index;
}

// range(0): entries; a segment of 1 GiB has 16,384 with batches of 64 KiB.
void BM_OffsetIndex_Lookup(benchmark::State& state) {
  const auto index = an_index(state.range(0));
  SeededRandom random(1);
  const auto span = static_cast<std::uint64_t>(state.range(0) * records_an_entry);
  for (auto _ : state) {
    const auto wanted = base + static_cast<Offset>(random.below(span));
    benchmark::DoNotOptimize(index.lookup(wanted));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_OffsetIndex_Lookup)->ArgName("entries")->Arg(16)->Arg(1024)->Arg(65'536);

void BM_OffsetIndex_Append(benchmark::State& state) {
  constexpr std::int64_t entries = 65'536;
  for (auto _ : state) benchmark::DoNotOptimize(an_index(entries).count());
  state.SetItemsProcessed(state.iterations() * entries);
}
BENCHMARK(BM_OffsetIndex_Append);

void BM_OffsetIndex_Decode(benchmark::State& state) {
  const auto index = an_index(state.range(0));
  std::vector<std::byte> bytes;
  index.encode(0, bytes);
  for (auto _ : state) {
    auto decoded = OffsetIndex::decode(base, bytes, std::int64_t{1} << 31);
    if (!decoded) return state.SkipWithError("refused");
    benchmark::DoNotOptimize(decoded->count());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(BM_OffsetIndex_Decode)->ArgName("entries")->Arg(1024)->Arg(65'536);

}  // namespace
}  // namespace sluice::storage
