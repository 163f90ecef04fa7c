#include "base/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace sluice {
namespace {

TEST(Histogram, CountsBelowPowersOfTwoAsASortedListDoes) {
  std::mt19937_64 random{7};
  std::vector<std::uint64_t> values;
  Histogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t value = random() >> (30 + random() % 34);
    values.push_back(value);
    histogram.add(value);
  }
  for (const std::uint64_t edge : {0, 1, 3, 4, 5, 63, 64, 1023, 1024}) {
    values.push_back(edge);
    histogram.add(edge);
  }
  for (int bits = 2; bits <= Histogram::values_bits; ++bits)
    EXPECT_EQ(histogram.count_below(bits), static_cast<std::uint64_t>(std::ranges::count_if(
                                               values, [&](auto v) { return v >> bits == 0; })))
        << bits;
  EXPECT_EQ(histogram.count(), values.size());
}

TEST(Histogram, QuantilesAreOffByAnEighthAtMost) {
  std::mt19937_64 random{11};
  std::vector<std::uint64_t> values;
  Histogram one;
  Histogram other;
  for (int i = 0; i < 50'000; ++i) {
    values.push_back(50 + random() % 2'000'000);
    (i % 2 == 0 ? one : other).add(values.back());
  }
  one.add(other);
  std::ranges::sort(values);
  for (const double part : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const auto exact = static_cast<double>(
        values[static_cast<std::size_t>(part * static_cast<double>(values.size()))]);
    EXPECT_NEAR(one.quantile(part), exact, exact / 8) << part;
  }
}

TEST(Histogram, ValuesBeyondTheLastBucketAreCounted) {
  Histogram histogram;
  histogram.add(std::uint64_t{1} << 60);
  EXPECT_EQ(histogram.count(), 1u);
  EXPECT_EQ(histogram.count_below(Histogram::values_bits - 1), 0u);
  EXPECT_EQ(Histogram{}.quantile(0.5), 0);
}

}  // namespace
}  // namespace sluice
