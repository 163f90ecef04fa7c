#include "examples/events.hpp"

#include <sluice/admin.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <set>
#include <span>
#include <utility>

namespace events {

using namespace std::chrono_literals;

sluice::Result<> create_topics(const std::string& broker,
                               std::initializer_list<const char*> names) {
  auto admin = sluice::Admin::create({.brokers = {broker}});
  if (!admin) return std::unexpected(admin.error());
  for (const char* name : names) {
    const auto created = admin->create_topic({.name = name, .partitions = 3});
    if (!created && !created.error().is(sluice::ErrorCode::topic_already_exists)) return created;
  }
  return {};
}

Event event_of(const sluice::RecordView& record) {
  Event event;
  if (record.key) event.key = sluice::as_text(*record.key);
  if (record.value) event.value = sluice::as_text(*record.value);
  for (const auto& header : record.headers) {
    if (header.key == "type" && header.value) event.type = sluice::as_text(*header.value);
    if (header.key == "id" && header.value) event.id = sluice::as_text(*header.value);
  }
  return event;
}

std::string field(const Event& event, std::string_view name) {
  const std::string words = " " + event.value + " ";
  const std::string wanted = " " + std::string(name) + "=";
  const auto at = words.find(wanted);
  if (at == std::string::npos) return {};
  const auto begin = at + wanted.size();
  return words.substr(begin, words.find(' ', begin) - begin);
}

sluice::Result<sluice::Delivery> publish(sluice::Producer& producer, std::string_view topic,
                                         const Event& event) {
  const std::array headers{sluice::Header{"type", sluice::as_bytes(event.type)},
                           sluice::Header{"id", sluice::as_bytes(event.id)}};
  return producer.send({.topic = topic,
                        .key = sluice::as_bytes(event.key),
                        .value = sluice::as_bytes(event.value),
                        .headers = std::span(headers).first(event.id.empty() ? 1 : 2)});
}

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

sluice::Result<sluice::Consumer> reader(const std::string& broker) {
  return sluice::Consumer::create(
      {.client = {.brokers = {broker}}, .offset_reset = sluice::OffsetReset::earliest});
}

sluice::Result<> replay(sluice::Consumer& consumer, const std::vector<std::string>& topics,
                        const std::function<void(const Event&)>& apply) {
  std::vector<sluice::TopicPartition> partitions;
  for (const auto& topic : topics) {
    const auto more = consumer.partitions_of(topic);
    if (!more) return std::unexpected(more.error());
    partitions.insert(partitions.end(), more->begin(), more->end());
  }
  const auto ends = consumer.end_offsets(partitions);
  if (!ends) return std::unexpected(ends.error());
  if (auto assigned = consumer.assign(partitions); !assigned) return assigned;

  const auto caught_up = [&] {
    const auto positions = consumer.positions();
    return std::ranges::all_of(*ends, [&](const auto& end) {
      return end.second == 0 || positions.at(end.first) >= end.second;
    });
  };
  while (!caught_up()) {
    const auto records = consumer.poll(1s);
    if (!records) return std::unexpected(records.error());
    for (const auto& record : *records) apply(event_of(record));
  }
  return {};
}

int exit_code(const sluice::Result<>& result) {
  if (result) return 0;
  std::fprintf(stderr, "%s\n", result.error().message().c_str());
  return 1;
}

}  // namespace events
