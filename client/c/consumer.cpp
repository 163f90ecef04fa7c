// The C interface: consumers.
#include "client/c/handles.hpp"

#include <memory>
#include <utility>

using namespace sluice::c;

namespace {

const void* data_of(const std::optional<sluice::Bytes>& bytes, std::size_t* size) {
  if (size) *size = bytes ? bytes->size() : 0;
  if (!bytes) return nullptr;
  return bytes->data() ? static_cast<const void*>(bytes->data()) : "";
}

// Commits when it is time. All records of the last poll have been given out.
void commit_if_due(sluice_consumer& consumer) {
  const auto now = sluice::SystemClock{}.now();
  if (!consumer.commit_interval || consumer.polled.empty() || now < consumer.next_commit) return;
  consumer.next_commit = now + *consumer.commit_interval;
  consumer.consumer->commit_later();
}

void received(void* context, sluice::Result<sluice::Consumer::Records> records) {
  auto& consumer = *static_cast<sluice_consumer*>(context);
  consumer.asking = false;
  consumer.answer = std::move(records);
}

// Asks for the next records; the answer makes the descriptor readable, and comes in
// Runtime::poll().
void ask(sluice_consumer& consumer) {
  commit_if_due(consumer);
  consumer.next = 0;
  consumer.records = {};
  consumer.asking = true;
  const sluice::Done<sluice::Consumer::Records> done{&received, &consumer};
  consumer.consumer->poll(done, sluice::Deadline::in(std::chrono::hours(1)));
}

// What was lost to others is not ours to commit.
void forget_revoked(sluice_consumer& consumer) {
  if (const auto change = consumer.consumer->take_rebalance())
    for (const auto& lost : change->revoked) consumer.polled.erase(lost);
}

}  // namespace

extern "C" {

int sluice_consumer_open(sluice_broker* broker, const char* settings, sluice_consumer** consumer) {
  *consumer = std::make_unique<sluice_consumer>().release();
  sluice::ConsumerOptions options;
  options.client = broker->client;
  const auto read = read_settings(options, text_or_nothing(settings));
  if (!read) return done((*consumer)->error, read);
  auto runtime = sluice::Runtime::create({.deliver = sluice::Deliver::on_poll});
  if (!runtime) return done((*consumer)->error, runtime);
  (*consumer)->runtime = std::move(*runtime);
  options.client.host = (*consumer)->runtime->host();
  options.client = broker->connect(std::move(options.client));
  // Only what the program was given may be committed: that is known here.
  if (std::exchange(options.auto_commit, false))
    (*consumer)->commit_interval = options.auto_commit_interval;
  auto made = sluice::Consumer::create(std::move(options));
  if (made) (*consumer)->consumer = std::move(*made);
  return done((*consumer)->error, made);
}

const char* sluice_consumer_error(const sluice_consumer* consumer) {
  return consumer->error.c_str();
}

void sluice_consumer_close(sluice_consumer* consumer) {
  const std::unique_ptr<sluice_consumer> owned(consumer);
  if (!owned || !owned->consumer) return;
  if (owned->commit_interval && !owned->polled.empty())
    static_cast<void>(owned->consumer->commit(owned->polled));
  static_cast<void>(owned->consumer->close());
}

int sluice_subscribe(sluice_consumer* consumer, const char* topics) {
  if (!consumer->consumer) return closed(consumer->error);
  return done(consumer->error, consumer->consumer->subscribe(split(text_or_nothing(topics))));
}

int sluice_assign(sluice_consumer* consumer, const char* topics, int timeout_ms) {
  if (!consumer->consumer) return closed(consumer->error);
  const auto until = deadline(timeout_ms);
  sluice::Consumer::Partitions partitions;
  for (const auto& topic : split(text_or_nothing(topics))) {
    const auto more = consumer->consumer->partitions_of(topic, until);
    if (!more) return done(consumer->error, more);
    partitions.insert(partitions.end(), more->begin(), more->end());
  }
  return done(consumer->error, consumer->consumer->assign(std::move(partitions), until));
}

int sluice_poll(sluice_consumer* consumer) {
  if (!consumer->consumer) return closed(consumer->error);
  if (consumer->next == consumer->records.size()) {
    if (!consumer->asking && !consumer->answer) ask(*consumer);
    consumer->runtime->poll();
    forget_revoked(*consumer);
    const auto answer = std::exchange(consumer->answer, std::nullopt);
    if (!answer) return 0;
    if (const int code = done(consumer->error, *answer); code < 0) return code;
    consumer->records = **answer;
    if (consumer->records.empty()) return 0;
  }
  const auto& record = consumer->records[consumer->next++];
  if (consumer->topic != record.topic) consumer->topic = record.topic;
  consumer->polled[{consumer->topic, record.partition}] = record.offset + 1;
  return 1;
}

int sluice_descriptor(const sluice_consumer* consumer) {
  return consumer->runtime ? consumer->runtime->descriptor() : -1;
}

int sluice_commit(sluice_consumer* consumer, int timeout_ms) {
  if (!consumer->consumer) return closed(consumer->error);
  return done(consumer->error, consumer->consumer->commit(consumer->polled, deadline(timeout_ms)));
}

const char* sluice_record_topic(const sluice_consumer* consumer) { return consumer->topic.c_str(); }
int32_t sluice_record_partition(const sluice_consumer* consumer) {
  return consumer->current().partition;
}
int64_t sluice_record_offset(const sluice_consumer* consumer) { return consumer->current().offset; }
int64_t sluice_record_timestamp(const sluice_consumer* consumer) {
  return consumer->current().timestamp_ms;
}
const void* sluice_record_key(const sluice_consumer* consumer, size_t* size) {
  return data_of(consumer->current().key, size);
}
const void* sluice_record_value(const sluice_consumer* consumer, size_t* size) {
  return data_of(consumer->current().value, size);
}
const void* sluice_record_header(const sluice_consumer* consumer, const char* name, size_t* size) {
  std::optional<sluice::Bytes> value;
  for (const auto& header : consumer->current().headers)
    if (header.key == name) value = header.value;
  return data_of(value, size);
}

}  // extern "C"
