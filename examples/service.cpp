#include "examples/service.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <set>
#include <utility>

namespace events {

using namespace std::chrono_literals;

// The signals are blocked and looked for where it suits us; no handler interrupts anything.
void watch_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
}

bool stop_requested() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
}

sluice::Result<> serve(const std::string& broker, const Service& service) {
  auto producer = sluice::Producer::create({.client = {.brokers = {broker}}});
  if (!producer) return std::unexpected(producer.error());
  auto consumer = sluice::Consumer::create({.client = {.brokers = {broker}},
                                            .group_id = service.name,
                                            .instance_id = service.name + "-" + service.instance,
                                            .auto_commit = false,
                                            .offset_reset = sluice::OffsetReset::earliest});
  if (!consumer) return std::unexpected(consumer.error());
  if (auto joined = consumer->subscribe(service.reads); !joined) return joined;

  std::set<std::pair<std::string, std::string>> said;  // key and type of all events in our topic
  while (!stop_requested()) {
    const auto records = consumer->poll(200ms);
    if (const auto change = consumer->take_rebalance(); change && !change->added.empty()) {
      // Another instance may have answered for these partitions until now.
      auto history = reader(broker);
      if (!history) return std::unexpected(history.error());
      const auto read_back = replay(*history, {service.writes}, [&said](const Event& event) {
        said.emplace(event.key, event.type);
      });
      if (!read_back) return read_back;
    }
    if (!records) {
      std::fprintf(stderr, "%s: %s\n", service.name.c_str(), records.error().message().c_str());
      continue;
    }
    std::vector<sluice::Delivery> sent;
    for (const auto& record : *records) {
      const auto next = service.decide(event_of(record));
      if (!next || !said.emplace(next->key, next->type).second) continue;
      auto delivery = publish(*producer, service.writes, *next);
      if (!delivery) return std::unexpected(delivery.error());
      sent.push_back(*delivery);
    }
    for (const auto& delivery : sent)
      if (auto durable = producer->wait(delivery); !durable)
        return std::unexpected(durable.error());
    if (!records->empty())
      if (auto committed = consumer->commit(); !committed)  // somebody handles them again
        std::fprintf(stderr, "%s: %s\n", service.name.c_str(), committed.error().message().c_str());
  }
  return consumer->close();
}

}  // namespace events
