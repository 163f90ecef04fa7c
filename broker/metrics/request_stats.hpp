// What one shard's requests were and how long they took, by API. Belongs to the shard.
#pragma once

#include "base/histogram.hpp"
#include "broker/metrics/request_times.hpp"
#include "protocol/api.hpp"
#include "protocol/error_code.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace sluice::broker {

struct ApiStats {
  // Microseconds from the whole request in memory to the whole reply ready to be sent. A fetch or a
  // join that waits is that long.
  Histogram latency_us;
  // Error codes in replies, also those of single partitions. Touched only when there is one.
  std::map<protocol::ErrorCode, std::uint64_t> errors;

  std::uint64_t error_count() const {
    std::uint64_t count = 0;
    for (const auto& [code, times] : errors) count += times;
    return count;
  }
};

class RequestStats {
 public:
  // Made on first use: most brokers see a dozen APIs. Requires: `api` is one of all_apis().
  ApiStats& of(const protocol::ApiInfo& api) {
    const auto apis = protocol::all_apis();
    if (by_api_.empty()) by_api_.resize(apis.size());
    auto& stats = by_api_[static_cast<std::size_t>(&api - apis.data())];
    if (!stats) stats = std::make_unique<ApiStats>();
    return *stats;
  }
  // In the order of all_apis(); null for an API nobody has called. Empty before the first request.
  const std::vector<std::unique_ptr<ApiStats>>& by_api() const { return by_api_; }

 private:
  std::vector<std::unique_ptr<ApiStats>> by_api_;
};

// Requires: the reply is ready.
inline void note_latency(ApiStats& stats, const RequestTimes& times) {
  const auto time =
      std::chrono::duration_cast<std::chrono::microseconds>(times.ready - times.received);
  stats.latency_us.add(static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.count())));
}

}  // namespace sluice::broker
