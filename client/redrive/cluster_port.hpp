// The RedrivePort that speaks to a cluster, and the first reading of the progress topic.
// Internal: includes Asio; public headers do not include this.
#pragma once

#include "client/cluster.hpp"
#include "client/redrive/port.hpp"
#include "sluice/consumer.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace sluice::client {

// Reads a topic partition by partition, on a consumer of its own.
class TopicReader {
 public:
  // Errors: Errc::invalid_argument.
  static Result<TopicReader> create(const ClientOptions& options, std::string topic);

  Result<Consumer::Partitions> partitions() { return consumer_.partitions_of(topic_); }
  // First offsets, and where readers of committed records stand at the end.
  Result<Consumer::Offsets> starts(const Consumer::Partitions& partitions) {
    return consumer_.beginning_offsets(partitions);
  }
  Result<Consumer::Offsets> ends(const Consumer::Partitions& partitions) {
    return consumer_.end_offsets(partitions);
  }
  // As RedrivePort::read(). Errors: Errc::timed_out when nothing comes within the request timeout.
  Result<Consumer::Records> read(PartitionIndex partition, Offset from, Offset end,
                                 const Loop& loop);
  const std::string& topic() const { return topic_; }

 private:
  TopicReader(Consumer consumer, std::string topic, std::chrono::milliseconds patience)
      : consumer_(std::move(consumer)), topic_(std::move(topic)), patience_(patience) {}
  Result<> go_to(PartitionIndex partition, Offset from);

  Consumer consumer_;
  std::string topic_;
  std::chrono::milliseconds patience_;
  PartitionIndex partition_ = -1;  // that is assigned
  Offset position_ = -1;           // of the next poll
  Consumer::Records polled_;       // what the last poll gave, from where it was given out
};

class ClusterPort final : public RedrivePort {
 public:
  // Lifetime: `cluster` outlives this; its loop is not running inside a call.
  ClusterPort(Cluster& cluster, TopicReader& letters, std::string progress_topic)
      : cluster_(cluster), letters_(letters), progress_topic_(std::move(progress_topic)) {}

  Result<Consumer::Records> read(PartitionIndex partition, Offset from, Offset end) override {
    return letters_.read(partition, from, end, cluster_.loop());
  }
  Result<std::optional<std::int32_t>> partition_count(const std::string& topic) override;
  Result<Offset> end_offset(const TopicPartition& where) override;
  Result<> save(std::span<const SavedEntry> entries, ProducerId id, ProducerEpoch epoch,
                Sequence sequence) override;
  void send(std::span<RedriveBatch> batches) override;
  Result<std::optional<Offset>> find(const TopicPartition& where, Offset from, ProducerId id,
                                     ProducerEpoch epoch, Sequence sequence) override;
  TimePoint now() const override { return cluster_.now(); }
  void wait(std::chrono::milliseconds time) override;

 private:
  TimePoint deadline() const { return cluster_.now() + cluster_.options().request_timeout; }
  Task<Result<Offset>> end_of(TopicPartition where);
  Task<Result<>> send_all(std::span<RedriveBatch> batches);
  Task<Result<>> send_to(BrokerId leader, std::vector<RedriveBatch*> batches);
  Task<Result<std::optional<Offset>>> find_batch(TopicPartition where, Offset from, ProducerId id,
                                                 ProducerEpoch epoch, Sequence sequence);
  Task<Result<>> pause(std::chrono::milliseconds time);

  Cluster& cluster_;
  TopicReader& letters_;
  std::string progress_topic_;
};

// A new producer id. Errors: as those of a call; the broker's.
struct ProducerIdentity {
  ProducerId id = no_producer_id;
  ProducerEpoch epoch = no_producer_epoch;
};
Task<Result<ProducerIdentity>> new_identity(Cluster& cluster, TimePoint deadline);

}  // namespace sluice::client
