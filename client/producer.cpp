#include "client/producer.hpp"

#include "client/accumulator.hpp"
#include "client/cluster.hpp"
#include "client/partitioner.hpp"
#include "client/sender.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice::client {
namespace {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

struct Topic {
  std::vector<Accumulator::QueueId> queues;  // by partition
  StickyPartition sticky;
};

std::size_t size_estimate(const ProducerRecord& record) {
  std::size_t size =
      32 + (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
  for (const auto& header : record.headers)
    size += 10 + header.key.size() + (header.value ? header.value->size() : 0);
  return size;
}

TimePoint now() { return SystemClock{}.now(); }

}  // namespace

bool Delivery::done() const { return batch_ && batch_->done; }

Result<RecordMetadata> Delivery::result() const {
  if (!done()) return fail(Errc::timed_out, "the record is still on its way");
  if (batch_->error.code) return std::unexpected(batch_->error);
  RecordMetadata metadata{.partition = partition_, .timestamp_ms = timestamp_ms_};
  if (batch_->base_offset >= 0) metadata.offset = batch_->base_offset + index_;
  if (batch_->append_time_ms >= 0) metadata.timestamp_ms = batch_->append_time_ms;
  return metadata;
}

class Producer::Impl {
 public:
  Impl(ProducerOptions options, std::unique_ptr<Loop> loop, std::unique_ptr<Cluster> cluster)
      : options_(std::move(options)),
        loop_(std::move(loop)),
        cluster_(std::move(cluster)),
        accumulator_({.batch_size = options_.batch_size,
                      .batch_size_max = options_.request_size_max,
                      .linger = options_.linger,
                      .buffer_memory = options_.buffer_memory,
                      .delivery_timeout = options_.delivery_timeout,
                      .codec = options_.codec,
                      .idempotent = options_.idempotent}),
        sender_(*cluster_, accumulator_, {options_.acks, options_.request_size_max}) {
    cluster_->set_auto_create(AutoCreate::yes);
    sender_.start();
  }
  ~Impl() { stop(); }

  Result<Delivery> send(const ProducerRecord& record, Deadline deadline);
  Result<> wait_until_done(const BatchOutcome& batch, TimePoint until);
  Result<> flush(TimePoint until);
  void poll() {
    sender_.wake();
    loop_->poll();
  }
  Result<Topic*> topic(std::string_view name, TimePoint until);
  void stop() {
    if (stopped_) return;
    stopped_ = true;
    sender_.stop();
    cluster_->close();
    loop_->drain();
    accumulator_.abandon({make_error_code(Errc::closed), "producer"});
  }

  const ProducerOptions& options() const { return options_; }
  bool stopped() const { return stopped_; }

 private:
  friend class Producer;
  void add_queues(std::string_view name, Topic& topic);

  ProducerOptions options_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Cluster> cluster_;
  Accumulator accumulator_;
  Sender sender_;
  std::unordered_map<std::string, Topic, TextHash, std::equal_to<>> topics_;
  bool stopped_ = false;
};

void Producer::Impl::add_queues(std::string_view name, Topic& topic) {
  const auto* info = cluster_->metadata().topic(name);
  if (!info) return;
  while (topic.queues.size() < info->partitions.size())
    topic.queues.push_back(accumulator_.add_queue(
        {std::string(name), static_cast<PartitionIndex>(topic.queues.size())}));
}

Result<Topic*> Producer::Impl::topic(std::string_view name, TimePoint until) {
  const auto known = topics_.find(name);
  if (known != topics_.end()) {
    if (sender_.take_metadata_change())
      for (auto& [topic_name, topic] : topics_) add_queues(topic_name, topic);
    return &known->second;
  }
  if (name.empty()) return fail(Errc::invalid_argument, "a record without a topic");
  const auto found = loop_->run(cluster_->ensure_topic(std::string(name), until));
  if (!found) return std::unexpected(found.error());
  Topic& topic = topics_[std::string(name)];
  add_queues(name, topic);
  return &topic;
}

Result<Delivery> Producer::Impl::send(const ProducerRecord& record, Deadline deadline) {
  if (stopped_) return fail(Errc::closed, "producer");
  TimePoint until = deadline.or_after(options_.client.request_timeout);
  const auto found = topic(record.topic, until);
  if (!found) return std::unexpected(found.error());
  Topic& topic = **found;
  const auto count = static_cast<std::int32_t>(topic.queues.size());
  const std::size_t size = size_estimate(record);
  Delivery delivery;
  if (record.partition) {
    delivery.partition_ = *record.partition;
    if (*record.partition < 0 || *record.partition >= count)
      return fail(Errc::invalid_argument, "topic " + std::string(record.topic) + " has " +
                                              std::to_string(count) + " partitions, no number " +
                                              std::to_string(*record.partition));
  } else if (record.key) {
    delivery.partition_ = partition_of_key(*record.key, count);
  } else {
    delivery.partition_ = topic.sticky.next(count, size, options_.batch_size, cluster_->random());
  }
  if (!accumulator_.has_room(size + protocol::batch_header_size)) {
    sender_.wake();
    loop_->run_until([&] { return accumulator_.has_room(size + protocol::batch_header_size); },
                     until);
  }
  delivery.timestamp_ms_ = record.timestamp_ms.value_or(-1);
  if (!record.timestamp_ms) delivery.timestamp_ms_ = SystemClock{}.wall_ms();
  const protocol::NewRecord encoded{.timestamp = delivery.timestamp_ms_,
                                    .key = record.key,
                                    .value = record.value,
                                    .headers = record.headers};
  const auto queue = topic.queues[static_cast<std::size_t>(delivery.partition_)];
  auto appended = accumulator_.append(queue, encoded, now());
  if (!appended) return std::unexpected(appended.error());
  delivery.batch_ = std::move(appended->outcome);
  delivery.index_ = appended->index;
  if (appended->batch_ready) poll();
  return delivery;
}

Result<> Producer::Impl::wait_until_done(const BatchOutcome& batch, TimePoint until) {
  sender_.wake();
  if (!loop_->run_until([&] { return batch.done; }, until))
    return fail(Errc::timed_out, "delivery");
  return {};
}

Result<> Producer::Impl::flush(TimePoint until) {
  accumulator_.begin_flush();
  sender_.wake();
  if (!loop_->run_until([&] { return accumulator_.idle(); }, until))
    return fail(Errc::timed_out, "flush");
  return {};
}

// ---- The public face ----

Producer::Producer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Producer::~Producer() = default;
Producer::Producer(Producer&&) noexcept = default;
Producer& Producer::operator=(Producer&&) noexcept = default;

Result<Producer> Producer::create(ProducerOptions options) {
  if (options.acks != Acks::all) options.idempotent = false;
  if (options.batch_size > options.request_size_max) options.batch_size = options.request_size_max;
  auto loop = std::make_unique<Loop>();
  auto cluster = Cluster::create(*loop, options.client);
  if (!cluster) return std::unexpected(cluster.error());
  return Producer(std::make_unique<Impl>(std::move(options), std::move(loop), std::move(*cluster)));
}

Result<Delivery> Producer::send(const ProducerRecord& record, Deadline deadline) {
  return impl_->send(record, deadline);
}

Result<RecordMetadata> Producer::wait(const Delivery& delivery, Deadline deadline) {
  if (!delivery.batch_) return fail(Errc::invalid_argument, "an empty delivery");
  if (!delivery.done()) {
    const auto waited = impl_->wait_until_done(
        *delivery.batch_, deadline.or_after(impl_->options().delivery_timeout));
    if (!waited) return std::unexpected(waited.error());
  }
  return delivery.result();
}

Result<> Producer::flush(Deadline deadline) {
  if (impl_->stopped()) return fail(Errc::closed, "producer");
  return impl_->flush(deadline.or_after(impl_->options().delivery_timeout));
}

void Producer::poll() {
  if (!impl_->stopped()) impl_->poll();
}

Result<std::int32_t> Producer::partition_count(std::string_view topic, Deadline deadline) {
  if (impl_->stopped()) return fail(Errc::closed, "producer");
  const auto found =
      impl_->topic(topic, deadline.or_after(impl_->options().client.request_timeout));
  if (!found) return std::unexpected(found.error());
  return static_cast<std::int32_t>((*found)->queues.size());
}

Result<> Producer::close(Deadline deadline) {
  if (impl_->stopped()) return {};
  auto flushed = impl_->flush(deadline.or_after(impl_->options().delivery_timeout));
  impl_->stop();
  return flushed;
}

}  // namespace sluice::client
