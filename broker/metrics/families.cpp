#include "broker/metrics/families.hpp"

#include <array>

namespace sluice::broker {
namespace {

constexpr MetricType gauge = MetricType::gauge;
constexpr MetricType counter = MetricType::counter;
constexpr MetricType histogram = MetricType::histogram;

constexpr auto families = std::to_array<MetricFamily>({
    // Names of kafka_exporter, so that its dashboards work.
    {"kafka_brokers", gauge, "", "Brokers of the cluster: always 1."},
    {"kafka_broker_info", gauge, "id,address", "1; who the broker is."},
    {"kafka_topic_partitions", gauge, "topic", "Partitions of the topic."},
    {"kafka_topic_partition_current_offset", gauge, "topic,partition",
     "End of what is durable and may be read."},
    {"kafka_topic_partition_oldest_offset", gauge, "topic,partition",
     "First offset that is still there."},
    {"kafka_consumergroup_members", gauge, "consumergroup", "Members of the group."},
    {"kafka_consumergroup_current_offset", gauge, "consumergroup,topic,partition",
     "Offset that the group has committed."},
    {"kafka_consumergroup_lag", gauge, "consumergroup,topic,partition",
     "Records between the committed offset and the end."},
    {"kafka_consumergroup_current_offset_sum", gauge, "consumergroup,topic",
     "Committed offsets of the topic's partitions, added up."},
    {"kafka_consumergroup_lag_sum", gauge, "consumergroup,topic",
     "Lag of the topic's partitions, added up."},

    // The broker
    {"sluice_build_info", gauge, "version", "1; the version that runs."},
    {"sluice_ready", gauge, "", "1 once logs are recovered; 0 while the broker starts or stops."},
    {"sluice_recovery_seconds", gauge, "", "How long the last start took, recovery included."},
    {"sluice_io_backend_info", gauge, "backend,reason", "1; how the disk is reached, and why so."},
    {"sluice_shards", gauge, "", "Threads that serve, each with its own partitions."},
    {"sluice_disk_free_bytes", gauge, "", "Free space where the data directory is."},
    {"sluice_disk_total_bytes", gauge, "", "Size of the file system of the data directory."},
    {"sluice_disk_alarm", gauge, "",
     "1 while producers are refused: less than sluice.disk.reserve.bytes is free, or "
     "sluice.disk.max.bytes is reached."},
    {"sluice_disk_max_bytes", gauge, "",
     "sluice.disk.max.bytes; this and the next three only where it is set."},
    {"sluice_disk_used_bytes", gauge, "", "Bytes of records of all topics, as of the last second."},
    {"sluice_disk_max_alarm", gauge, "", "1 from 90 % of sluice.disk.max.bytes on."},
    {"sluice_disk_max_deleted_bytes_total", counter, "",
     "Bytes deleted to stay below sluice.disk.max.bytes."},
    {"sluice_cache_bytes", gauge, "", "Memory that holds records written lately."},
    {"sluice_connections", gauge, "", "Connections of Kafka clients that are open."},
    {"sluice_connections_accepted_total", counter, "", "Connections of Kafka clients accepted."},
    {"sluice_rejected_total", counter, "reason",
     "Connections and requests that were refused by closing the connection."},

    // Requests and commits
    {"sluice_request_duration_seconds", histogram, "api",
     "From a whole request in memory to its reply ready to be sent; Fetch, JoinGroup and SyncGroup "
     "wait by design."},
    {"sluice_request_errors_total", counter, "api,error",
     "Error codes in replies, those of single partitions too."},
    {"sluice_slow_requests_total", counter, "",
     "Requests that took at least sluice.slow.request.ms."},
    {"sluice_commit_duration_seconds", histogram, "",
     "A write given to the disk until it is durable there."},
    {"sluice_commit_size_bytes", histogram, "",
     "Bytes of a durable write: all batches that shared it."},

    // Partitions and topics
    {"sluice_partitions", gauge, "state",
     "Partitions that are open, that could not be opened, and that take no records (faulted)."},
    {"sluice_topic_produced_records_total", counter, "topic",
     "Records appended since the partition was opened."},
    {"sluice_topic_produced_bytes_total", counter, "topic", "Bytes appended, as stored."},
    {"sluice_topic_fetched_records_total", counter, "topic",
     "Offsets passed by fetches: more than records where compaction left gaps."},
    {"sluice_topic_fetched_bytes_total", counter, "topic", "Bytes given to fetches."},
    {"sluice_topic_size_bytes", gauge, "topic", "Bytes of records in all segments."},
    {"sluice_topic_segments", gauge, "topic", "Segment files."},
    {"sluice_topic_not_durable_records", gauge, "topic",
     "Records that were accepted and are not on disk yet."},

    // Groups, queues, schedules
    {"sluice_consumergroup_lag_seconds", gauge, "consumergroup,topic",
     "Age of the oldest record that the group has not consumed, by its timestamp; absent while it "
     "is "
     "not known."},
    {"sluice_share_records", gauge, "group,topic,state",
     "Records of a share group that are acquired, waiting for their time, settling or "
     "dead_lettering."},
    {"sluice_share_lag", gauge, "group,topic", "Records that the share group has not finished."},
    {"sluice_dead_letters", gauge, "topic", "Records in the dead-letter topic."},
    {"sluice_dead_letters_oldest_seconds", gauge, "topic",
     "Age of the oldest record in the dead-letter topic, by its timestamp."},
    {"sluice_dead_letter_copies_total", counter, "result",
     "Records of share groups copied to dead-letter topics; attempts that failed; records that "
     "were "
     "deleted before they were copied."},
    {"sluice_schedules_pending", gauge, "", "Records that wait for their time."},

    // The process: the names that Prometheus client libraries use.
    {"process_cpu_seconds_total", counter, "", "Processor time, user and system."},
    {"process_resident_memory_bytes", gauge, "", "Memory that is resident."},
    {"process_open_fds", gauge, "", "Open file descriptors."},
    {"process_max_fds", gauge, "", "Most file descriptors that may be open."},
    {"process_start_time_seconds", gauge, "", "When the broker was started, seconds of the epoch."},
});

}  // namespace

std::string_view to_string(MetricType type) {
  switch (type) {
    case MetricType::counter:
      return "counter";
    case MetricType::histogram:
      return "histogram";
    case MetricType::gauge:
      break;
  }
  return "gauge";
}

std::span<const MetricFamily> metric_families() { return families; }

}  // namespace sluice::broker
