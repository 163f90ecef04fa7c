#include "broker/disk_cap.hpp"

#include <algorithm>
#include <functional>
#include <queue>

namespace sluice::broker {
namespace {

constexpr double alarm_on = 0.90;
constexpr double alarm_off = 0.85;
constexpr std::int64_t look_step_min = 1 << 20;
constexpr std::int64_t look_step_max = 64 << 20;  // near the cap

// The next segment of a log that could go.
struct Next {
  std::size_t log;
  std::size_t segment;
  std::int64_t newest_ms;
  bool operator>(const Next& other) const {
    return newest_ms != other.newest_ms ? newest_ms > other.newest_ms : log > other.log;
  }
};

}  // namespace

CapPlan plan_deletions(std::span<const CappedLog> logs, std::int64_t excess) {
  CapPlan plan;
  std::priority_queue<Next, std::vector<Next>, std::greater<>> oldest;
  std::vector<Offset> before(logs.size(), -1);
  const auto offer = [&](std::size_t log, std::size_t segment) {
    if (segment < logs[log].closed.size())
      oldest.push({log, segment, logs[log].closed[segment].newest_ms});
  };
  for (std::size_t log = 0; log < logs.size(); ++log) offer(log, 0);
  while (plan.bytes < excess && !oldest.empty()) {
    const Next next = oldest.top();
    oldest.pop();
    const storage::ClosedSegment& segment = logs[next.log].closed[next.segment];
    before[next.log] = segment.end;
    plan.bytes += segment.bytes;
    offer(next.log, next.segment + 1);
  }
  for (std::size_t log = 0; log < logs.size(); ++log)
    if (before[log] >= 0) plan.deletions.push_back({logs[log].key, before[log]});
  if (plan.bytes >= excess) return plan;
  const auto largest = std::ranges::max_element(logs, {}, &CappedLog::active_bytes);
  if (largest != logs.end() && largest->active_bytes > 0) plan.close_active = largest->key;
  return plan;
}

std::int64_t cap_look_step(std::optional<std::int64_t> used, std::int64_t max) {
  const std::int64_t near = std::clamp(max / 64, look_step_min, look_step_max);
  // A quarter: the look that uses this one's figure comes only after the next step.
  return used ? std::max(near, (max - *used) / 4) : near;
}

void DiskCapAlarm::look(std::int64_t used, std::int64_t max) {
  const double share = max > 0 ? static_cast<double>(used) / static_cast<double>(max) : 0;
  const bool on = share >= (on_ ? alarm_off : alarm_on);
  if (on == on_) return;
  on_ = on;
  logger_.write(on ? LogLevel::warn : LogLevel::info,
                on ? "topics take nearly as much as sluice.disk.max.bytes: at the limit the oldest "
                     "segments of topics with sluice.disk.max.delete go, and producers are refused "
                     "where there are none; delete topics, lower retention, or raise the limit"
                   : "topics take well less than sluice.disk.max.bytes again",
                {{"used_bytes", used}, {"max_bytes", max}});
}

}  // namespace sluice::broker
