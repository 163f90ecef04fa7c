// Which bytes of a file were found intact.
#pragma once

#include <cstdint>
#include <vector>

namespace sluice::storage {

// A set of positions, as ranges that neither touch nor overlap.
class VerifiedRanges {
 public:
  void add(std::int64_t begin, std::int64_t end);
  void erase(std::int64_t begin, std::int64_t end);
  // How far everything from `position` on is in the set; `position` itself if it is not.
  std::int64_t end_from(std::int64_t position) const;
  std::size_t count() const { return ranges_.size(); }

 private:
  struct Range {
    std::int64_t begin;
    std::int64_t end;
  };
  std::vector<Range> ranges_;  // sorted
};

}  // namespace sluice::storage
