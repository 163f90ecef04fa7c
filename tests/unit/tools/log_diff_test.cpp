// The comparison of two logs, against one of two maps.
#include "tools/inspect/log_diff.hpp"

#include "base/random.hpp"
#include "protocol/batch_builder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace sluice::inspect {
namespace {

namespace fs = std::filesystem;
using Values = std::map<Offset, std::string>;

// A partition directory with one segment, in batches and codecs as it happens.
class LogDirectory {
 public:
  LogDirectory(const std::string& name, const Values& values, SeededRandom& random)
      : root_(testing::TempDir() + "log_diff_" +
              testing::UnitTest::GetInstance()->current_test_info()->name() + "_" + name) {
    fs::remove_all(root_);
    fs::create_directories(root_ + "/t-0");
    std::ofstream file(root_ + "/t-0/00000000000000000000.log", std::ios::binary);
    protocol::Compressor compressor;
    for (auto at = values.begin(); at != values.end();) {
      const Offset base = at->first;
      protocol::BatchBuilder builder(
          {.compression = static_cast<protocol::Compression>(random.below(5)),
           .base_offset = base});
      for (auto left = 1 + random.below(6); left > 0 && at != values.end(); --left, ++at)
        builder.append_at(static_cast<std::int32_t>(at->first - base),
                          {.timestamp = 1000 + at->first,
                           .key = std::nullopt,
                           .value = as_bytes(at->second),
                           .headers = {}});
      const auto batch = builder.finish(compressor);
      file.write(reinterpret_cast<const char*>(batch.data()),
                 static_cast<std::streamsize>(batch.size()));
    }
  }
  ~LogDirectory() { fs::remove_all(root_); }
  Result<DataDirectory> look() const { return look_at(root_ + "/t-0"); }

 private:
  std::string root_;
};

struct Found {
  std::map<Offset, std::string> differences;  // "only a 3 5" under its first offset, or "value"
  DiffCounts counts;
};

std::string only_text(char side, Offset last, std::uint64_t records) {
  return std::string("only ") + side + " " + std::to_string(last) + " " + std::to_string(records);
}

Found compare_logs(const LogDirectory& a, const LogDirectory& b, bool stop_at_first = false) {
  const auto in_a = a.look();
  const auto in_b = b.look();
  EXPECT_TRUE(in_a && in_b);
  RecordStream stream_a(*in_a, in_a->partitions.front());
  RecordStream stream_b(*in_b, in_b->partitions.front());
  Found found;
  const auto counts = diff_logs(&stream_a, &stream_b, {}, [&](const LogDifference& difference) {
    if (difference.kind == LogDifference::Kind::only)
      found.differences[difference.first] =
          only_text(difference.side == Side::a ? 'a' : 'b', difference.last, difference.records);
    else
      for (const auto field : difference.fields) found.differences[difference.first] += field;
    return !stop_at_first;
  });
  EXPECT_TRUE(counts);
  found.counts = *counts;
  return found;
}

Found compare_maps(const Values& a, const Values& b) {
  Values all = a;
  all.insert(b.begin(), b.end());
  Found found;
  char side = ' ';  // of the range under way
  Offset first = 0;
  std::uint64_t records = 0;
  for (const auto& [offset, value] : all) {
    const bool in_a = a.contains(offset);
    const bool in_b = b.contains(offset);
    const char now = in_a && in_b ? ' ' : in_a ? 'a' : 'b';
    if (now != side) {
      first = offset;
      records = 0;
    }
    side = now;
    if (now != ' ') {
      found.differences[first] = only_text(now, offset, ++records);
      ++(now == 'a' ? found.counts.only_a : found.counts.only_b);
    } else if (a.at(offset) != b.at(offset)) {
      found.differences[offset] = "value";
      ++found.counts.different;
    } else {
      ++found.counts.equal;
    }
  }
  return found;
}

TEST(LogDiff, FindsWhatAComparisonOfMapsFinds) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SeededRandom random(seed);
    Values a;
    Values b;
    // Few differences, so that whole batches are equal, or many.
    const std::uint64_t rarity = seed % 2 == 0 ? 60 : 4;
    for (Offset offset = 0; offset < 300; ++offset) {
      const std::string value = "v" + std::to_string(random.below(1000));
      if (random.below(rarity) != 0) a[offset] = value;
      if (random.below(rarity) != 0) b[offset] = random.below(rarity) == 0 ? "other" : value;
    }
    SeededRandom cuts_a(seed);
    SeededRandom cuts_b(seed + seed % 3);  // the same batches in both, at times
    const LogDirectory in_a("a", a, cuts_a);
    const LogDirectory in_b("b", b, cuts_b);
    const Found found = compare_logs(in_a, in_b);
    const Found expected = compare_maps(a, b);
    EXPECT_EQ(found.differences, expected.differences) << "seed " << seed;
    EXPECT_EQ(found.counts.equal, expected.counts.equal) << "seed " << seed;
    EXPECT_EQ(found.counts.different, expected.counts.different) << "seed " << seed;
    EXPECT_EQ(found.counts.only_a, expected.counts.only_a) << "seed " << seed;
    EXPECT_EQ(found.counts.only_b, expected.counts.only_b) << "seed " << seed;
  }
}

TEST(LogDiff, EndsWhenNoMoreIsWanted) {
  SeededRandom random(1);
  const LogDirectory a("a", {{0, "x"}, {1, "x"}}, random);
  const LogDirectory b("b", {{0, "y"}, {1, "y"}}, random);
  const Found found = compare_logs(a, b, true);
  EXPECT_TRUE(found.counts.stopped);
  EXPECT_EQ(found.differences.size(), 1u);
}

}  // namespace
}  // namespace sluice::inspect
