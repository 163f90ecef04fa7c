// Counts of durations in log-linear buckets: percentiles within 1 % at any scale, constant cost.
#pragma once

#include <cstdint>
#include <vector>

namespace sluice::bench {

// Source: the idea of HdrHistogram. Values are nanoseconds; a negative one counts as 0.
class Histogram {
 public:
  Histogram();

  void record(std::int64_t ns);
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::int64_t min() const { return count_ == 0 ? 0 : min_; }
  std::int64_t max() const { return max_; }
  double mean() const;
  // The least recorded value (within 1 %) that `share` of all values do not exceed; 0 when empty.
  // Requires: 0 <= share <= 1.
  std::int64_t percentile(double share) const;

 private:
  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_bound_of(std::size_t bucket);

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  std::int64_t min_ = 0;
  std::int64_t max_ = 0;
};

}  // namespace sluice::bench
