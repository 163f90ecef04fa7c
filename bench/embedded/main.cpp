// A broker inside the process, beside what the machine gives: opening, one durable record after the
// other, a stream of small ones, and reading them back. Prints a line a figure.
//
//   sluice_embedded_bench DIRECTORY [--threads] [--only open|commit|stream|fetch]
#include "bench/embedded/counters.hpp"
#include "sluice/admin.hpp"
#include "sluice/broker.hpp"
#include "sluice/consumer.hpp"
#include "sluice/producer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

namespace sluice::bench {
namespace {

using Steady = std::chrono::steady_clock;

double us_since(Steady::time_point begin) {
  return std::chrono::duration<double, std::micro>(Steady::now() - begin).count();
}

double quantile(std::vector<double> values, double q) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

[[noreturn]] void give_up(const Error& error) {
  fmt::print(stderr, "sluice_embedded_bench: {}\n", error.message());
  std::exit(1);
}
template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error());
  return std::move(*result);
}
void must(const Result<>& result) {
  if (!result) give_up(result.error());
}

struct Settings {
  std::string directory;
  Drive drive = Drive::caller;
  std::string only;
  bool wants(std::string_view name) const { return only.empty() || only == name; }
};

Broker open_empty(const Settings& settings, std::size_t cache_bytes = std::size_t{32} << 20) {
  std::filesystem::remove_all(settings.directory);
  return must(Broker::open(
      {.directory = settings.directory, .drive = settings.drive, .cache_bytes = cache_bytes}));
}

void create_topic(Broker& broker) {
  auto admin = must(Admin::create(broker.connect()));
  must(admin.create_topic({.name = "bench", .partitions = 1}));
}

void measure_open(const Settings& settings) {
  const std::int64_t before = resident_bytes();
  std::vector<double> opened;
  std::int64_t idle = 0;
  constexpr int rounds = 21;
  for (int i = 0; i < rounds; ++i) {
    std::filesystem::remove_all(settings.directory);
    std::filesystem::create_directories(settings.directory);
    const auto begin = Steady::now();
    Broker broker = must(Broker::open({.directory = settings.directory, .drive = settings.drive}));
    opened.push_back(us_since(begin) / 1000);
    if (i == 0) {
      broker.run_for(std::chrono::milliseconds(300));
      idle = resident_bytes();
    }
  }
  fmt::print("open of an empty directory: p50 {:.2f} ms, most {:.2f} ms, first {:.2f} ms\n",
             quantile(opened, 0.5), quantile(opened, 1), opened.front());
  fmt::print("resident when idle: {:.2f} MiB more than before\n",
             static_cast<double>(idle - before) / (1 << 20));
}

// The disk's own: one block over blocks that were written before, durable when the call returns.
class DiskCommit {
 public:
  explicit DiskCommit(const std::string& path) {
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) give_up({std::error_code(errno, std::system_category()), path});
    block_ = static_cast<std::byte*>(std::aligned_alloc(4096, 4096));
    std::memset(block_, 7, 4096);
    for (int i = 0; i < blocks; ++i) write(i, 0);
    ::fsync(descriptor_);
  }
  ~DiskCommit() {
    ::close(descriptor_);
    std::free(block_);
  }
  DiskCommit(const DiskCommit&) = delete;
  DiskCommit& operator=(const DiskCommit&) = delete;

  void commit() { write(next_++ % blocks, RWF_DSYNC); }

 private:
  static constexpr int blocks = 1024;
  void write(int block, int flags) {
    const iovec part{block_, 4096};
    if (::pwritev2(descriptor_, &part, 1, off_t{block} * 4096, flags) != 4096)
      give_up({std::error_code(errno, std::system_category()), "write a block"});
  }
  int descriptor_ = -1;
  std::byte* block_ = nullptr;
  int next_ = 0;
};

void measure_commit(const Settings& settings) {
  Broker broker = open_empty(settings);
  create_topic(broker);
  auto producer =
      must(Producer::create({.client = broker.connect(), .linger = std::chrono::milliseconds(0)}));
  DiskCommit disk(settings.directory + "-disk");
  const std::string value(1024, 'v');
  std::vector<double> of_disk;
  std::vector<double> of_us;
  constexpr int rounds = 40;
  constexpr int in_a_row = 100;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < in_a_row; ++i) {
      const auto begin = Steady::now();
      disk.commit();
      if (round != 0) of_disk.push_back(us_since(begin));
    }
    for (int i = 0; i < in_a_row; ++i) {
      const auto begin = Steady::now();
      must(producer.wait(must(producer.send({.topic = "bench", .value = as_bytes(value)}))));
      if (round != 0) of_us.push_back(us_since(begin));
    }
  }
  std::filesystem::remove(settings.directory + "-disk");
  fmt::print(
      "commit of 1 KiB, one at a time: p50 {:.1f} us, p99 {:.1f} us; the disk alone (4 KiB) "
      "p50 {:.1f} us, p99 {:.1f} us; p50 ratio {:.3f}\n",
      quantile(of_us, 0.5), quantile(of_us, 0.99), quantile(of_disk, 0.5), quantile(of_disk, 0.99),
      quantile(of_us, 0.5) / quantile(of_disk, 0.5));
}

void measure_stream(const Settings& settings) {
  const std::string value(100, 'v');
  for (const std::size_t batch_size : {std::size_t{64} << 10, std::size_t{512} << 10}) {
    Broker broker = open_empty(settings);
    create_topic(broker);
    auto producer = must(Producer::create({.client = broker.connect(), .batch_size = batch_size}));
    const auto send = [&](std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i)
        must(producer.send({.topic = "bench", .value = as_bytes(value)}));
      must(producer.flush());
    };
    constexpr std::int64_t count = 5'000'000;
    send(count / 10);
    const std::uint64_t allocated = allocations();
    const double cpu = processor_seconds();
    const auto begin = Steady::now();
    send(count);
    const double seconds = us_since(begin) / 1e6;
    fmt::print(
        "stream of 100 B, batches of {} KiB: {:.2f} M records/s, all durable at the end; "
        "{:.3f} allocations a record, {:.2f} CPU s a million\n",
        batch_size >> 10, static_cast<double>(count) / seconds / 1e6,
        static_cast<double>(allocations() - allocated) / static_cast<double>(count),
        (processor_seconds() - cpu) / static_cast<double>(count) * 1e6);
  }
}

void measure_fetch(const Settings& settings) {
  Broker broker = open_empty(settings, std::size_t{512} << 20);
  create_topic(broker);
  const std::string value(1024, 'v');
  constexpr std::int64_t count = 250'000;
  {
    auto producer = must(Producer::create({.client = broker.connect()}));
    for (std::int64_t i = 0; i < count; ++i)
      must(producer.send({.topic = "bench", .value = as_bytes(value)}));
    must(producer.flush());
  }
  for (const bool check : {true, false}) {
    double best = 0;
    double a_record = 0;
    for (int round = 0; round < 5; ++round) {
      auto consumer = must(Consumer::create({.client = broker.connect(),
                                             .offset_reset = OffsetReset::earliest,
                                             .check_crcs = check,
                                             .partition_bytes_max = std::size_t{8} << 20,
                                             .prefetch_bytes = std::size_t{16} << 20}));
      must(consumer.assign({{"bench", 0}}));
      std::int64_t records = 0;
      std::size_t bytes = 0;
      const std::uint64_t allocated = allocations();
      const auto begin = Steady::now();
      while (records < count) {
        for (const auto& record : must(consumer.poll(std::chrono::seconds(1)))) {
          bytes += record.value->size();
          ++records;
        }
      }
      best = std::max(best, static_cast<double>(bytes) / us_since(begin) / 1e3);
      a_record = static_cast<double>(allocations() - allocated) / static_cast<double>(count);
    }
    fmt::print(
        "fetch of 1 KiB from the tail, checksums {}: {:.2f} GB/s of values, {:.4f} "
        "allocations a record\n",
        check ? "checked" : "not checked again", best, a_record);
  }
}

int run(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--threads")
      settings.drive = Drive::threads;
    else if (word == "--only" && i + 1 < argc)
      settings.only = argv[++i];
    else
      settings.directory = word;
  }
  if (settings.directory.empty()) {
    fmt::print(stderr, "usage: sluice_embedded_bench DIRECTORY [--threads] [--only WHAT]\n");
    return 2;
  }
  settings.directory += "/sluice-embedded-bench";
  if (settings.wants("open")) measure_open(settings);
  if (settings.wants("commit")) measure_commit(settings);
  if (settings.wants("stream")) measure_stream(settings);
  if (settings.wants("fetch")) measure_fetch(settings);
  std::filesystem::remove_all(settings.directory);
  return 0;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) { return sluice::bench::run(argc, argv); }
