// A member of the share group of letter_kill.py, with our C++ client; it lives through kills of its
// broker.
//
//   letter_worker BROKER TOPIC GROUP
//
// Record n has the key n. Of ten new ones it rejects one and releases one; the rest, and whatever a
// redrive sent back, it accepts. It says what it does, one line each:
//   given PARTITION OFFSET NUMBER REDRIVES NANOSECONDS   before it says anything of it
//   accepting PARTITION OFFSET NUMBER                    the broker may have heard that
//   accepted PARTITION OFFSET NANOSECONDS                confirmed by the broker
#include <sluice/queue_consumer.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

volatile std::sig_atomic_t stopping = 0;
void stop(int) { stopping = 1; }

long long monotonic_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

int redrives_of(const sluice::QueueRecord& record) {
  int redrives = 0;
  for (const auto& header : record.headers)
    if (header.key == "sluice-redrive-count" && header.value)
      redrives = std::atoi(std::string(sluice::as_text(*header.value)).c_str());
  return redrives;
}

struct Place {
  int partition;
  long long offset;
};

// Says what becomes of the record; true: it was accepted.
bool answer(sluice::QueueConsumer& queue, const sluice::QueueRecord& record) {
  const auto number = std::atoll(std::string(sluice::as_text(*record.key)).c_str());
  const int redrives = redrives_of(record);
  std::printf("given %d %lld %lld %d %lld\n", record.partition,
              static_cast<long long>(record.offset), number, redrives, monotonic_ns());
  auto disposition = sluice::Disposition::accept();
  if (redrives == 0 && number % 10 == 3)
    disposition = sluice::Disposition::reject("declined " + std::to_string(number));
  if (redrives == 0 && number % 10 == 7) disposition = sluice::Disposition::release();
  // A record whose session went with the broker is not held any more: another gets it.
  const bool held = queue.acknowledge(record, disposition).has_value();
  if (!held || disposition.kind() != sluice::Disposition::Kind::accepted) return false;
  std::printf("accepting %d %lld %lld\n", record.partition, static_cast<long long>(record.offset),
              number);
  return true;
}

void work(sluice::QueueConsumer& queue) {
  while (stopping == 0) {
    const auto records = queue.poll(200ms);
    if (!records) {  // no broker for the moment
      std::this_thread::sleep_for(20ms);
      continue;
    }
    std::vector<Place> accepted;
    for (const auto& record : *records)
      if (answer(queue, record)) accepted.push_back({record.partition, record.offset});
    const auto flushed = queue.flush();
    if (flushed) {
      for (const auto& [where, outcome] : *flushed)
        for (const Place& place : accepted)
          if (outcome && place.partition == where.partition)
            std::printf("accepted %d %lld %lld\n", place.partition, place.offset, monotonic_ns());
    }
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGTERM, stop);
  if (argc != 4) return 2;
  auto queue =
      sluice::QueueConsumer::create({.client = {.brokers = {argv[1]}}, .group_id = argv[3]});
  if (!queue || !queue->subscribe({argv[2]})) return 1;
  work(*queue);
  return queue->close(sluice::Deadline::in(5s)) ? 0 : 1;
}
