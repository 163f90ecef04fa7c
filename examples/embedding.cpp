// An event log inside a program, as SQLite is a database inside a program: no server, no network,
// no thread. The program keeps a journal of its own runs.
//
//   embedding DIRECTORY                       adds an entry and counts them
//   embedding DIRECTORY --listen HOST:PORT    … and lets other Kafka clients look in, until stopped
#include "examples/service.hpp"
#include <sluice/admin.hpp>
#include <sluice/broker.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

// The clients are those of any other broker; only where they connect to is different.
sluice::Result<> add_entry(const sluice::ClientOptions& journal) {
  auto producer = sluice::Producer::create({.client = journal});
  if (!producer) return std::unexpected(producer.error());
  const auto sent = events::publish(*producer, "journal", {.type = "Started", .key = "program"});
  if (!sent) return std::unexpected(sent.error());
  const auto durable = producer->wait(*sent);
  if (!durable) return std::unexpected(durable.error());
  std::printf("run %lld of this program; ", static_cast<long long>(durable->offset) + 1);
  return {};
}

sluice::Result<> count_entries(const sluice::ClientOptions& journal) {
  auto consumer =
      sluice::Consumer::create({.client = journal, .offset_reset = sluice::OffsetReset::earliest});
  if (!consumer) return std::unexpected(consumer.error());
  int entries = 0;
  const auto read = events::replay(*consumer, {"journal"}, [&](const auto&) { ++entries; });
  if (!read) return read;
  std::printf("the journal holds %d entries\n", entries);
  return {};
}

sluice::Result<> run(const std::string& directory, const std::vector<std::string>& listeners) {
  auto broker = sluice::Broker::open({.directory = directory, .listeners = listeners});
  if (!broker) return std::unexpected(broker.error());  // says so when another process has it open
  {
    auto admin = sluice::Admin::create(broker->connect());
    if (!admin) return std::unexpected(admin.error());
    const auto created = admin->create_topic({.name = "journal", .partitions = 1});
    if (!created && !created.error().is(sluice::ErrorCode::topic_already_exists)) return created;
  }
  if (auto added = add_entry(broker->connect()); !added) return added;
  if (auto counted = count_entries(broker->connect()); !counted) return counted;

  for (const auto& address : broker->addresses()) std::printf("listening on %s\n", address.c_str());
  std::fflush(stdout);
  // The broker works on this thread, while it waits in a call or here.
  while (!listeners.empty() && !events::stop_requested()) broker->run_for(50ms);
  return broker->close();
}

}  // namespace

int main(int count, char** words) {
  const bool listens = count == 4 && std::string(words[2]) == "--listen";
  if (count != 2 && !listens) {
    std::fputs("usage: embedding DIRECTORY [--listen HOST:PORT]\n", stderr);
    return 2;
  }
  events::watch_stop_signals();
  std::vector<std::string> listeners;
  if (listens) listeners.emplace_back(words[3]);
  return events::exit_code(run(words[1], listeners));
}
