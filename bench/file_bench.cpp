// Durable direct writes over blocks written before, by io_uring, by threads, and by a bare blocking
// pwritev2 loop as the limit: what the seam and the coroutines cost. In SLUICE_BENCH_DIR, or else
// the temporary directory; the disk decides what is measured.
#include "storage/aligned_buffer.hpp"
#include "storage/open_file_system.hpp"
#include "tests/support/must.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/temporary_directory.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/uio.h>
#include <unistd.h>

namespace sluice::storage {
namespace {

// Written before, then over and over.
constexpr std::uint64_t file_size = 64 << 20;

std::filesystem::path bench_directory() {
  const char* chosen = std::getenv("SLUICE_BENCH_DIR");
  return chosen != nullptr ? std::filesystem::path(chosen) : std::filesystem::temp_directory_path();
}

AlignedBuffer payload(std::size_t size) {
  auto buffer = AlignedBuffer::allocate(size);
  std::memset(buffer.data(), 'x', buffer.size());
  return buffer;
}

struct Cursor {
  std::uint64_t position = 0;
  std::uint64_t next(std::size_t size) {
    if (position + size > file_size) position = 0;
    return std::exchange(position, position + size);
  }
};

Task<std::unique_ptr<File>> prepare(FileSystem& fs) {
  auto file = must(co_await fs.open("f", {.mode = OpenMode::create, .direct = true}));
  must(co_await file->write_zeros(0, file_size, Durability::durable));
  must(co_await file->sync());
  co_return file;
}

Task<> write_one_by_one(benchmark::State& state, File& file, AlignedBuffer data) {
  Cursor cursor;
  for (auto _ : state) {
    must(co_await file.write(data.bytes(), cursor.next(data.size()), Durability::durable));
  }
}

Task<> write_share(File& file, AlignedBuffer data, std::uint64_t position) {
  must(co_await file.write(data.bytes(), position, Durability::durable));
}

void write_several(benchmark::State& state, asio::io_context& io, File& file, AlignedBuffer data) {
  const int depth = static_cast<int>(state.range(1));
  Cursor cursor;
  for (auto _ : state) {
    int left = depth;
    for (int i = 0; i < depth; ++i) {
      auto ended = [&left](std::exception_ptr) { --left; };
      asio::co_spawn(io, write_share(file, data, cursor.next(data.size())), ended);
    }
    io.restart();
    while (left > 0) io.run_one();
  }
}

void report(benchmark::State& state, std::int64_t writes) {
  state.SetItemsProcessed(writes);
  state.SetBytesProcessed(writes * state.range(0));
}

void durable_write(benchmark::State& state, Backend backend) {
  const TemporaryDirectory root(bench_directory());
  asio::io_context io{1};
  FileSystemOptions options;
  options.backend = backend;
  const auto fs = run_task(io, open_file_system(root.string(), options));
  if (!fs) return state.SkipWithError(fs.error().message().c_str());
  const auto file = run_task(io, prepare(**fs));
  const auto data = payload(static_cast<std::size_t>(state.range(0)));
  if (state.range(1) == 1) {
    run_task(io, write_one_by_one(state, *file, data));
  } else {
    write_several(state, io, *file, data);
  }
  report(state, state.iterations() * state.range(1));
}

void BM_File_DurableWrite_Uring(benchmark::State& state) {
  durable_write(state, Backend::io_uring);
}
void BM_File_DurableWrite_Threads(benchmark::State& state) {
  durable_write(state, Backend::threads);
}

// The limit at one write in flight: no loop, no coroutine, no ring.
void BM_File_DurableWrite_Pwritev2(benchmark::State& state) {
  const TemporaryDirectory root(bench_directory());
  const std::string path = root.string() + "/f";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_DIRECT, 0644);
  if (fd < 0) return state.SkipWithError("no direct I/O here");
  const auto data = payload(static_cast<std::size_t>(state.range(0)));
  const auto zeros = payload(1 << 20);
  for (std::uint64_t at = 0; at < file_size; at += zeros.size()) {
    if (::pwrite(fd, zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0) std::abort();
  }
  if (::fdatasync(fd) != 0) std::abort();
  Cursor cursor;
  iovec vector{data.data(), data.size()};
  for (auto _ : state) {
    const auto at = static_cast<off_t>(cursor.next(data.size()));
    if (::pwritev2(fd, &vector, 1, at, RWF_DSYNC) != static_cast<ssize_t>(data.size()))
      std::abort();
  }
  ::close(fd);
  report(state, state.iterations());
}

// A read that the page cache answers: what one trip through the backend costs in processor time.
Task<> read_one_by_one(benchmark::State& state, File& file, AlignedBuffer data) {
  for (auto _ : state) {
    if (must(co_await file.read(data.bytes(), 0)) != data.size()) std::abort();
  }
}

Task<std::unique_ptr<File>> prepare_cached(FileSystem& fs) {
  auto file = must(co_await fs.open("f", {.mode = OpenMode::create}));
  must(co_await file->write_zeros(0, 1 << 20, Durability::durable));
  co_return file;
}

void cached_read(benchmark::State& state, Backend backend) {
  const TemporaryDirectory root(bench_directory());
  asio::io_context io{1};
  FileSystemOptions options;
  options.backend = backend;
  const auto fs = run_task(io, open_file_system(root.string(), options));
  if (!fs) return state.SkipWithError(fs.error().message().c_str());
  const auto file = run_task(io, prepare_cached(**fs));
  run_task(io, read_one_by_one(state, *file, payload(static_cast<std::size_t>(state.range(0)))));
  report(state, state.iterations());
}

void BM_File_CachedRead_Uring(benchmark::State& state) { cached_read(state, Backend::io_uring); }
void BM_File_CachedRead_Threads(benchmark::State& state) { cached_read(state, Backend::threads); }

void sizes_and_depths(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"bytes", "depth"})->UseRealTime()->MinTime(1.0);
  for (const int size : {4 << 10, 64 << 10, 1 << 20}) {
    for (const int depth : {1, 4}) benchmark->Args({size, depth});
  }
}
void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("bytes")->UseRealTime()->MinTime(1.0);
  for (const int size : {4 << 10, 64 << 10, 1 << 20}) benchmark->Arg(size);
}

BENCHMARK(BM_File_DurableWrite_Pwritev2)->Apply(sizes);
BENCHMARK(BM_File_DurableWrite_Uring)->Apply(sizes_and_depths);
BENCHMARK(BM_File_DurableWrite_Threads)->Apply(sizes_and_depths);
BENCHMARK(BM_File_CachedRead_Uring)->ArgName("bytes")->Arg(4096)->UseRealTime();
BENCHMARK(BM_File_CachedRead_Threads)->ArgName("bytes")->Arg(4096)->UseRealTime();

}  // namespace
}  // namespace sluice::storage
