// What is behind a Producer: topics to queues, records to batches, batches to the sender.
// Everything here belongs to the loop, unless it says "from any thread".
// Internal: includes Asio; public headers only forward-declare this.
#pragma once

#include "client/accumulator.hpp"
#include "client/cluster.hpp"
#include "client/partitioner.hpp"
#include "client/queue_headers.hpp"
#include "client/sender.hpp"
#include "sluice/producer.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::client {

// A record that owns its bytes, for sends that are not waited for.
struct QueuedRecord {
  explicit QueuedRecord(const ProducerRecord& record);
  // Lifetime: of *this.
  ProducerRecord view() const;
  std::size_t size() const { return sizeof *this + topic_.size() + bytes_.size(); }

 private:
  struct Part {
    std::size_t size = 0;
    bool null = true;
  };
  std::string topic_;
  std::string bytes_;  // key, value, then names and values of headers
  Part key_;
  Part value_;
  std::vector<Part> headers_;  // name and value in turn
  Part message_id_;
  mutable std::vector<Header> views_;
  std::optional<PartitionIndex> partition_;
  std::optional<std::int64_t> timestamp_ms_;
  std::optional<std::int64_t> deliver_at_ms_;
  std::optional<std::chrono::milliseconds> delay_;
};

class ProducerCore {
 public:
  ProducerCore(ProducerOptions options, std::unique_ptr<Cluster> cluster);
  ~ProducerCore();

  // From any thread.
  Loop& loop() { return cluster_->loop(); }
  Cluster& cluster() { return *cluster_; }
  const ProducerOptions& options() const { return options_; }
  TimePoint until(const Deadline& deadline) const {
    return deadline.or_after(options_.client.request_timeout);
  }
  bool stopped() const { return stopped_; }
  // On the loop.
  bool has_backlog() const { return !backlog_.empty(); }

  struct Sent {
    std::shared_ptr<BatchOutcome> outcome;
    RecordPlace place;
    bool batch_ready = false;  // something can be sent at once
  };
  // Puts a record into its batch if that needs no waiting; empty: use send().
  Result<std::optional<Sent>> try_send(const ProducerRecord& record);
  // The same, and waits for metadata and for room. `record` lives until the task ends.
  Task<Result<Sent>> send(const ProducerRecord& record, TimePoint until);
  // Sends without waiting, and reports. Records that find no room or no metadata wait in order.
  void post(std::unique_ptr<QueuedRecord> record, TimePoint until, Done<RecordMetadata> done);
  Task<Result<RecordMetadata>> deliver(std::unique_ptr<QueuedRecord> record, TimePoint until);
  Task<Result<RecordMetadata>> wait(std::shared_ptr<const BatchOutcome> outcome, RecordPlace place,
                                    TimePoint until);
  Task<Result<>> flush(TimePoint until);
  Task<Result<std::int32_t>> partition_count(std::string topic, TimePoint until);
  Task<Result<>> close(TimePoint until);
  // Gives up what was not flushed, and waits until nothing runs any more. Idempotent.
  Task<Result<>> stop();

 private:
  struct Topic {
    std::vector<Accumulator::QueueId> queues;  // by partition
    StickyPartition sticky;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  // Null when the topic is not known yet.
  Topic* find_topic(std::string_view name);
  Task<Result<Topic*>> topic(std::string name, TimePoint until);
  void add_queues(std::string_view name, Topic& topic);
  // Errors: Errc::invalid_argument for a partition that the topic has not.
  Result<PartitionIndex> choose_partition(const ProducerRecord& record, Topic& topic,
                                          std::size_t size);
  // Empty: the buffer is full.
  Result<std::optional<Sent>> append(const ProducerRecord& record, Topic& topic);

  struct Waiting {
    std::unique_ptr<QueuedRecord> record;
    TimePoint until;
    Done<RecordMetadata> done;
  };
  void report(const Done<RecordMetadata>& done, const Error& error);
  static Task<> drain_backlog(ProducerCore* self);

  ProducerOptions options_;
  std::unique_ptr<Cluster> cluster_;
  Accumulator accumulator_;
  Sender sender_;
  std::unordered_map<std::string, Topic, TextHash, std::equal_to<>> topics_;
  // The topic of the last record: most programs write many records to one.
  std::string last_name_;
  Topic* last_topic_ = nullptr;
  std::deque<Waiting> backlog_;  // taken out by drain_backlog(), which runs while there is any
  std::size_t backlog_bytes_ = 0;
  bool stopped_ = false;
};

}  // namespace sluice::client
