#include "examples/events.hpp"

#include <sluice/admin.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <span>

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
