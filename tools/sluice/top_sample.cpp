#include "tools/sluice/top_sample.hpp"

#include "tools/sluice/group_details.hpp"
#include "tools/sluice/http_get.hpp"
#include "tools/sluice/readiness.hpp"
#include "tools/sluice/text.hpp"
#include "tools/sluice/topic_names.hpp"

#include <boost/json.hpp>

#include <chrono>

namespace sluice::cli {
namespace {

namespace bj = boost::json;
using Clock = std::chrono::steady_clock;

double seconds_now() {
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

void add_topics(Admin& admin, const std::vector<TopicInfo>& topics, TopSample& sample) {
  if (topics.empty()) return;
  const auto first = admin.offsets(every_partition(topics, OffsetSpec::earliest));
  const auto last = admin.offsets(every_partition(topics, OffsetSpec::latest));
  const auto sizes = admin.sizes();
  for (const auto& topic : topics) {
    auto& row = sample.topics.emplace_back();
    row.name = topic.name;
    for (const auto& info : topic.partitions) {
      const TopicPartition where{topic.name, info.partition};
      auto& partition = row.partitions.emplace_back();
      partition.topic = topic.name;
      partition.partition = info.partition;
      if (first && first->contains(where)) partition.start = first->at(where).offset;
      if (last && last->contains(where)) partition.end = last->at(where).offset;
      if (sizes && sizes->contains(where)) partition.bytes = sizes->at(where);
    }
  }
}

void add_disks(Admin& admin, TopSample& sample) {
  const auto directories = admin.log_directories();
  if (!directories) return;
  for (const auto& directory : *directories) {
    if (!known(directory.total_bytes) || !known(directory.free_bytes)) continue;
    sample.disk_total = sample.disk_total.value_or(0) + directory.total_bytes;
    sample.disk_free = sample.disk_free.value_or(0) + directory.free_bytes;
  }
}

void add_groups(Admin& admin, const Global& global, LagSeconds seconds, TopSample& sample) {
  const auto groups = admin.groups();
  if (!groups) return;
  for (const auto& listed : *groups) {
    if (listed.type == "share") {
      const auto queue = admin.describe_queue(listed.id, {}, 0);
      if (!queue) continue;  // only a sluiced tells
      for (const auto& partition : *queue)
        sample.in_flight = sample.in_flight.value_or(0) + partition.acquired;
      continue;
    }
    const auto details = group_details(admin, global, listed.id, seconds);
    if (!details) continue;  // it ended meanwhile
    const auto total = details->total();
    auto& row = sample.groups.emplace_back();
    row.name = listed.id;
    row.state = details->description.state;
    row.members = static_cast<std::int64_t>(details->description.members.size());
    row.lag = total.records;
    row.lag_seconds = total.seconds;
    for (const auto& partition : details->rows)
      row.partitions.push_back({.topic = partition.where.topic,
                                .partition = partition.where.partition,
                                .end = partition.end.value_or(0),
                                .committed = partition.committed});
  }
}

// Fields of JSON that may be missing: an older or a newer sluiced.
std::optional<double> number(const bj::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}
std::optional<std::int64_t> whole(const bj::object& object, std::string_view name) {
  constexpr std::int64_t exact_max = std::int64_t{1} << 53;  // of a double; sums of them stay whole
  const auto found = number(object, name);
  return found ? std::optional(whole_units(*found, exact_max)) : std::nullopt;
}
std::string text(const bj::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}
// Calls `visit` with each object of an array.
void each(const bj::object& object, std::string_view name, auto visit) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_array()) return;
  for (const auto& element : value->get_array())
    if (element.is_object()) visit(element.get_object());
}

Result<bj::object> object_of(std::string_view text, std::string_view name) {
  boost::system::error_code failed;
  auto value = bj::parse(bj::string_view(text.data(), text.size()), failed);
  if (failed || !value.is_object())
    return fail(Errc::malformed_response, std::string(name) + " is no JSON object");
  return std::move(value.get_object());
}

TopPartition partition_of(const bj::object& row, std::string topic) {
  return {.topic = std::move(topic),
          .partition = static_cast<std::int32_t>(whole(row, "partition").value_or(0)),
          .start = whole(row, "log_start_offset").value_or(0),
          .end = whole(row, "high_watermark").value_or(0),
          .bytes = whole(row, "size_bytes").value_or(0),
          .committed = whole(row, "committed")};
}

}  // namespace

Result<TopSample> sample_cluster(Admin& admin, const Global& global, LagSeconds seconds) {
  TopSample sample;
  const auto began = Clock::now();
  const auto info = admin.cluster();
  if (!info) return std::unexpected(info.error());
  sample.latency_ms = std::chrono::duration<double, std::milli>(Clock::now() - began).count();
  sample.cluster = info->id;
  sample.brokers = info->brokers.size();
  auto topics = admin.topics();
  if (!topics) return std::unexpected(topics.error());
  std::erase_if(*topics, [](const auto& topic) { return topic.internal; });
  sample.seconds = seconds_now();
  add_topics(admin, *topics, sample);
  add_disks(admin, sample);
  add_groups(admin, global, seconds, sample);
  return sample;
}

Result<TopSample> sample_of(const TopPages& pages) {
  TopSample sample{.brokers = 1};
  const auto status = object_of(pages.status, "/v1/status");
  if (!status) return std::unexpected(status.error());
  const auto topics = object_of(pages.topics, "/v1/topics");
  if (!topics) return std::unexpected(topics.error());
  const auto groups = object_of(pages.groups, "/v1/groups");
  if (!groups) return std::unexpected(groups.error());
  sample.cluster = text(*status, "cluster_id");
  sample.connections = whole(*status, "connections");
  if (const auto* disk = status->if_contains("disk"); disk != nullptr && disk->is_object()) {
    sample.disk_total = whole(disk->get_object(), "total_bytes");
    sample.disk_free = whole(disk->get_object(), "free_bytes");
  }
  each(*topics, "topics", [&](const bj::object& topic) {
    const auto* internal = topic.if_contains("internal");
    if (internal != nullptr && internal->is_bool() && internal->get_bool()) return;
    auto& row = sample.topics.emplace_back();
    row.name = text(topic, "topic");
    each(topic, "partitions", [&](const bj::object& partition) {
      row.partitions.push_back(partition_of(partition, row.name));
    });
  });
  each(*groups, "groups", [&](const bj::object& group) {
    auto& row = sample.groups.emplace_back();
    row.name = text(group, "group");
    row.state = text(group, "state");
    row.members = whole(group, "members").value_or(0);
    row.lag = whole(group, "lag").value_or(0);
    row.lag_seconds = number(group, "lag_seconds");
    each(group, "partitions", [&](const bj::object& partition) {
      row.partitions.push_back(partition_of(partition, text(partition, "topic")));
    });
  });
  return sample;
}

Result<TopSample> sample_http(const Global& global) {
  const auto get = [&](const char* path) { return http_get(global.http, path, global.timeout()); };
  const auto began = Clock::now();
  const auto status = get("/v1/status");
  if (!status) return std::unexpected(status.error());
  const auto answered = Clock::now();
  const auto topics = get("/v1/topics");
  if (!topics) return std::unexpected(topics.error());
  const auto groups = get("/v1/groups");
  if (!groups) return std::unexpected(groups.error());
  auto sample = sample_of({.status = *status, .topics = *topics, .groups = *groups});
  if (!sample) return fail(sample.error().code, global.http + sample.error().context);
  sample->latency_ms = std::chrono::duration<double, std::milli>(answered - began).count();
  sample->seconds = seconds_now();
  return sample;
}

}  // namespace sluice::cli
