#include "client/producer_core.hpp"

#include "sluice/error.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

std::size_t size_estimate(const ProducerRecord& record) {
  std::size_t size =
      32 + (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
  for (const auto& header : record.headers)
    size += 10 + header.key.size() + (header.value ? header.value->size() : 0);
  return size + QueueHeaders::size_estimate(record);
}

}  // namespace

QueuedRecord::QueuedRecord(const ProducerRecord& record)
    : topic_(record.topic),
      partition_(record.partition),
      timestamp_ms_(record.timestamp_ms),
      deliver_at_ms_(record.deliver_at_ms),
      delay_(record.delay) {
  const auto add = [this](const std::optional<Bytes>& bytes) -> Part {
    if (!bytes) return {};
    bytes_.append(as_text(*bytes));
    return {bytes->size(), false};
  };
  bytes_.reserve(size_estimate(record));
  key_ = add(record.key);
  value_ = add(record.value);
  headers_.reserve(2 * record.headers.size());
  for (const auto& header : record.headers) {
    headers_.push_back(add(as_bytes(header.key)));
    headers_.push_back(add(header.value));
  }
  if (record.message_id) message_id_ = add(as_bytes(*record.message_id));
}

ProducerRecord QueuedRecord::view() const {
  std::size_t at = 0;
  const auto next = [&](const Part& part) -> std::optional<Bytes> {
    if (part.null) return std::nullopt;
    const auto text = std::string_view(bytes_).substr(at, part.size);
    at += part.size;
    return as_bytes(text);
  };
  ProducerRecord record{
      .topic = topic_, .partition = partition_, .key = next(key_), .value = next(value_)};
  views_.clear();
  for (std::size_t i = 0; i < headers_.size(); i += 2) {
    const auto name = next(headers_[i]);
    views_.push_back({as_text(*name), next(headers_[i + 1])});
  }
  record.headers = views_;
  record.timestamp_ms = timestamp_ms_;
  record.deliver_at_ms = deliver_at_ms_;
  record.delay = delay_;
  if (const auto id = next(message_id_)) record.message_id = as_text(*id);
  return record;
}

ProducerCore::ProducerCore(ProducerOptions options, std::unique_ptr<Cluster> cluster)
    : options_(std::move(options)),
      cluster_(std::move(cluster)),
      accumulator_({.batch_size = options_.batch_size,
                    .batch_size_max = options_.request_size_max,
                    .linger = options_.linger,
                    .buffer_memory = options_.buffer_memory,
                    .delivery_timeout = options_.delivery_timeout,
                    .codec = options_.codec,
                    .idempotent = options_.idempotent,
                    .in_flight_per_partition = options_.max_in_flight}),
      sender_(*cluster_, accumulator_,
              {options_.acks, options_.request_size_max, options_.max_in_flight}) {
  cluster_->set_auto_create(AutoCreate::yes);
  loop().call([this] { sender_.start(); });
}

ProducerCore::~ProducerCore() {
  if (stopped_) return;
  const auto stopped = loop().run(stop());
  static_cast<void>(stopped);
  if (loop().runs_here() && !loop().inside()) loop().poll();  // completions that stop() called for
}

Task<Result<>> ProducerCore::stop() {
  if (stopped_) co_return Result<>{};
  stopped_ = true;
  accumulator_.abandon({make_error_code(Errc::closed), "producer"});
  sender_.stop();
  sender_.report_rest();
  const auto drained = co_await cluster_->stop();
  accumulator_.abandon({make_error_code(Errc::closed), "producer"});
  sender_.report_rest();
  co_return drained;
}

// ---- Topics ----

void ProducerCore::add_queues(std::string_view name, Topic& topic) {
  const auto* info = cluster_->metadata().topic(name);
  if (!info) return;
  while (topic.queues.size() < info->partitions.size())
    topic.queues.push_back(accumulator_.add_queue(
        {std::string(name), static_cast<PartitionIndex>(topic.queues.size())}));
}

ProducerCore::Topic* ProducerCore::find_topic(std::string_view name) {
  if (sender_.take_metadata_change())
    for (auto& [known, topic] : topics_) add_queues(known, topic);
  if (last_topic_ && last_name_ == name) return last_topic_;
  const auto known = topics_.find(name);
  if (known == topics_.end()) return nullptr;
  last_name_ = name;
  return last_topic_ = &known->second;
}

Task<Result<ProducerCore::Topic*>> ProducerCore::topic(std::string name, TimePoint until) {
  if (Topic* known = find_topic(name)) co_return known;
  if (name.empty()) co_return fail(Errc::invalid_argument, "a record without a topic");
  const auto found = co_await cluster_->ensure_topic(name, until);
  if (!found) co_return std::unexpected(found.error());
  Topic& topic = topics_[name];
  add_queues(name, topic);
  co_return &topic;
}

// ---- Records ----

Result<PartitionIndex> ProducerCore::choose_partition(const ProducerRecord& record, Topic& topic,
                                                      std::size_t size) {
  const auto count = static_cast<std::int32_t>(topic.queues.size());
  if (!record.partition) {
    if (record.key) return partition_of_key(*record.key, count);
    return topic.sticky.next(count, size, options_.batch_size, cluster_->random());
  }
  if (*record.partition >= 0 && *record.partition < count) return *record.partition;
  return fail(Errc::unknown_topic,
              "no partition " + std::to_string(*record.partition) + " in topic '" +
                  std::string(record.topic) + "', which has " +
                  (count == 1 ? "only 0" : "0 to " + std::to_string(count - 1)));
}

Result<std::optional<ProducerCore::Sent>> ProducerCore::append(const ProducerRecord& record,
                                                               Topic& topic) {
  if (auto good = QueueHeaders::check(record); !good) return std::unexpected(good.error());
  const std::size_t size = size_estimate(record);
  if (size <= options_.buffer_memory && !accumulator_.has_room(size)) return std::nullopt;
  const auto partition = choose_partition(record, topic, size);
  if (!partition) return std::unexpected(partition.error());
  const std::int64_t timestamp =
      record.timestamp_ms ? *record.timestamp_ms : loop().clock().wall_ms();
  const QueueHeaders headers(record);
  const protocol::NewRecord encoded{
      .timestamp = timestamp, .key = record.key, .value = record.value, .headers = headers.all()};
  const auto queue = topic.queues[static_cast<std::size_t>(*partition)];
  auto appended = accumulator_.append(queue, encoded, loop().now());
  if (!appended) return std::unexpected(appended.error());
  if (appended->began_batch || appended->batch_ready) sender_.wake();
  return Sent{std::move(appended->outcome),
              {appended->index, *partition, timestamp},
              appended->batch_ready};
}

Result<std::optional<ProducerCore::Sent>> ProducerCore::try_send(const ProducerRecord& record) {
  if (stopped_) return fail(Errc::closed, "producer");
  Topic* topic = find_topic(record.topic);
  if (!topic) return std::nullopt;
  return append(record, *topic);
}

Task<Result<ProducerCore::Sent>> ProducerCore::send(const ProducerRecord& record, TimePoint until) {
  if (stopped_) co_return fail(Errc::closed, "producer");
  auto found = co_await topic(std::string(record.topic), until);
  if (!found) co_return std::unexpected(found.error());
  sender_.wake();
  for (;;) {
    auto sent = append(record, **found);
    if (!sent) co_return std::unexpected(sent.error());
    if (*sent) co_return std::move(**sent);
    if (stopped_) co_return fail(Errc::closed, "producer");
    if (cluster_->now() >= until) co_return fail(Errc::buffer_full, std::string(record.topic));
    co_await sender_.finished().wait(until);
  }
}

void ProducerCore::report(const Done<RecordMetadata>& done, const Error& error) {
  cluster_->host().complete([done, error] { done(std::unexpected(error)); });
}

void ProducerCore::post(std::unique_ptr<QueuedRecord> record, TimePoint until,
                        Done<RecordMetadata> done) {
  if (backlog_.empty()) {
    auto sent = try_send(record->view());
    if (!sent) return report(done, sent.error());
    if (*sent) return (*sent)->outcome->waiters.push_back({(*sent)->place, done});
  }
  if (backlog_bytes_ + record->size() > options_.buffer_memory)
    return report(done, {make_error_code(Errc::buffer_full), "records that wait for room"});
  backlog_bytes_ += record->size();
  backlog_.push_back({std::move(record), until, done});
  if (backlog_.size() == 1) cluster_->spawn(drain_backlog(this));
}

Task<> ProducerCore::drain_backlog(ProducerCore* self) {
  while (!self->backlog_.empty()) {
    Waiting& next = self->backlog_.front();
    const ProducerRecord view = next.record->view();
    const auto until = next.until;
    auto sent = co_await self->send(view, until);
    if (sent)
      sent->outcome->waiters.push_back({sent->place, next.done});
    else
      self->report(next.done, sent.error());
    self->backlog_bytes_ -= next.record->size();
    self->backlog_.pop_front();
  }
}

Task<Result<RecordMetadata>> ProducerCore::deliver(std::unique_ptr<QueuedRecord> record,
                                                   TimePoint until) {
  const ProducerRecord view = record->view();
  auto sent = co_await send(view, until);
  record.reset();
  if (!sent) co_return std::unexpected(sent.error());
  co_return co_await wait(sent->outcome, sent->place, TimePoint::max());
}

Task<Result<RecordMetadata>> ProducerCore::wait(std::shared_ptr<const BatchOutcome> outcome,
                                                RecordPlace place, TimePoint until) {
  sender_.wake();
  while (!outcome->done) {
    if (cluster_->now() >= until) co_return fail(Errc::timed_out, "delivery");
    co_await sender_.finished().wait(until);
  }
  co_return outcome->of(place);
}

Task<Result<>> ProducerCore::flush(TimePoint until) {
  if (stopped_) co_return fail(Errc::closed, "producer");
  accumulator_.begin_flush();
  sender_.wake();
  while (!accumulator_.idle() || !backlog_.empty()) {
    if (!backlog_.empty()) accumulator_.begin_flush();
    if (cluster_->now() >= until) co_return fail(Errc::timed_out, "flush");
    co_await sender_.finished().wait(until);
  }
  co_return Result<>{};
}

Task<Result<std::int32_t>> ProducerCore::partition_count(std::string name, TimePoint until) {
  if (stopped_) co_return fail(Errc::closed, "producer");
  const auto found = co_await topic(std::move(name), until);
  if (!found) co_return std::unexpected(found.error());
  co_return static_cast<std::int32_t>((*found)->queues.size());
}

Task<Result<>> ProducerCore::close(TimePoint until) {
  if (stopped_) co_return Result<>{};
  const auto flushed = co_await flush(until);
  const auto stopped = co_await stop();
  static_cast<void>(stopped);
  co_return flushed;
}

}  // namespace sluice::client
