// A call from one shard to another and back: what a partition costs that lives elsewhere. The
// baseline is the same call on the shard's own thread.
#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/shards.hpp"
#include "tests/support/temporary_directory.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <utility>

namespace sluice::broker {
namespace {

constexpr int calls_a_run = 1000;

class TwoShards {
 public:
  TwoShards() {
    Options options;
    options.log_dir = directory_.string();
    options.listeners = {"PLAINTEXT://127.0.0.1:0"};
    options.shards = 2;
    auto broker = Broker::start(options, clock_, logger_);
    if (!broker) std::abort();
    broker_ = std::move(*broker);
  }
  Shard& shard(int id) { return broker_->shard(id); }

  // Runs `task` on shard 0 and waits for it here.
  void run(Task<> task) {
    asio::co_spawn(shard(0).executor(), std::move(task), asio::use_future).get();
  }

 private:
  TemporaryDirectory directory_;
  SystemClock clock_;
  NullLogger logger_;
  std::unique_ptr<Broker> broker_;
};

Task<int> answer(int value) { co_return value + 1; }

// One after the other: the latency of a call.
Task<> call_in_turn(Shard* from, Shard* to) {
  for (int i = 0; i < calls_a_run; ++i) {
    const int got = co_await on(*from, *to, answer(i));
    if (got != i + 1) std::abort();
  }
}

void BM_Shards_Call(benchmark::State& state) {
  TwoShards shards;
  Shard* const to = &shards.shard(static_cast<int>(state.range(0)));
  for (auto _ : state) shards.run(call_in_turn(&shards.shard(0), to));
  state.SetItemsProcessed(state.iterations() * calls_a_run);
}
BENCHMARK(BM_Shards_Call)->ArgName("to")->Arg(0)->Arg(1)->UseRealTime()->MeasureProcessCPUTime();

}  // namespace
}  // namespace sluice::broker
