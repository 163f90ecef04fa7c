// What every C++ project of the package test does: one record to a broker and back.
//   round_trip HOST:PORT TOPIC
#include <sluice/admin.hpp>
#include <sluice/consumer.hpp>
#include <sluice/producer.hpp>

#include <chrono>
#include <cstdio>
#include <string>

namespace {

using namespace std::chrono_literals;

sluice::Result<std::string> round_trip(const sluice::ClientOptions& client,
                                       const std::string& topic) {
  auto admin = sluice::Admin::create(client);
  if (!admin) return std::unexpected(admin.error());
  if (auto created = admin->create_topic({.name = topic, .partitions = 1}); !created)
    return std::unexpected(created.error());

  auto producer = sluice::Producer::create({.client = client});
  if (!producer) return std::unexpected(producer.error());
  auto sent = producer->send({.topic = topic, .value = sluice::as_bytes("hello")});
  if (!sent) return std::unexpected(sent.error());
  if (auto durable = producer->wait(*sent); !durable) return std::unexpected(durable.error());

  auto consumer =
      sluice::Consumer::create({.client = client, .offset_reset = sluice::OffsetReset::earliest});
  if (!consumer) return std::unexpected(consumer.error());
  if (auto assigned = consumer->assign({{topic, 0}}); !assigned)
    return std::unexpected(assigned.error());
  for (int tries = 0; tries < 50; ++tries) {
    const auto records = consumer->poll(200ms);
    if (!records) return std::unexpected(records.error());
    if (!records->empty()) return std::string(sluice::as_text(*records->front().value));
  }
  return sluice::fail(sluice::Errc::timed_out, "no record");
}

}  // namespace

int main(int, char** words) {
  const auto value = round_trip({.brokers = {words[1]}}, words[2]);
  if (!value) {
    std::fprintf(stderr, "%s\n", value.error().message().c_str());
    return 1;
  }
  std::printf("%s\n", value->c_str());
  return 0;
}
