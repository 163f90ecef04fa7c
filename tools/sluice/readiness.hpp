// Whether every partition is served, and by as many replicas as it should be.
#pragma once

#include "sluice/admin.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace sluice::cli {

struct Readiness {
  std::size_t topics = 0;
  std::size_t partitions = 0;
  std::size_t under_replicated = 0;  // fewer replicas in sync than there should be
  std::size_t offline = 0;           // without a leader
};
Readiness readiness(const std::vector<TopicInfo>& topics);

// Nothing for a number that stands for "not told".
inline std::optional<std::int64_t> known(std::int64_t number) {
  return number < 0 ? std::nullopt : std::optional(number);
}

}  // namespace sluice::cli
