// librdkafka's C API with the same settings.
#include "bench/client/measure.hpp"

#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <librdkafka/rdkafka.h>
#include <string>
#include <utility>

namespace sluice::bench {
namespace {

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "librdkafka: %s\n", what);
  std::exit(1);
}

using Setting = std::pair<const char*, const char*>;

rd_kafka_t* make(rd_kafka_type_t type, const Work& work, void* opaque,
                 std::initializer_list<Setting> settings) {
  char why[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", work.brokers.c_str(), why, sizeof why);
  for (const auto& [name, value] : settings)
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) give_up(why);
  rd_kafka_conf_set_opaque(conf, opaque);
  if (type == RD_KAFKA_PRODUCER)
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* m, void* given) {
      if (m->err) give_up(rd_kafka_err2str(m->err));
      if (m->_private == nullptr) return;
      const auto took = SteadyClock::now() - *static_cast<SteadyClock::time_point*>(m->_private);
      static_cast<Figures*>(given)->delays.push_back(static_cast<std::uint32_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
    });
  rd_kafka_t* client = rd_kafka_new(type, conf, why, sizeof why);
  if (client == nullptr) give_up(why);
  return client;
}

}  // namespace

Figures produce_rdkafka(const Work& work) {
  Figures figures{.records = work.records};
  const std::string batch = std::to_string(work.batch_bytes);
  rd_kafka_t* producer = make(RD_KAFKA_PRODUCER, work, &figures,
                              {{"linger.ms", "5"},
                               {"max.in.flight.requests.per.connection", "5"},
                               {"batch.size", batch.c_str()},
                               {"batch.num.messages", "100000"},
                               {"acks", "all"},
                               {"enable.idempotence", work.idempotent ? "true" : "false"},
                               {"queue.buffering.max.kbytes", "32768"},
                               {"queue.buffering.max.messages", "1000000"}});
  rd_kafka_topic_t* topic = rd_kafka_topic_new(producer, work.topic.c_str(), nullptr);
  const struct rd_kafka_metadata* metadata = nullptr;
  if (rd_kafka_metadata(producer, 0, topic, &metadata, 10'000) != RD_KAFKA_RESP_ERR_NO_ERROR)
    give_up("metadata");
  rd_kafka_metadata_destroy(metadata);
  std::vector<char> value(work.record_bytes, 'v');
  std::vector<SteadyClock::time_point> samples(work.rate > 0 ? work.records : 0);
  figures.delays.reserve(samples.size());
  Stopwatch watch;
  for (std::uint64_t i = 0; i < work.records; ++i) {
    void* sample = nullptr;
    if (work.rate > 0) {
      const double due = static_cast<double>(i) / static_cast<double>(work.rate);
      while (watch.seconds() < due) rd_kafka_poll(producer, 0);
      samples[i] = SteadyClock::now();
      sample = &samples[i];
    }
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value.data(),
                            value.size(), nullptr, 0, sample) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) give_up("produce");
      rd_kafka_poll(producer, 10);
    }
    if (i % 1000 == 0) rd_kafka_poll(producer, 0);
  }
  if (rd_kafka_flush(producer, 60'000) != RD_KAFKA_RESP_ERR_NO_ERROR) give_up("flush");
  watch.stop(figures);
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(producer);
  return figures;
}

Figures consume_rdkafka(const Work& work) {
  Figures figures;
  rd_kafka_t* consumer = make(RD_KAFKA_CONSUMER, work, nullptr,
                              {{"group.id", "bench"},
                               {"enable.auto.commit", "false"},
                               {"check.crcs", "true"},
                               {"auto.offset.reset", "earliest"}});
  rd_kafka_poll_set_consumer(consumer);
  const struct rd_kafka_metadata* metadata = nullptr;
  rd_kafka_topic_t* topic = rd_kafka_topic_new(consumer, work.topic.c_str(), nullptr);
  if (rd_kafka_metadata(consumer, 0, topic, &metadata, 10'000) != RD_KAFKA_RESP_ERR_NO_ERROR)
    give_up("metadata");
  rd_kafka_topic_partition_list_t* all = rd_kafka_topic_partition_list_new(16);
  for (int i = 0; i < metadata->topics[0].partition_cnt; ++i)
    rd_kafka_topic_partition_list_add(all, work.topic.c_str(), i)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer);
  std::vector<rd_kafka_message_t*> messages(5000);
  std::size_t bytes = 0;
  Stopwatch watch;
  if (rd_kafka_assign(consumer, all) != RD_KAFKA_RESP_ERR_NO_ERROR) give_up("assign");
  while (figures.records < work.records) {
    const auto count = rd_kafka_consume_batch_queue(queue, 1000, messages.data(), messages.size());
    for (ssize_t i = 0; i < count; ++i) {
      rd_kafka_message_t* message = messages[static_cast<std::size_t>(i)];
      if (!message->err) {
        bytes += message->len;
        ++figures.records;
      }
      rd_kafka_message_destroy(message);
    }
  }
  watch.stop(figures);
  if (bytes < work.records * work.record_bytes) std::fprintf(stderr, "bytes are missing\n");
  rd_kafka_topic_partition_list_destroy(all);
  rd_kafka_queue_destroy(queue);
  rd_kafka_topic_destroy(topic);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  return figures;
}

}  // namespace sluice::bench
