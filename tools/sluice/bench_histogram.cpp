#include "tools/sluice/bench_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sluice::bench {
namespace {

// Values below 2^7 have a bucket each; every octave above has 2^7 of them.
constexpr unsigned sub_bits = 7;
constexpr std::size_t sub_count = std::size_t{1} << sub_bits;
constexpr std::size_t bucket_count = (64 - sub_bits + 1) * sub_count;

}  // namespace

Histogram::Histogram() : counts_(bucket_count, 0) {}

std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < 2 * sub_count) return value;
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - sub_bits - 1;
  return shift * sub_count + (value >> shift);
}

std::uint64_t Histogram::upper_bound_of(std::size_t bucket) {
  if (bucket < 2 * sub_count) return bucket;
  const auto shift = static_cast<unsigned>(bucket / sub_count) - 1;
  const std::uint64_t base = bucket % sub_count + sub_count;
  return ((base + 1) << shift) - 1;
}

void Histogram::record(std::int64_t ns) {
  ns = std::max<std::int64_t>(ns, 0);
  ++counts_[bucket_of(static_cast<std::uint64_t>(ns))];
  min_ = count_ == 0 ? ns : std::min(min_, ns);
  max_ = std::max(max_, ns);
  sum_ += static_cast<double>(ns);
  ++count_;
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
  count_ += other.count_;
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

std::int64_t Histogram::percentile(double share) const {
  if (count_ == 0) return 0;
  const auto wanted = std::clamp<std::uint64_t>(
      static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::clamp(static_cast<std::int64_t>(upper_bound_of(i)), min_, max_);
  }
  return max_;
}

}  // namespace sluice::bench
