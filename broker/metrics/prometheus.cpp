#include "broker/metrics/prometheus.hpp"

#include "broker/metrics/metrics_text.hpp"
#include "protocol/error_code.hpp"

#include <algorithm>
#include <map>

namespace sluice::broker {
namespace {

constexpr double micro = 1e-6;
constexpr int latency_first_bits = 6;  // 64 µs
constexpr int latency_last_bits = 24;  // 16.8 s
constexpr int size_first_bits = 9;     // 512 bytes
constexpr int size_last_bits = 26;     // 64 MiB

// Of a topic, over its partitions.
struct TopicTotals {
  PartitionCounters counters;
  std::int64_t size_bytes = 0;
  std::size_t segments = 0;
  std::int64_t records = 0;
  std::int64_t not_durable = 0;
};

TopicTotals totals_of(const BrokerView& view, const TopicView& topic) {
  TopicTotals totals;
  for (std::int32_t i = 0; i < topic.topic->partition_count; ++i) {
    const PartitionView& one = view.partitions[topic.first + static_cast<std::size_t>(i)];
    if (!one.open) continue;
    totals.counters.produced_records += one.counters.produced_records;
    totals.counters.produced_bytes += one.counters.produced_bytes;
    totals.counters.fetched_records += one.counters.fetched_records;
    totals.counters.fetched_bytes += one.counters.fetched_bytes;
    totals.size_bytes += one.size_bytes;
    totals.segments += one.segments;
    totals.records += one.high_watermark - one.log_start;
    totals.not_durable += one.log_end - one.high_watermark;
  }
  return totals;
}

void write_partitions(MetricsText& text, const BrokerView& view, std::string_view family,
                      Offset PartitionView::* member) {
  text.family(family);
  for (const TopicView& topic : view.topics)
    for (std::int32_t i = 0; i < topic.topic->partition_count; ++i) {
      const PartitionView& one = view.partitions[topic.first + static_cast<std::size_t>(i)];
      if (one.open) text.sample({topic.topic->name, NumberLabel(i)}, one.*member);
    }
}

void write_exporter_topics(MetricsText& text, const BrokerView& view) {
  text.family("kafka_topic_partitions");
  for (const TopicView& topic : view.topics)
    text.sample({topic.topic->name}, topic.topic->partition_count);
  if (!view.partition_series) return;
  write_partitions(text, view, "kafka_topic_partition_current_offset",
                   &PartitionView::high_watermark);
  write_partitions(text, view, "kafka_topic_partition_oldest_offset", &PartitionView::log_start);
}

// Of one group and one of its topics.
struct GroupTopic {
  std::int64_t committed = 0;
  std::int64_t lag = 0;
  std::optional<double> lag_seconds;
};
using GroupTopics = std::map<std::pair<std::string_view, std::string_view>, GroupTopic>;

GroupTopics group_topics(const BrokerView& view) {
  GroupTopics all;
  for (const GroupView& group : view.groups) {
    if (group.type == "share") continue;
    for (const CommitView& commit : group.commits) {
      if (commit.high_watermark < 0) continue;
      GroupTopic& sum = all[{group.group, commit.topic}];
      sum.committed += commit.committed;
      sum.lag += commit.lag;
      if (commit.lag_seconds)
        sum.lag_seconds = std::max(sum.lag_seconds.value_or(0), *commit.lag_seconds);
    }
  }
  return all;
}

void write_commits(MetricsText& text, const BrokerView& view, std::string_view family,
                   std::int64_t CommitView::* member) {
  text.family(family);
  for (const GroupView& group : view.groups)
    for (const CommitView& commit : group.commits)
      if (group.type != "share" && commit.high_watermark >= 0)
        text.sample({group.group, commit.topic, NumberLabel(commit.partition)}, commit.*member);
}

void write_exporter_groups(MetricsText& text, const BrokerView& view, const GroupTopics& topics) {
  text.family("kafka_consumergroup_members");
  for (const GroupView& group : view.groups)
    if (group.type != "share") text.sample({group.group}, group.members);
  if (view.partition_series) {
    write_commits(text, view, "kafka_consumergroup_current_offset", &CommitView::committed);
    write_commits(text, view, "kafka_consumergroup_lag", &CommitView::lag);
  }
  text.family("kafka_consumergroup_current_offset_sum");
  for (const auto& [key, sum] : topics) text.sample({key.first, key.second}, sum.committed);
  text.family("kafka_consumergroup_lag_sum");
  for (const auto& [key, sum] : topics) text.sample({key.first, key.second}, sum.lag);
}

void write_value(MetricsText& text, std::string_view family, auto value) {
  text.family(family);
  text.sample({}, value);
}

void write_broker(MetricsText& text, const BrokerView& view) {
  text.family("sluice_build_info");
  text.sample({view.version}, 1);
  write_value(text, "sluice_ready", view.state == BrokerState::ready ? 1 : 0);
  write_value(text, "sluice_recovery_seconds", view.recovery_seconds);
  if (!view.io_backend.empty()) {
    text.family("sluice_io_backend_info");
    text.sample({view.io_backend, view.io_reason}, 1);
  }
  write_value(text, "sluice_shards", view.shards);
  if (view.disk_known) {
    write_value(text, "sluice_disk_free_bytes", view.disk_free_bytes);
    write_value(text, "sluice_disk_total_bytes", view.disk_total_bytes);
    write_value(text, "sluice_disk_alarm", view.disk_alarm ? 1 : 0);
  }
  if (view.disk_max_bytes > 0) {
    write_value(text, "sluice_disk_max_bytes", view.disk_max_bytes);
    write_value(text, "sluice_disk_used_bytes", view.disk_used_bytes);
    write_value(text, "sluice_disk_max_alarm", view.disk_max_alarm ? 1 : 0);
    write_value(text, "sluice_disk_max_deleted_bytes_total", view.disk_max_deleted_bytes);
  }
  write_value(text, "sluice_cache_bytes", view.cache_bytes);
  write_value(text, "sluice_connections", view.connections);
  const ShardCounters& counters = view.counters;
  write_value(text, "sluice_connections_accepted_total", counters.connections_accepted);
  text.family("sluice_rejected_total");
  text.sample({"max_connections"}, counters.refused_connections_max);
  text.sample({"max_connections_per_ip"}, counters.refused_per_ip);
  text.sample({"request_size"}, counters.refused_request_size);
  text.sample({"malformed"}, counters.refused_malformed);
  text.sample({"unsupported"}, counters.refused_unsupported);
}

void write_requests(MetricsText& text, const BrokerView& view) {
  text.family("sluice_request_duration_seconds");
  for (const ApiView& api : view.apis)
    text.histogram({api.api->name}, api.latency_us, latency_first_bits, latency_last_bits, micro);
  text.family("sluice_request_errors_total");
  for (const ApiView& api : view.apis)
    for (const auto& [code, times] : api.errors)
      text.sample({api.api->name, protocol::to_string(code)}, times);
  write_value(text, "sluice_slow_requests_total", view.counters.slow_requests);
  text.family("sluice_commit_duration_seconds");
  text.histogram({}, view.commit_latency_us, latency_first_bits, latency_last_bits, micro);
  text.family("sluice_commit_size_bytes");
  text.histogram({}, view.commit_bytes, size_first_bits, size_last_bits, 1);
}

void write_topics(MetricsText& text, const BrokerView& view) {
  text.family("sluice_partitions");
  text.sample({"open"}, view.partitions_open);
  text.sample({"unopened"}, view.partitions_unopened);
  text.sample({"faulted"}, view.partitions_faulted);
  std::vector<TopicTotals> totals;
  totals.reserve(view.topics.size());
  for (const TopicView& topic : view.topics) totals.push_back(totals_of(view, topic));
  const auto each = [&](std::string_view family, auto&& value_of) {
    text.family(family);
    for (std::size_t i = 0; i < totals.size(); ++i)
      text.sample({view.topics[i].topic->name}, value_of(totals[i]));
  };
  using T = TopicTotals;
  each("sluice_topic_produced_records_total",
       [](const T& t) { return t.counters.produced_records; });
  each("sluice_topic_produced_bytes_total", [](const T& t) { return t.counters.produced_bytes; });
  each("sluice_topic_fetched_records_total", [](const T& t) { return t.counters.fetched_records; });
  each("sluice_topic_fetched_bytes_total", [](const T& t) { return t.counters.fetched_bytes; });
  each("sluice_topic_size_bytes", [](const T& t) { return t.size_bytes; });
  each("sluice_topic_segments", [](const T& t) { return t.segments; });
  each("sluice_topic_not_durable_records", [](const T& t) { return t.not_durable; });
}

struct ShareTotals {
  ShareCounts counts;
  std::int64_t lag = 0;
};

void write_shares(MetricsText& text, const BrokerView& view) {
  std::map<std::pair<std::string_view, std::string_view>, ShareTotals> totals;
  for (const ShareView& share : view.shares) {
    ShareTotals& sum = totals[{share.group, share.topic}];
    sum.counts.acquired += share.counts.acquired;
    sum.counts.waiting += share.counts.waiting;
    sum.counts.settling += share.counts.settling;
    sum.counts.dead_lettering += share.counts.dead_lettering;
    if (share.high_watermark >= 0)
      sum.lag += std::max<Offset>(0, share.high_watermark - share.start - share.counts.finished);
  }
  text.family("sluice_share_records");
  for (const auto& [key, sum] : totals) {
    text.sample({key.first, key.second, "acquired"}, sum.counts.acquired);
    text.sample({key.first, key.second, "waiting"}, sum.counts.waiting);
    text.sample({key.first, key.second, "settling"}, sum.counts.settling);
    text.sample({key.first, key.second, "dead_lettering"}, sum.counts.dead_lettering);
  }
  text.family("sluice_share_lag");
  for (const auto& [key, sum] : totals) text.sample({key.first, key.second}, sum.lag);
}

void write_queues(MetricsText& text, const BrokerView& view, const GroupTopics& topics) {
  text.family("sluice_consumergroup_lag_seconds");
  for (const auto& [key, sum] : topics)
    if (sum.lag_seconds) text.sample({key.first, key.second}, *sum.lag_seconds);
  write_shares(text, view);
  text.family("sluice_dead_letters");
  for (const TopicView& topic : view.topics)
    if (topic.dead_letters) text.sample({topic.topic->name}, totals_of(view, topic).records);
  text.family("sluice_dead_letters_oldest_seconds");
  for (const TopicView& topic : view.topics)
    if (topic.oldest_age_seconds) text.sample({topic.topic->name}, *topic.oldest_age_seconds);
  text.family("sluice_dead_letter_copies_total");
  text.sample({"copied"}, view.counters.dead_letters_copied);
  text.sample({"failed"}, view.counters.dead_letters_failed);
  text.sample({"vanished"}, view.counters.dead_letters_vanished);
  write_value(text, "sluice_schedules_pending", view.schedules_pending);
}

void write_process(MetricsText& text, const BrokerView& view, const ProcessFacts& process) {
  write_value(text, "process_cpu_seconds_total", process.cpu_seconds);
  write_value(text, "process_resident_memory_bytes", process.resident_bytes);
  if (process.open_fds) write_value(text, "process_open_fds", *process.open_fds);
  write_value(text, "process_max_fds", process.max_fds);
  write_value(text, "process_start_time_seconds", view.start_time_seconds);
}

}  // namespace

std::string prometheus_text(const BrokerView& view, const ProcessFacts& process) {
  MetricsText text;
  text.reserve(16'384 + 160 * view.partitions.size() + 640 * view.topics.size());
  write_value(text, "kafka_brokers", 1);
  text.family("kafka_broker_info");
  text.sample({NumberLabel(view.node_id), view.address}, 1);
  const GroupTopics topics = group_topics(view);
  write_exporter_topics(text, view);
  write_exporter_groups(text, view, topics);
  write_broker(text, view);
  write_requests(text, view);
  write_topics(text, view);
  write_queues(text, view, topics);
  write_process(text, view, process);
  return text.take();
}

}  // namespace sluice::broker
