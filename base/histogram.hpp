// Counts of values (microseconds, bytes) in buckets, four to each power of two: a quantile is off
// by an eighth at most. Adding is a few instructions on memory of the owner; it allocates nothing.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace sluice {

// Belongs to one shard. Copies may be read anywhere.
class Histogram {
 public:
  // Values from 2^values_bits on are counted in the last bucket.
  static constexpr int values_bits = 36;

  void add(std::uint64_t value) {
    ++buckets_[bucket_of(value)];
    ++count_;
    sum_ += value;
  }
  void add(const Histogram& other) {
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    sum_ += other.sum_;
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t sum() const { return sum_; }
  // How many values are below 2^bits. Requires: 2 <= bits <= values_bits.
  std::uint64_t count_below(int bits) const {
    std::uint64_t below = 0;
    for (int i = 0; i < (bits - 1) * 4; ++i) below += buckets_[static_cast<std::size_t>(i)];
    return below;
  }
  // The value that a share of `part` (0 to 1) of all values does not exceed, interpolated inside
  // its bucket; 0 without values.
  double quantile(double part) const {
    const double wanted = part * static_cast<double>(count_);
    double before = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      const auto here = static_cast<double>(buckets_[i]);
      if (here > 0 && before + here >= wanted) {
        const double begin = static_cast<double>(lower_bound(i));
        const double end = static_cast<double>(lower_bound(i + 1));
        return begin + (end - begin) * std::clamp((wanted - before) / here, 0.0, 1.0);
      }
      before += here;
    }
    return 0;
  }

 private:
  static std::size_t bucket_of(std::uint64_t value) {
    if (value < 4) return static_cast<std::size_t>(value);
    const auto octave = static_cast<int>(std::bit_width(value)) - 1;
    if (octave >= values_bits) return bucket_count - 1;
    return static_cast<std::size_t>((octave - 1) * 4) + ((value >> (octave - 2)) & 3);
  }
  static std::uint64_t lower_bound(std::size_t bucket) {
    if (bucket < 4) return bucket;
    const std::uint64_t octave = bucket / 4 + 1;
    return (4 + bucket % 4) << (octave - 2);
  }

  static constexpr std::size_t bucket_count = (values_bits - 1) * 4;
  std::array<std::uint64_t, bucket_count> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
};

}  // namespace sluice
