// Append until durable, against the same writes with no log around them, on the disk that holds the
// working directory (or SLUICE_BENCH_DIR). Compare the two only within one run.
#include "base/task_group.hpp"
#include "protocol/batch_builder.hpp"
#include "storage/aligned_buffer.hpp"
#include "storage/open_file_system.hpp"
#include "storage/store.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/temporary_directory.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

namespace sluice::storage {
namespace {

constexpr std::size_t bytes_a_run = std::size_t{64} << 20;

std::filesystem::path bench_directory() {
  const char* chosen = std::getenv("SLUICE_BENCH_DIR");
  return chosen == nullptr ? std::filesystem::current_path() : std::filesystem::path(chosen);
}

// One batch of about `size` bytes, of records of 1 KiB.
std::vector<std::byte> make_batch(std::size_t size) {
  protocol::BatchBuilder builder;
  SeededRandom random(size);
  std::string value(std::min<std::size_t>(size - 100, 1000), 'v');
  while (builder.size() + value.size() + 20 < size) {
    for (char& c : value) c = static_cast<char>(random.next());
    protocol::NewRecord record;
    record.timestamp = 1'767'225'600'000;
    record.value = as_bytes(value);
    builder.append(record);
  }
  return builder.finish();
}

// A log on the real disk.
struct Bench {
  Bench() {
    auto opened = run_task(io, open_file_system(directory.string(), {}));
    if (!opened) std::abort();
    files = std::move(*opened);
    StoreOptions options;
    options.tail_cache_bytes = 256 << 20;
    auto made =
        run_task(io, Store::open(*files, 0, options, clock, random, logger, io.get_executor()));
    if (!made) std::abort();
    store = std::move(*made);
    auto log_made = run_task(io, store->open_log({.topic = "bench"}, {}));
    if (!log_made) std::abort();
    log = std::move(*log_made);
  }
  ~Bench() {
    run_task(io, tasks.drain());
    (void)run_task(io, log->close());
    (void)run_task(io, store->close());
    log.reset();
    store.reset();
    run_task(io, files->close());
  }

  TemporaryDirectory directory{bench_directory()};
  asio::io_context io{1};
  SystemClock clock;
  SystemRandom random;
  NullLogger logger;
  std::unique_ptr<FileSystem> files;
  std::unique_ptr<Store> store;
  std::unique_ptr<Log> log;
  TaskGroup tasks{io.get_executor()};
};

Task<> produce(Log& log, Bytes batch, std::size_t count, std::size_t& done) {
  const auto header = protocol::parse_batch_header(batch);
  for (std::size_t i = 0; i < count; ++i) {
    const auto info = co_await log.append_when_room(batch, *header);
    if (!info) std::abort();
    const auto durable = co_await log.wait_durable(info->durable_end());
    if (!durable) std::abort();
  }
  ++done;
}

// range(0): bytes of a batch; range(1): batches in flight.
void BM_Log_AppendDurable(benchmark::State& state) {
  Bench bench;
  const auto size = static_cast<std::size_t>(state.range(0));
  const auto depth = static_cast<std::size_t>(state.range(1));
  const std::vector<std::byte> batch = make_batch(size);
  const std::size_t count = std::min<std::size_t>(bytes_a_run / size, 4096) / depth;
  for (auto _ : state) {
    std::size_t done = 0;
    bench.io.restart();
    for (std::size_t i = 0; i < depth; ++i)
      bench.tasks.spawn(produce(*bench.log, batch, count, done));
    while (done < depth) bench.io.run_one();
  }
  const auto batches = static_cast<std::int64_t>(state.iterations() * count * depth);
  state.SetBytesProcessed(batches * static_cast<std::int64_t>(batch.size()));
  state.SetItemsProcessed(batches);
}
BENCHMARK(BM_Log_AppendDurable)
    ->ArgNames({"bytes", "in_flight"})
    ->Args({1 << 10, 1})
    ->Args({16 << 10, 5})
    ->Args({64 << 10, 5})
    ->Args({1 << 20, 4})
    ->UseRealTime()
    ->MeasureProcessCPUTime();

// The same bytes in the same groups: one durable write of range(0) * range(1) bytes at a time, into
// space allocated ahead. What the disk gives, with no log around it.
void BM_Raw_WriteDurable(benchmark::State& state) {
  const TemporaryDirectory directory(bench_directory());
  const std::string path = directory.string() + "/raw";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
  if (fd < 0) return state.SkipWithError("no O_DIRECT here");
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::size_t block = (size * static_cast<std::size_t>(state.range(1)) + 4095) / 4096 * 4096;
  const std::size_t count =
      std::min<std::size_t>(bytes_a_run / size, 4096) / static_cast<std::size_t>(state.range(1));
  AlignedBuffer buffer = AlignedBuffer::allocate(block);
  off_t position = 0;
  off_t prepared = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < count; ++i) {
      if (position + static_cast<off_t>(block) > prepared) {
        prepared += off_t{64} << 20;
        if (::posix_fallocate(fd, 0, prepared) != 0) std::abort();
      }
      const iovec part{buffer.data(), block};
      if (::pwritev2(fd, &part, 1, position, RWF_DSYNC) != static_cast<ssize_t>(block))
        std::abort();
      position += static_cast<off_t>(block);
    }
  }
  ::close(fd);
  const auto groups = static_cast<std::int64_t>(state.iterations() * count);
  state.SetBytesProcessed(groups * state.range(0) * state.range(1));
  state.SetItemsProcessed(groups * state.range(1));
}
BENCHMARK(BM_Raw_WriteDurable)
    ->ArgNames({"bytes", "in_flight"})
    ->Args({1 << 10, 1})
    ->Args({16 << 10, 5})
    ->Args({64 << 10, 5})
    ->Args({1 << 20, 4})
    ->UseRealTime()
    ->MeasureProcessCPUTime();

// Reads of what was just written: index, headers, slices; no bytes are copied.
void BM_Log_ReadTail(benchmark::State& state) {
  Bench bench;
  const std::vector<std::byte> batch = make_batch(64 << 10);
  std::size_t done = 0;
  bench.io.restart();
  bench.tasks.spawn(produce(*bench.log, batch, 512, done));
  while (done == 0) bench.io.run_one();
  Offset from = 0;
  std::int64_t bytes = 0;
  for (auto _ : state) {
    auto got = run_task(bench.io, bench.log->read(from, static_cast<std::size_t>(state.range(0))));
    if (!got) std::abort();
    bytes += static_cast<std::int64_t>(got->size);
    from = got->empty() ? 0 : got->next_offset;
  }
  state.SetBytesProcessed(bytes);
}
BENCHMARK(BM_Log_ReadTail)->ArgName("bytes")->Arg(64 << 10)->Arg(1 << 20);

}  // namespace
}  // namespace sluice::storage
