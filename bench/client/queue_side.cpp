// How long a record of the queue consumer takes from being due to its handler. The producer has a
// thread of its own, and no linger.
#include "bench/client/measure.hpp"
#include "bench/client/must.hpp"
#include "sluice/admin.hpp"
#include "sluice/producer.hpp"
#include "sluice/queue_consumer.hpp"

#include <cstring>
#include <stop_token>
#include <thread>

namespace sluice::bench {
namespace {

using Due = SteadyClock::time_point;

void publish(const Work& work, Due begin) {
  auto producer = must(Producer::create({.client = {.brokers = {work.brokers}},
                                         .linger = std::chrono::milliseconds{0}}),
                       "create");
  must(producer.partition_count(work.topic), "topic");
  std::vector<std::byte> value(std::max(work.record_bytes, sizeof(Due)), std::byte{'v'});
  for (std::uint64_t i = 0; i < work.records; ++i) {
    const auto due = begin + std::chrono::nanoseconds(1'000'000'000 / work.rate) * i;
    while (SteadyClock::now() < due) {
      producer.poll();
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    std::memcpy(value.data(), &due, sizeof due);
    must(producer.send({.topic = work.topic, .value = Bytes(value)}), "send");
  }
  must(producer.flush(), "flush");
}

}  // namespace

Figures handle_sluice(const Work& work) {
  const std::string group = work.topic + "-handlers";
  auto admin = must(Admin::create({.brokers = {work.brokers}}), "create");
  must(admin.alter_configs({ResourceType::group, group}, {{"share.auto.offset.reset", "earliest"}}),
       "configs");
  auto queue = must(
      QueueConsumer::create({.client = {.brokers = {work.brokers}}, .group_id = group}), "create");
  must(queue.subscribe({work.topic}), "subscribe");
  while (queue.assignment().empty()) must(queue.poll(std::chrono::milliseconds(50)), "poll");
  Figures figures;
  figures.delays.reserve(work.records);
  std::stop_source stop;
  Stopwatch watch;
  const auto begin = SteadyClock::now();
  const std::jthread producer([&] { publish(work, begin); });
  const auto handle = [&](const QueueRecord& record, Settlement settle) {
    Due due;
    std::memcpy(&due, record.value->data(), sizeof due);
    const auto took = SteadyClock::now() - due;
    if (figures.records >= work.rate)  // the group began in the first second
      figures.delays.push_back(static_cast<std::uint32_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
    settle(Disposition::accept());
    if (++figures.records == work.records) stop.request_stop();
  };
  must(queue.run_async(handle, {.concurrency = 100},
                       Deadline::in(std::chrono::minutes(5)).with(stop.get_token())),
       "run");
  watch.stop(figures);
  return figures;
}

}  // namespace sluice::bench
