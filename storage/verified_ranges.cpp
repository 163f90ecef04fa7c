#include "storage/verified_ranges.hpp"

#include <algorithm>

namespace sluice::storage {

void VerifiedRanges::add(std::int64_t begin, std::int64_t end) {
  if (begin >= end) return;
  // Those that touch [begin, end) become one with it.
  const auto first = std::ranges::lower_bound(ranges_, begin, {}, &Range::end);
  auto last = first;
  for (; last != ranges_.end() && last->begin <= end; ++last) {
    begin = std::min(begin, last->begin);
    end = std::max(end, last->end);
  }
  if (first == last) {
    ranges_.insert(first, {begin, end});
    return;
  }
  *first = {begin, end};
  ranges_.erase(first + 1, last);
}

void VerifiedRanges::erase(std::int64_t begin, std::int64_t end) {
  if (begin >= end) return;
  std::vector<Range> kept;
  const auto first = std::ranges::upper_bound(ranges_, begin, {}, &Range::end);
  auto last = first;
  for (; last != ranges_.end() && last->begin < end; ++last) {
    if (last->begin < begin) kept.push_back({last->begin, begin});
    if (last->end > end) kept.push_back({end, last->end});
  }
  const auto at = ranges_.erase(first, last);
  ranges_.insert(at, kept.begin(), kept.end());
}

std::int64_t VerifiedRanges::end_from(std::int64_t position) const {
  const auto at = std::ranges::upper_bound(ranges_, position, {}, &Range::end);
  return at != ranges_.end() && at->begin <= position ? at->end : position;
}

}  // namespace sluice::storage
