#include "broker/metrics/view.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

void add_counters(ShardCounters& to, const ShardCounters& from) {
  to.connections_accepted += from.connections_accepted;
  to.refused_connections_max += from.refused_connections_max;
  to.refused_per_ip += from.refused_per_ip;
  to.refused_request_size += from.refused_request_size;
  to.refused_malformed += from.refused_malformed;
  to.refused_unsupported += from.refused_unsupported;
  to.requests += from.requests;
  to.slow_requests += from.slow_requests;
  to.produced_bytes += from.produced_bytes;
  to.fetched_bytes += from.fetched_bytes;
  to.dead_letters_copied += from.dead_letters_copied;
  to.dead_letters_failed += from.dead_letters_failed;
  to.dead_letters_vanished += from.dead_letters_vanished;
}

void add_api(std::vector<ApiView>& to, const ApiView& from) {
  const auto at = std::ranges::find(to, from.api, &ApiView::api);
  if (at == to.end()) {
    to.push_back(from);
    return;
  }
  at->latency_us.add(from.latency_us);
  for (const auto& [code, times] : from.errors) at->errors[code] += times;
}

}  // namespace

void ShardTotals::add(const ShardTotals& other) {
  add_counters(counters, other.counters);
  for (const ApiView& api : other.apis) add_api(apis, api);
  commit_latency_us.add(other.commit_latency_us);
  commit_bytes.add(other.commit_bytes);
  cache_bytes += other.cache_bytes;
  schedules_pending += other.schedules_pending;
  partitions_open += other.partitions_open;
  partitions_unopened += other.partitions_unopened;
  partitions_faulted += other.partitions_faulted;
  disk_alarm = disk_alarm || other.disk_alarm;
}

}  // namespace sluice::broker
