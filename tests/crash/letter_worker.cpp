// A member of the share group of letter_kill.py, with our C++ client; it lives through kills of its
// broker.
//
//   letter_worker BROKER TOPIC GROUP
//
// Record n has the key n. Of ten new ones it rejects one and releases one; the rest, and whatever a
// redrive sent back, it accepts. It says what it does, one line each:
//   given PARTITION OFFSET NUMBER REDRIVES NANOSECONDS   before it says anything of it
//   accepted PARTITION OFFSET NUMBER NANOSECONDS         confirmed by the broker
//   unsure PARTITION OFFSET NUMBER FROM TO               accepted, and not confirmed: the broker
//   may
//                                                        have heard it between those nanoseconds
#include <sluice/queue_consumer.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
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

struct Accept {
  int partition;
  long long offset;
  long long number;
  long long at;
  bool confirmed = false;
};

// Says what becomes of the record.
std::optional<Accept> answer(sluice::QueueConsumer& queue, const sluice::QueueRecord& record) {
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
  if (!held || disposition.kind() != sluice::Disposition::Kind::accepted) return std::nullopt;
  return Accept{record.partition, record.offset, number, monotonic_ns()};
}

void tell(const Accept& accept) {
  std::printf("%s %d %lld %lld", accept.confirmed ? "accepted" : "unsure", accept.partition,
              accept.offset, accept.number);
  if (!accept.confirmed) std::printf(" %lld", accept.at);
  std::printf(" %lld\n", monotonic_ns());
}

void work(sluice::QueueConsumer& queue) {
  while (stopping == 0) {
    const auto records = queue.poll(200ms);
    if (!records) {  // no broker for the moment
      std::this_thread::sleep_for(20ms);
      continue;
    }
    std::vector<Accept> accepts;
    for (const auto& record : *records)
      if (const auto accept = answer(queue, record)) accepts.push_back(*accept);
    const auto flushed = queue.flush();
    if (flushed) {
      for (const auto& [where, outcome] : *flushed)
        for (Accept& accept : accepts)
          if (outcome && accept.partition == where.partition) accept.confirmed = true;
    }
    for (const Accept& accept : accepts) tell(accept);
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
