// CRC-32C of one buffer: hardware against the table, in the same run.
#include "base/random.hpp"
#include "protocol/crc32c.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

namespace sluice::protocol {
namespace {

void run(benchmark::State& state, Crc32cMethod method) {
  if (!crc32c_available(method)) {
    state.SkipWithError("not on this processor");
    return;
  }
  SeededRandom random{1};
  std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)));
  for (auto& byte : bytes) byte = static_cast<std::byte>(random.next());
  for (auto _ : state) {
    benchmark::DoNotOptimize(bytes.data());
    benchmark::DoNotOptimize(extend_crc32c(method, 0, bytes));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void BM_Crc32c_Table(benchmark::State& state) { run(state, Crc32cMethod::table); }
void BM_Crc32c_Sse42(benchmark::State& state) { run(state, Crc32cMethod::sse42); }

BENCHMARK(BM_Crc32c_Table)->ArgName("bytes")->Arg(100)->Arg(1024)->Arg(16384)->Arg(1 << 20);
BENCHMARK(BM_Crc32c_Sse42)->ArgName("bytes")->Arg(100)->Arg(1024)->Arg(16384)->Arg(1 << 20);

}  // namespace
}  // namespace sluice::protocol
