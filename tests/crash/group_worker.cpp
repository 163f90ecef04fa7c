// One process of group_soak.py: the producer, or a member of the group. Both are killed at will.
//
//   group_worker produce BROKER TOPIC PARTITIONS RECORDS RATE
//   group_worker consume BROKER TOPIC GROUP SESSION_MS LOG [INSTANCE]
//
// Record n goes to partition n % PARTITIONS, where it must get offset n / PARTITIONS; its value
// says both, so a record that is lost, doubled or out of order in the log shows itself. A member
// appends what it does to LOG, one line each, before it commits:
//   start PARTITION OFFSET NANOSECONDS   the first record after the partition was assigned
//   read PARTITION FIRST LAST            handled, in order, without a gap
//   commit PARTITION OFFSET NANOSECONDS  acknowledged by the broker
//   problem TEXT
#include <sluice/consumer.hpp>
#include <sluice/producer.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;

volatile std::sig_atomic_t stopping = 0;
void stop(int) { stopping = 1; }

long long monotonic_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

std::string value_of(int partition, long long offset) {
  std::string value = std::to_string(partition) + ":" + std::to_string(offset);
  value.resize(100, '.');
  return value;
}

int problem(const std::string& text) {
  std::fprintf(stderr, "problem %s\n", text.c_str());
  return 1;
}

// Keeps to `rate` records a second and gives up at the first record that is refused or lies at
// another offset than it must.
int produce(const std::string& broker, const std::string& topic, int partitions, long long records,
            double rate) {
  auto producer = sluice::Producer::create(
      {.client = {.brokers = {broker}}, .linger = 5ms, .delivery_timeout = 300s});
  if (!producer) return problem(producer.error().message());
  std::deque<sluice::Delivery> waiting;
  long long acknowledged = 0;
  const auto began = std::chrono::steady_clock::now();

  const auto take = [&]() -> int {
    while (!waiting.empty() && waiting.front().done()) {
      const auto sent = waiting.front().result();
      if (!sent) return problem("record given up: " + sent.error().message());
      if (sent->partition != acknowledged % partitions || sent->offset != acknowledged / partitions)
        return problem("record " + std::to_string(acknowledged) + " lies at " +
                       std::to_string(sent->partition) + ":" + std::to_string(sent->offset));
      waiting.pop_front();
      ++acknowledged;
    }
    return 0;
  };
  for (long long n = 0; n < records && stopping == 0; ++n) {
    const int partition = static_cast<int>(n % partitions);
    const auto value = value_of(partition, n / partitions);
    const auto key = std::to_string(n / partitions % 100);
    const auto sent = producer->send({.topic = topic,
                                      .partition = partition,
                                      .key = sluice::as_bytes(key),
                                      .value = sluice::as_bytes(value)},
                                     sluice::Deadline::in(300s));
    if (!sent) return problem("send: " + sent.error().message());
    waiting.push_back(*sent);
    if (n % 500 != 0) continue;
    producer->poll();
    if (take() != 0) return 1;
    std::this_thread::sleep_until(began +
                                  std::chrono::duration<double>(static_cast<double>(n) / rate));
  }
  if (const auto flushed = producer->flush(sluice::Deadline::in(300s)); !flushed)
    return problem("flush: " + flushed.error().message());
  if (take() != 0) return 1;
  std::printf("%lld\n", acknowledged);
  return 0;
}

class Member {
 public:
  Member(sluice::Consumer consumer, std::FILE* log) : consumer_(std::move(consumer)), log_(log) {}

  void run() {
    while (stopping == 0) {
      const auto records = consumer_.poll(200ms);
      if (const auto change = consumer_.take_rebalance())
        for (const auto& partition : change->added) next_.erase(partition.partition);
      if (!records) {  // no broker for the moment
        std::this_thread::sleep_for(20ms);
        continue;
      }
      for (const auto& record : *records) handle(record);
      note_reads();
      if (std::chrono::steady_clock::now() >= next_commit_) commit();
    }
    note_reads();
    // Without a broker the group learns of it when the session is over.
    static_cast<void>(consumer_.close(sluice::Deadline::in(5s)));
  }

 private:
  struct Range {
    long long first;
    long long last;
  };

  void handle(const sluice::RecordView& record) {
    const auto value = record.value ? sluice::as_text(*record.value) : "";
    if (value != value_of(record.partition, record.offset))
      std::fprintf(log_, "problem at %d:%lld lies %.20s\n", record.partition,
                   static_cast<long long>(record.offset), std::string(value).c_str());
    const auto [next, fresh] = next_.try_emplace(record.partition, record.offset);
    if (fresh)
      std::fprintf(log_, "start %d %lld %lld\n", record.partition,
                   static_cast<long long>(record.offset), monotonic_ns());
    else if (next->second != record.offset)
      std::fprintf(log_, "problem %d:%lld follows %lld\n", record.partition,
                   static_cast<long long>(record.offset), next->second - 1);
    next->second = record.offset + 1;
    const auto [range, added] =
        reads_.try_emplace(record.partition, Range{record.offset, record.offset});
    if (!added) range->second.last = record.offset;
  }

  void note_reads() {
    for (const auto& [partition, range] : reads_)
      std::fprintf(log_, "read %d %lld %lld\n", partition, range.first, range.last);
    reads_.clear();
    std::fflush(log_);
  }

  void commit() {
    next_commit_ = std::chrono::steady_clock::now() + 100ms;
    auto positions = consumer_.positions();
    std::erase_if(positions, [](const auto& row) { return row.second < 0; });  // not known yet
    if (positions.empty()) return;
    if (!consumer_.commit(positions, sluice::Deadline::in(2s))) return;
    for (const auto& [partition, offset] : positions)
      std::fprintf(log_, "commit %d %lld %lld\n", partition.partition,
                   static_cast<long long>(offset), monotonic_ns());
    std::fflush(log_);
  }

  sluice::Consumer consumer_;
  std::FILE* log_;
  std::chrono::steady_clock::time_point next_commit_{};
  std::map<int, long long> next_;  // of each partition that gave a record since it was assigned
  std::map<int, Range> reads_;     // handled, not yet noted
};

int consume(const std::string& broker, const std::string& topic, const std::string& group,
            std::chrono::milliseconds session, const char* path, const char* instance) {
  sluice::ConsumerOptions options{
      .client = {.brokers = {broker}, .retry_backoff = 20ms, .retry_backoff_max = 200ms},
      .group_id = group,
      .session_timeout = session,
      .rebalance_timeout = 10s,
      .heartbeat_interval = session / 5,
      .auto_commit = false,
      .offset_reset = sluice::OffsetReset::earliest};
  if (instance) options.instance_id = instance;
  auto consumer = sluice::Consumer::create(options);
  if (!consumer) return problem(consumer.error().message());
  if (const auto joined = consumer->subscribe({topic}); !joined)
    return problem(joined.error().message());
  std::FILE* log = std::fopen(path, "a");
  if (!log) return problem(std::string("cannot write ") + path);
  Member(std::move(*consumer), log).run();
  std::fclose(log);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  std::signal(SIGTERM, stop);
  const std::string role = count > 1 ? words[1] : "";
  if (role == "produce" && count == 7)
    return produce(words[2], words[3], std::stoi(words[4]), std::stoll(words[5]),
                   std::stod(words[6]));
  if (role == "consume" && (count == 7 || count == 8))
    return consume(words[2], words[3], words[4], std::chrono::milliseconds(std::stoi(words[5])),
                   words[6], count == 8 ? words[7] : nullptr);
  std::fputs("usage: see the head of group_worker.cpp\n", stderr);
  return 2;
}
