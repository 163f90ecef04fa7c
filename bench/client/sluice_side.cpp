// The client of this repository, on a private loop: one thread in all.
#include "bench/client/measure.hpp"
#include "bench/client/must.hpp"
#include "sluice/admin.hpp"
#include "sluice/consumer.hpp"
#include "sluice/producer.hpp"

#include <cstdio>

namespace sluice::bench {
namespace {

struct Sample {
  SteadyClock::time_point sent;
  std::vector<std::uint32_t>* delays;
};

void delivered(void* context, Result<RecordMetadata> result) {
  auto& sample = *static_cast<Sample*>(context);
  must(Result<>{result ? Result<>{} : Result<>{std::unexpected(result.error())}}, "delivery");
  const auto took = SteadyClock::now() - sample.sent;
  sample.delays->push_back(static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
}

}  // namespace

Figures produce_sluice(const Work& work) {
  auto producer = must(Producer::create({.client = {.brokers = {work.brokers}},
                                         .idempotent = work.idempotent,
                                         .batch_size = work.batch_bytes}),
                       "create");
  must(producer.partition_count(work.topic), "topic");
  const std::vector<std::byte> value(work.record_bytes, std::byte{'v'});
  const ProducerRecord record{.topic = work.topic, .value = Bytes(value)};
  Figures figures{.records = work.records};
  std::vector<Sample> samples(work.rate > 0 ? work.records : 0);
  figures.delays.reserve(samples.size());
  std::uint64_t before_half = 0;
  Stopwatch watch;
  for (std::uint64_t i = 0; i < work.records; ++i) {
    if (i == work.records / 2) before_half = allocations();
    if (work.rate == 0) {
      must(producer.send(record), "send");
      continue;
    }
    const double due = static_cast<double>(i) / static_cast<double>(work.rate);
    while (watch.seconds() < due) producer.poll();
    samples[i] = {SteadyClock::now(), &figures.delays};
    producer.send(record, Done<RecordMetadata>{delivered, &samples[i]});
  }
  figures.allocations = allocations() - before_half;
  must(producer.flush(), "flush");
  producer.poll();
  watch.stop(figures);
  return figures;
}

Figures consume_sluice(const Work& work) {
  auto consumer = must(Consumer::create({.client = {.brokers = {work.brokers}},
                                         .auto_commit = false,
                                         .offset_reset = OffsetReset::earliest}),
                       "create");
  must(consumer.assign(must(consumer.partitions_of(work.topic), "topic")), "assign");
  Figures figures;
  std::uint64_t before_half = 0;
  std::size_t bytes = 0;
  Stopwatch watch;
  while (figures.records < work.records) {
    const auto records = must(consumer.poll(std::chrono::seconds(10)), "poll");
    if (records.empty()) break;
    for (const RecordView& record : records) bytes += record.value->size();
    if (figures.records < work.records / 2) before_half = allocations();
    figures.records += records.size();
  }
  figures.allocations = allocations() - before_half;
  watch.stop(figures);
  if (bytes < work.records * work.record_bytes) std::fprintf(stderr, "bytes are missing\n");
  return figures;
}

}  // namespace sluice::bench
