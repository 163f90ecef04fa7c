#include "broker/metrics/status_json.hpp"

#include "broker/metrics/json_text.hpp"

#include <algorithm>
#include <optional>

namespace sluice::broker {
namespace {

std::string_view to_string(BrokerState state) {
  switch (state) {
    case BrokerState::starting:
      return "starting";
    case BrokerState::stopping:
      return "stopping";
    case BrokerState::ready:
      break;
  }
  return "ready";
}

// A broker that runs and cannot write is told apart from one that can.
std::string_view state_of(const BrokerView& view) {
  const bool failed =
      view.disk_alarm || view.partitions_faulted != 0 || view.partitions_unopened != 0;
  return view.state == BrokerState::ready && failed ? "failed" : to_string(view.state);
}

void seconds_or_null(JsonText& json, const std::optional<double>& seconds) {
  if (seconds)
    json.value(*seconds, 3);
  else
    json.null();
}

void quantiles(JsonText& json, const Histogram& values) {
  json.key("p50_us").value(values.quantile(0.5), 0);
  json.key("p99_us").value(values.quantile(0.99), 0);
}

void write_partition(JsonText& json, std::int32_t index, const PartitionView& one) {
  json.open('{');
  json.key("partition").value(index);
  json.key("log_start_offset").value(one.log_start);
  json.key("high_watermark").value(one.high_watermark);
  json.key("log_end_offset").value(one.log_end);
  json.key("size_bytes").value(one.size_bytes);
  json.key("segments").value(one.segments);
  json.key("produced_records").value(one.counters.produced_records);
  json.key("produced_bytes").value(one.counters.produced_bytes);
  json.key("fetched_records").value(one.counters.fetched_records);
  json.key("fetched_bytes").value(one.counters.fetched_bytes);
  json.close('}');
}

void write_commit(JsonText& json, const CommitView& commit) {
  json.open('{');
  json.key("topic").value(std::string_view(commit.topic));
  json.key("partition").value(commit.partition);
  json.key("committed").value(commit.committed);
  json.key("high_watermark").value(commit.high_watermark);
  json.key("lag").value(commit.lag);
  json.key("lag_seconds");
  seconds_or_null(json, commit.lag_seconds);
  json.close('}');
}

// The largest; nullopt when one of them is not known.
std::optional<double> lag_seconds_of(const GroupView& group) {
  std::optional<double> most = 0;
  for (const CommitView& commit : group.commits) {
    if (commit.high_watermark < 0) continue;
    if (!commit.lag_seconds) return std::nullopt;
    most = std::max(*most, *commit.lag_seconds);
  }
  return most;
}

}  // namespace

std::string status_json(const BrokerView& view, const ProcessFacts& process) {
  JsonText json;
  json.open('{');
  json.key("version").value(std::string_view(view.version));
  json.key("cluster_id").value(std::string_view(view.cluster_id));
  json.key("state").value(state_of(view));
  json.key("uptime_seconds").value(view.uptime_seconds, 3);
  json.key("io_backend").value(std::string_view(view.io_backend));
  json.key("rss_bytes").value(process.resident_bytes);
  json.key("connections").value(view.connections);
  json.key("disk").open('{');
  json.key("path").value(std::string_view(view.data_directory));
  json.key("total_bytes").value(view.disk_total_bytes);
  json.key("free_bytes").value(view.disk_free_bytes);
  json.key("alarm").value(view.disk_alarm);
  json.close('}');
  json.key("requests").open('[');
  for (const ApiView& api : view.apis) {
    std::uint64_t errors = 0;
    for (const auto& [code, times] : api.errors) errors += times;
    json.open('{');
    json.key("api").value(api.api->name);
    json.key("total").value(api.latency_us.count());
    json.key("errors").value(errors);
    quantiles(json, api.latency_us);
    json.close('}');
  }
  json.close(']');
  json.key("commit").open('{');
  json.key("total").value(view.commit_latency_us.count());
  json.key("bytes").value(view.commit_bytes.sum());
  quantiles(json, view.commit_latency_us);
  json.close('}').close('}');
  return json.take();
}

std::string topics_json(const BrokerView& view) {
  JsonText json;
  json.reserve(1024 + 240 * view.partitions.size() + 100 * view.topics.size());
  json.open('{').key("topics").open('[');
  for (const TopicView& topic : view.topics) {
    json.open('{');
    json.key("topic").value(std::string_view(topic.topic->name));
    json.key("internal").value(topic.internal);
    json.key("partitions").open('[');
    for (std::int32_t i = 0; i < topic.topic->partition_count; ++i) {
      const PartitionView& one = view.partitions[topic.first + static_cast<std::size_t>(i)];
      if (one.open) write_partition(json, i, one);
    }
    json.close(']').close('}');
  }
  json.close(']').close('}');
  return json.take();
}

std::string groups_json(const BrokerView& view) {
  JsonText json;
  json.open('{').key("groups").open('[');
  for (const GroupView& group : view.groups) {
    std::int64_t lag = 0;
    for (const CommitView& commit : group.commits) lag += commit.lag;
    json.open('{');
    json.key("group").value(std::string_view(group.group));
    json.key("type").value(group.type);
    json.key("state").value(std::string_view(group.state));
    json.key("members").value(group.members);
    json.key("lag").value(lag);
    json.key("lag_seconds");
    seconds_or_null(json, lag_seconds_of(group));
    json.key("partitions").open('[');
    for (const CommitView& commit : group.commits) write_commit(json, commit);
    json.close(']').close('}');
  }
  json.close(']').close('}');
  return json.take();
}

}  // namespace sluice::broker
