// The bounded summaries behind `sluice log stat`, against what an unbounded map says.
#include "base/random.hpp"
#include "tools/inspect/codec_trial.hpp"
#include "tools/inspect/compaction_gain.hpp"
#include "tools/inspect/heavy_hitters.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace sluice::inspect {
namespace {

struct Truth {
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
};

// Key `i` of many is drawn with a probability that falls as 1/i, about.
std::string skewed_key(SeededRandom& random, std::uint64_t keys) {
  return "key" + std::to_string(random.below(random.below(random.below(keys) + 1) + 1));
}

void add(HeavyHitters& sketch, std::uint32_t topic, const std::string& key, std::uint64_t bytes) {
  sketch.add(topic, hash_of_key(as_bytes(key)), as_bytes(key), bytes);
}

TEST(HeavyHitters, IsExactWhileEveryKeyHasACounter) {
  SeededRandom random(1);
  HeavyHitters sketch(1000);
  std::map<std::string, Truth> truth;
  for (int i = 0; i < 20'000; ++i) {
    const auto key = skewed_key(random, 1000);
    const auto bytes = random.below(500);
    add(sketch, 0, key, bytes);
    truth[key].bytes += bytes;
    ++truth[key].records;
  }
  EXPECT_TRUE(sketch.exact());
  const auto top = sketch.top(5000);
  ASSERT_EQ(top.size(), truth.size());
  EXPECT_TRUE(std::ranges::is_sorted(top, std::ranges::greater{}, &HeavyHitters::Counter::bytes));
  for (const auto& counter : top) {
    EXPECT_EQ(counter.bytes, truth[counter.key].bytes);
    EXPECT_EQ(counter.records, truth[counter.key].records);
    EXPECT_EQ(counter.overcount, 0u);
  }
}

// Random keys counted by so many sketches, which are merged: bounds hold as for one.
void check_bounds(std::uint64_t seed, std::size_t sketches) {
  SeededRandom random(seed);
  constexpr std::size_t counters = 200;
  std::vector<HeavyHitters> parts(sketches, HeavyHitters(counters));
  std::map<std::string, Truth> truth;
  std::uint64_t all = 0;
  for (int i = 0; i < 30'000; ++i) {
    const auto key = skewed_key(random, 20'000);
    const auto bytes = random.below(500);
    add(parts[random.below(sketches)], 0, key, bytes);
    truth[key].bytes += bytes;
    ++truth[key].records;
    all += bytes;
  }
  HeavyHitters& sketch = parts.front();
  for (std::size_t i = 1; i < sketches; ++i) sketch.merge(parts[i]);
  EXPECT_FALSE(sketch.exact());
  std::set<std::string> counted;
  for (const auto& counter : sketch.top(counters)) {
    counted.insert(counter.key);
    EXPECT_GE(counter.bytes, truth[counter.key].bytes) << "seed " << seed;
    EXPECT_LE(counter.bytes - counter.overcount, truth[counter.key].bytes) << "seed " << seed;
    EXPECT_LE(counter.records, truth[counter.key].records) << "seed " << seed;
    EXPECT_LE(counter.overcount, all / counters) << "seed " << seed;
  }
  EXPECT_EQ(counted.size(), counters);
  for (const auto& [key, sums] : truth)
    EXPECT_TRUE(sums.bytes <= all / counters || counted.contains(key)) << key << " seed " << seed;
}

TEST(HeavyHitters, BoundsHoldBeyondItsMemory) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) check_bounds(seed, 1);
}

TEST(HeavyHitters, BoundsHoldWhenTheyAreMerged) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) check_bounds(seed, 2 + seed % 7);
}

TEST(HeavyHitters, IsExactWhenMergedWhileEveryKeyHasACounter) {
  HeavyHitters sketch(3);
  HeavyHitters other(3);
  add(sketch, 0, "a", 1);
  add(sketch, 0, "b", 2);
  add(other, 0, "b", 3);
  add(other, 1, "b", 4);
  sketch.merge(other);
  EXPECT_TRUE(sketch.exact());
  std::vector<std::uint64_t> bytes;
  for (const auto& counter : sketch.top(3)) bytes.push_back(counter.bytes);
  EXPECT_EQ(bytes, (std::vector<std::uint64_t>{5, 4, 1}));
  add(sketch, 0, "c", 9);  // instead of "a"
  EXPECT_FALSE(sketch.exact());
  EXPECT_EQ(sketch.top(1).front().bytes, 10u);
}

TEST(HeavyHitters, TheSameKeyOfTwoTopicsIsTwo) {
  HeavyHitters sketch(10);
  add(sketch, 0, "42", 5);
  add(sketch, 1, "42", 7);
  const auto top = sketch.top(10);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].topic, 1u);
  EXPECT_EQ(top[0].bytes, 7u);
}

TEST(HeavyHitters, RemembersTheBeginningOfLongKeys) {
  HeavyHitters sketch(10);
  add(sketch, 0, std::string(10'000, 'k'), 10'000);
  const auto top = sketch.top(1);
  EXPECT_EQ(top[0].key.size(), HeavyHitters::shown_max);
  EXPECT_EQ(top[0].key_size, 10'000u);
}

// What compaction does, with all keys in memory.
class CompactionModel {
 public:
  void add(const std::string& key, std::uint32_t bytes, bool tombstone) {
    const auto [at, fresh] = newest_.try_emplace(key);
    if (!fresh) {
      sums.superseded_bytes += at->second.bytes;
      ++sums.superseded_records;
    }
    at->second = {bytes, tombstone};
  }
  CompactionEstimate result() {
    sums.keys = newest_.size();
    for (const auto& [key, record] : newest_) {
      if (!record.tombstone) continue;
      ++sums.tombstones;
      sums.tombstone_bytes += record.bytes;
    }
    return sums;
  }
  CompactionEstimate sums;

 private:
  struct Newest {
    std::uint32_t bytes = 0;
    bool tombstone = false;
  };
  std::map<std::string, Newest> newest_;
};

struct Both {
  CompactionEstimate model;
  CompactionEstimate estimate;
};

// The same records to both, half of them in closed segments.
Both run_both(std::uint64_t seed, std::size_t slots, std::uint64_t keys, int records) {
  SeededRandom random(seed);
  CompactionModel model;
  CompactionGain gain(slots);
  for (int i = 0; i < records; ++i) {
    if (i == records / 2) {
      gain.close_segments();
      model.sums.closed_superseded_bytes = model.sums.superseded_bytes;
    }
    const auto key = "key" + std::to_string(random.below(keys));
    const auto bytes = static_cast<std::uint32_t>(20 + random.below(1000));
    const bool tombstone = random.below(10) == 0;
    model.add(key, bytes, tombstone);
    gain.add(hash_of_key(as_bytes(key)), bytes, tombstone);
  }
  return {model.result(), gain.estimate()};
}

TEST(CompactionGain, IsExactWhileTheKeysFit) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto [model, estimate] = run_both(seed, 1 << 14, 10'000, 40'000);
    EXPECT_TRUE(estimate.exact);
    EXPECT_EQ(estimate.keys, model.keys);
    EXPECT_EQ(estimate.superseded_records, model.superseded_records);
    EXPECT_EQ(estimate.superseded_bytes, model.superseded_bytes);
    EXPECT_EQ(estimate.closed_superseded_bytes, model.closed_superseded_bytes);
    EXPECT_EQ(estimate.tombstones, model.tombstones);
    EXPECT_EQ(estimate.tombstone_bytes, model.tombstone_bytes);
  }
}

TEST(CompactionGain, EstimatesCloselyBeyondItsMemory) {
  const auto near = [](std::uint64_t estimate, std::uint64_t truth, double tolerance) {
    const auto t = static_cast<double>(truth);
    return std::abs(static_cast<double>(estimate) - t) <= tolerance * t;
  };
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto [model, estimate] = run_both(seed, 1 << 12, 50'000, 200'000);
    EXPECT_FALSE(estimate.exact);
    EXPECT_TRUE(near(estimate.keys, model.keys, 0.1)) << seed << ": " << estimate.keys;
    EXPECT_TRUE(near(estimate.superseded_bytes, model.superseded_bytes, 0.05)) << seed;
    EXPECT_TRUE(near(estimate.superseded_records, model.superseded_records, 0.05)) << seed;
    EXPECT_TRUE(near(estimate.closed_superseded_bytes, model.closed_superseded_bytes, 0.1)) << seed;
    EXPECT_TRUE(near(estimate.tombstones, model.tombstones, 0.2)) << seed;
  }
}

TEST(BatchSample, TakesEveryBatchEquallyOften) {
  constexpr std::int64_t batches = 100;
  constexpr std::size_t kept = 10;
  std::vector<int> taken(batches);
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    BatchSample sample(kept, seed);
    BatchSample other(kept, seed);
    for (std::int64_t i = 0; i < batches; ++i)
      (i % 3 == 0 ? other : sample).offer({.position = i}, 7);
    sample.merge(other);
    ASSERT_EQ(sample.places().size(), kept);
    for (const auto& place : sample.places()) ++taken[static_cast<std::size_t>(place.position)];
  }
  // 500 each, with a standard deviation of 21.
  for (const int count : taken) EXPECT_NEAR(count, 500, 110);
}

}  // namespace
}  // namespace sluice::inspect
