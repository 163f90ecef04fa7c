// Publish to consumer: numbered single records on a fixed schedule, and a long poll that waits for
// them. A latency runs from when a record was due to when its bytes are here.
#include "protocol/record_batch.hpp"
#include "sluice/error.hpp"
#include "tools/sluice/bench_connection.hpp"
#include "tools/sluice/bench_fetcher.hpp"
#include "tools/sluice/bench_round.hpp"
#include "tools/sluice/bench_schedule.hpp"

#include <algorithm>

namespace sluice::bench {
namespace {

constexpr std::int32_t max_wait_ms = 500;
// How long after the last record was due the consumer goes on looking.
constexpr std::int64_t patience_ns = 10'000'000'000;
enum : std::uint32_t { producer_tag, consumer_tag };

class LatencyLoop {
 public:
  LatencyLoop(const Settings& settings, const Target& target, const CpuMeter& meter,
              Descriptor producer, Descriptor consumer)
      : settings_(settings),
        cpu_(meter),
        batches_({settings.record_bytes, 0}, 1,
                 std::chrono::duration_cast<std::chrono::milliseconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count(),
                 3),
        producer_(std::move(producer), target.topic, {0}, settings.acks, batches_.size()),
        consumer_(std::move(consumer), target.topic, 0, settings.fetch_bytes, max_wait_ms),
        offset_(target.end_offsets.front()) {}

  Result<Round> run(Poller& poller) {
    if (const auto added = poller.add(producer_.fd(), producer_tag); !added)
      return std::unexpected(added.error());
    if (const auto added = poller.add(consumer_.fd(), consumer_tag); !added)
      return std::unexpected(added.error());
    const Window window(now_ns(), settings_);
    const Schedule schedule(window.begin() - Window::ns(settings_.warmup_seconds), settings_.rate);
    const auto total = schedule.due_count(window.end() - 1);
    const auto acknowledge = [this](std::int64_t, const ProduceReply&) { ++acknowledged_; };
    while (received_ < total && now_ns() < window.end() + patience_ns) {
      if (const auto wanted = not_interrupted(); !wanted) return std::unexpected(wanted.error());
      now_ = now_ns();
      cpu_.at(now_, window);
      if (const auto sent = publish(schedule, total); !sent) return std::unexpected(sent.error());
      if (!consumer_.waiting())
        if (const auto sent = consumer_.send(offset_, now_); !sent)
          return std::unexpected(sent.error());
      for (const auto& event : poller.wait(wait_ns(schedule, total))) {
        const auto served = event.data.u32 == producer_tag ? producer_.read(acknowledge)
                                                           : consume(schedule, window);
        if (!served) return std::unexpected(served.error());
      }
    }
    cpu_.finish();
    round_.cpu_seconds = cpu_.seconds();
    round_.seconds = static_cast<double>(window.end() - window.begin()) / 1e9;
    // What the broker has not acknowledged in time is late, what it has and nobody saw is lost.
    const auto kept = settings_.acks == 0 ? published_ : std::max(acknowledged_, received_);
    round_.unsent = total - kept;
    round_.lost = kept - received_;
    return std::move(round_);
  }

 private:
  Result<> publish(const Schedule& schedule, std::uint64_t total) {
    if (const auto sent = producer_.go_on(); !sent) return sent;
    while (published_ < total && !producer_.sending() &&
           producer_.in_flight() < static_cast<std::size_t>(settings_.in_flight) &&
           schedule.due(published_) <= now_) {
      const auto due = schedule.due(published_);
      if (const auto sent = producer_.send(batches_.numbered(published_), due); !sent) return sent;
      ++published_;
    }
    return {};
  }

  Result<> consume(const Schedule& schedule, const Window& window) {
    if (const auto sent = consumer_.go_on(); !sent) return sent;
    const auto reply = consumer_.read();
    if (!reply) return std::unexpected(reply.error());
    if (!*reply) return {};
    now_ = now_ns();
    const auto records = (*reply)->records;
    const auto fetched =
        walk_records(records, offset_, settings_.check ? Checksums::checked : Checksums::trusted);
    if (!fetched) return std::unexpected(fetched.error());
    protocol::BatchIterator batches(records);
    while (const auto batch = batches.next()) {
      const auto number = number_of(batch->bytes, settings_.record_bytes);
      if (number != received_)
        return fail(Errc::malformed_response, "record " + std::to_string(number) +
                                                  " arrived where " + std::to_string(received_) +
                                                  " was due");
      count(schedule.due(received_++), batch->bytes.size(), window);
    }
    offset_ = fetched->next_offset;
    return {};
  }

  void count(std::int64_t due, std::size_t bytes, const Window& window) {
    if (window.holds(due)) round_.latency.record(now_ - due);
    if (!window.holds(now_)) return;
    ++round_.requests;
    ++round_.records;
    round_.bytes += bytes;
  }

  std::int64_t wait_ns(const Schedule& schedule, std::uint64_t total) const {
    constexpr std::int64_t look_again_ns = 50'000'000;
    if (published_ >= total || producer_.sending() ||
        producer_.in_flight() >= static_cast<std::size_t>(settings_.in_flight))
      return look_again_ns;
    return std::clamp<std::int64_t>(schedule.due(published_) - now_ns(), 0, look_again_ns);
  }

  const Settings& settings_;
  CpuWindow cpu_;
  Batches batches_;
  ProduceConnection producer_;
  FetchConnection consumer_;
  std::int64_t offset_;  // of the next record to read
  std::uint64_t published_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t received_ = 0;
  std::int64_t now_ = 0;
  Round round_;
};

}  // namespace

Result<Round> run_latency(const Settings& settings, const Target& target, const CpuMeter& meter) {
  auto poller = Poller::create();
  if (!poller) return std::unexpected(poller.error());
  auto producer = connect_to(target.address);
  if (!producer) return std::unexpected(producer.error());
  auto consumer = connect_to(target.address);
  if (!consumer) return std::unexpected(consumer.error());
  LatencyLoop loop(settings, target, meter, std::move(*producer), std::move(*consumer));
  return loop.run(*poller);
}

}  // namespace sluice::bench
