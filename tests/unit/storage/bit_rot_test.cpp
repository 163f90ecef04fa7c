// One bit flips in some file of a log that was closed cleanly, and the log is opened and read to
// its end. Whatever flipped: what is read is what was written; what cannot be read is refused by
// name of file and position; nothing is cut. SLUICE_FLIPS=N flips so many (`./dev crash --bit-rot
// N`), from SLUICE_FIRST_SEED on; SLUICE_SEED=N does one.
#include "storage/format.hpp"
#include "storage/seal.hpp"
#include "tests/support/log_bench.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace sluice::storage {
namespace {

using testing::LogBench;
using testing::make_batch;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

LogOptions options() {
  LogOptions options;
  options.segment_bytes = 6000;
  options.index_interval_bytes = 400;
  return options;
}

// A batch as it lies in the log.
struct Stored {
  Offset base;
  Offset next;
  std::vector<std::byte> bytes;
};

// A directory with everything in it, and what a reader must find there.
struct Original {
  std::map<std::string, std::vector<std::byte>> files;
  std::vector<Stored> batches;
  Offset log_start = 0;
  Offset end = 0;
  LeaderEpoch epoch = 0;
  std::vector<EpochEnd> epoch_ends;
  std::vector<ProducerInfo> producers;
  TimestampOffset newest;
  std::map<TimestampMs, Offset> by_time;
};

void fill(LogBench& bench, int round) {
  for (int i = 0; i < 24; ++i) {
    const auto codec = i % 4 == 0 ? protocol::Compression::lz4 : protocol::Compression::none;
    std::vector<testing::TestRecord> records;
    for (int n = 0; n < 1 + i % 5; ++n)
      records.push_back(
          {.key = "key" + std::to_string(n),
           .value = std::string(static_cast<std::size_t>(20 + 37 * (i + n) % 300), 'v'),
           .timestamp = SimClock::first_wall_ms + 100 * round + i,
           .tombstone = n == 3});
    must(bench.append_durable(make_batch(records, {}, codec)));
  }
}

std::vector<Stored> stored_batches(LogBench& bench) {
  std::vector<Stored> all;
  Offset from = bench.log().log_start_offset();
  while (from < bench.log().high_watermark()) {
    auto got = must(bench.read(from, 1));
    const Offset next = got.next_offset;
    const Slice slice = contiguous(std::move(got));
    const auto header = protocol::parse_batch_header(slice.bytes);
    all.push_back({header->base_offset, next, {slice.bytes.begin(), slice.bytes.end()}});
    from = next;
  }
  return all;
}

std::vector<EpochEnd> ends_of_epochs(LogBench& bench) {
  std::vector<EpochEnd> ends;
  for (LeaderEpoch epoch = 0; epoch <= bench.log().leader_epoch(); ++epoch)
    ends.push_back(bench.log().end_of_epoch(epoch));
  return ends;
}

Original make_original() {
  LogBench bench(1, options());
  bench.open();
  fill(bench, 0);
  must(bench.append_durable(make_batch("p", 3, 40, {.id = 1000, .epoch = 0, .sequence = 0})));
  bench.kill();  // another leader epoch
  bench.open();
  fill(bench, 1);
  must(bench.append_durable(make_batch("p", 2, 40, {.id = 1000, .epoch = 0, .sequence = 3})));
  must(bench.append_durable(make_batch("q", 2, 40, {.id = 1001, .epoch = 2, .sequence = 0})));
  must(bench.sim().run(bench.log().delete_records(7)));
  for (int i = 0; i < 10; ++i) must(bench.sim().run(bench.log().maintain()));
  bench.close();
  bench.open();
  Original made;
  made.batches = stored_batches(bench);
  made.log_start = bench.log().log_start_offset();
  made.end = bench.log().high_watermark();
  made.epoch = bench.log().leader_epoch();
  made.epoch_ends = ends_of_epochs(bench);
  made.producers = bench.log().producers();
  made.newest = must(bench.sim().run(bench.log().max_timestamp()));
  for (TimestampMs at = SimClock::first_wall_ms; at <= made.newest.timestamp; at += 3)
    made.by_time[at] = must(bench.sim().run(bench.log().find_by_time(at))).offset;
  bench.close();
  for (const std::string& path : bench.disk().paths())
    if (path.find('/') != std::string::npos)  // not the directories
      made.files.emplace(path, bench.disk().content(path));
  return made;
}

std::string kind_of(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  return name.starts_with("0") ? name.substr(dot) : name;
}

// What became of one flip; `wrong` where a promise was broken.
struct Outcome {
  std::string wrong;
  bool refused = false;  // the log was not opened
  int refused_batches = 0;
};

class Flip {
 public:
  // Every other seed takes any bit of all, the others any bit of any file: most files are small.
  Flip(const Original& original, std::uint64_t seed) : original_(original), random_(seed) {
    std::vector<std::pair<std::string, std::uint64_t>> sizes;
    std::uint64_t total = 0;
    for (const auto& [path, bytes] : original.files) {
      if (!bytes.empty()) sizes.emplace_back(path, bytes.size());
      total += bytes.size();
      bench_.disk().put(path, bytes);
    }
    if (seed % 2 == 0) {
      std::tie(path_, position_) = sizes[random_.below(sizes.size())];
      position_ = random_.below(position_);
    } else {
      position_ = random_.below(total);
      auto file = sizes.begin();
      for (; position_ >= file->second; ++file) position_ -= file->second;
      path_ = file->first;
    }
    bit_ = static_cast<int>(random_.below(8));
    bench_.disk().corrupt(path_, position_, std::byte{1} << bit_);
  }

  std::string kind() const { return kind_of(path_); }
  std::string where() const {
    return path_ + " at " + std::to_string(position_) + " bit " + std::to_string(bit_);
  }

  Outcome run() {
    if (kind() == seal_suffix && Seal::decode(bench_.disk().content(path_)))
      return wrong("the seal is taken for good");
    if (const auto opened = bench_.try_open(); !opened) {
      outcome_.refused = true;
      const std::string name = path_.substr(path_.rfind('/') + 1);
      if (opened.error().message().find(name) == std::string::npos)
        return wrong("refused without naming the file: " + opened.error().message());
      return outcome_;
    }
    look();
    if (outcome_.wrong.empty()) go_on();
    return outcome_;
  }

 private:
  Outcome wrong(std::string what) {
    if (outcome_.wrong.empty()) outcome_.wrong = std::move(what);
    return outcome_;
  }

  // Everything that a reader can ask is answered as before, or refused.
  void look() {
    Log& log = bench_.log();
    if (log.high_watermark() != original_.end)
      wrong("the log ends at " + std::to_string(log.high_watermark()));
    if (log.log_start_offset() != original_.log_start)
      wrong("the log starts at " + std::to_string(log.log_start_offset()));
    if (log.leader_epoch() < original_.epoch) wrong("the leader epoch went back");
    read_all();
    // Lost epochs are no answer, or one that makes nobody give records up.
    const std::vector<EpochEnd> ends = ends_of_epochs(bench_);
    for (std::size_t i = 0; i + 1 < original_.epoch_ends.size(); ++i)
      if (ends[i].end_offset != -1 && ends[i].end_offset < original_.epoch_ends[i].end_offset)
        wrong("epoch " + std::to_string(i) + " ends too early");
    if (outcome_.refused_batches == 0) {
      const auto newest = bench_.sim().run(log.max_timestamp());
      if (newest && newest->offset != original_.newest.offset) wrong("another newest record");
      for (const auto& [timestamp, offset] : original_.by_time) {
        const auto found = bench_.sim().run(log.find_by_time(timestamp));
        if (!found || found->offset != offset)
          wrong("another first record since " + std::to_string(timestamp));
      }
    }
    check_producers();
  }

  void read_all() {
    const auto& batches = original_.batches;
    for (auto batch = batches.begin(); batch != batches.end();) {
      const Offset from = std::max(batch->base, original_.log_start);
      auto got = bench_.read(from, 2000, original_.end);
      if (!got) {
        ++outcome_.refused_batches;
        if (got.error().message().find(".log at ") == std::string::npos)
          wrong("refused without file and position: " + got.error().message());
        ++batch;
        continue;
      }
      if (got->empty()) return (void)wrong("nothing at " + std::to_string(batch->base));
      const Slice slice = contiguous(std::move(*got));
      Bytes left = slice.bytes;
      while (!left.empty()) {
        if (batch == batches.end() || left.size() < batch->bytes.size() ||
            !std::ranges::equal(left.first(batch->bytes.size()), batch->bytes))
          return (void)wrong("other bytes are read instead of those at offset " +
                             std::to_string(batch == batches.end() ? original_.end : batch->base));
        left = left.subspan(batch->bytes.size());
        ++batch;
      }
    }
  }

  void check_producers() {
    const auto found = bench_.log().producers();
    for (const ProducerInfo& was : original_.producers) {
      const auto is = std::ranges::find(found, was.producer_id, &ProducerInfo::producer_id);
      if (outcome_.refused_batches == 0 &&
          (is == found.end() || is->last_sequence != was.last_sequence || is->epoch != was.epoch))
        wrong("producer " + std::to_string(was.producer_id) + " is not what it was");
    }
  }

  // The log takes more, and is still whole after that.
  void go_on() {
    const auto added = bench_.append_durable(make_batch("after", 2, 30));
    if (!added) return (void)wrong("nothing can be appended: " + added.error().message());
    if (added->base_offset != original_.end) return (void)wrong("appended elsewhere");
    bench_.kill();
    const auto opened = bench_.try_open();
    if (!opened) return (void)wrong("not opened again: " + opened.error().message());
    if (bench_.log().high_watermark() != original_.end + 2)
      wrong("after going on the log ends at " + std::to_string(bench_.log().high_watermark()));
    outcome_.refused_batches = 0;
    read_all();
  }

  const Original& original_;
  SeededRandom random_;
  LogBench bench_{1, options()};
  std::string path_;
  std::uint64_t position_ = 0;
  int bit_ = 0;
  Outcome outcome_;
};

TEST(BitRot, IsFoundRepairedOrRefusedAndNeverServed) {
  const Original original = make_original();
  const std::uint64_t only = from_environment("SLUICE_SEED", 0);
  const std::uint64_t first = only != 0 ? only : from_environment("SLUICE_FIRST_SEED", 1);
  const std::uint64_t count = only != 0 ? 1 : from_environment("SLUICE_FLIPS", 3000);
  struct Count {
    int flips = 0;
    int refused = 0;
    int batches = 0;
  };
  std::map<std::string, Count> counts;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    Flip flip(original, seed);
    const Outcome outcome = flip.run();
    EXPECT_EQ(outcome.wrong, "") << flip.where() << "; SLUICE_SEED=" << seed;
    Count& kind = counts[flip.kind()];
    ++kind.flips;
    kind.refused += outcome.refused ? 1 : 0;
    kind.batches += outcome.refused_batches != 0 ? 1 : 0;
  }
  for (const auto& [kind, n] : counts)
    std::printf("%-28s %7d flips, %6d not opened, %6d with batches refused\n", kind.c_str(),
                n.flips, n.refused, n.batches);
  EXPECT_GT(counts[std::string(log_suffix)].batches, 0);
}

}  // namespace
}  // namespace sluice::storage
