// Jobs that must be done, one by one, by whoever is free: a share group. A job that fails comes
// back later without holding up those behind it, and one that cannot be done is put aside.
//
//   queue_worker BROKER send TO TEXT                  asks for a mail to be sent
//   queue_worker BROKER work NAME [PAUSE_MS]          a worker, until it is stopped; start several
//
// PAUSE_MS: how long a failed mail waits, and why one was refused is said to the broker. That takes
// a sluice with a dead-letter topic; without it this works with any Kafka that has share groups.
#include "examples/service.hpp"
#include <sluice/admin.hpp>
#include <sluice/queue_consumer.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sluice::Disposition;

constexpr const char* topic = "mails";
constexpr const char* group = "mailers";

struct Worker {
  std::string name;
  std::optional<std::chrono::milliseconds> pause;
};

// What the mail server says to it: "later" is an address that works at the second attempt.
enum class Sent { yes, not_now, no_such_address };
Sent send_mail(std::string_view to, std::int16_t attempt) {
  if (!to.contains('@')) return Sent::no_such_address;
  if (to.starts_with("later") && attempt < 2) return Sent::not_now;
  return Sent::yes;
}

// May be called again for the same mail, after a crash: a mail server would be given the record's
// place as the number of the mail.
Disposition handle(const Worker& worker, const sluice::QueueRecord& record) {
  const std::string to(record.key ? sluice::as_text(*record.key) : "");
  switch (send_mail(to, record.delivery_count)) {
    case Sent::yes:
      std::printf("%s sent to %s, attempt %d\n", worker.name.c_str(), to.c_str(),
                  record.delivery_count);
      std::fflush(stdout);
      return Disposition::accept();
    case Sent::not_now:
      return Disposition::release(worker.pause);
    case Sent::no_such_address:
      std::printf("%s refused %s\n", worker.name.c_str(), to.c_str());
      std::fflush(stdout);
      return Disposition::reject(worker.pause ? "no such address" : "");
  }
  return Disposition::release();
}

// A group that is new begins with the mails that were asked for before it.
sluice::Result<> begin_with_the_first(const std::string& broker) {
  auto admin = sluice::Admin::create({.brokers = {broker}});
  if (!admin) return std::unexpected(admin.error());
  return admin->alter_configs({sluice::ResourceType::group, group},
                              {{"share.auto.offset.reset", "earliest"}});
}

sluice::Result<> work(const std::string& broker, const Worker& worker) {
  if (auto set = begin_with_the_first(broker); !set) return set;
  auto queue = sluice::QueueConsumer::create(
      {.client = {.brokers = {broker}}, .group_id = group, .fetch_records = 10});
  if (!queue) return std::unexpected(queue.error());
  if (auto joined = queue->subscribe({topic}); !joined) return joined;

  std::stop_source stop;
  const std::jthread watch([&stop](const std::stop_token& ended) {
    while (!events::stop_requested() && !ended.stop_requested()) std::this_thread::sleep_for(50ms);
    stop.request_stop();
  });
  // Four mails at a time; their locks are renewed meanwhile. A stop lets them end.
  const auto did = queue->run([&](const auto& record) { return handle(worker, record); },
                              {.concurrency = 4}, sluice::Deadline().with(stop.get_token()));
  if (!did) return std::unexpected(did.error());
  std::printf("%s did %llu, put back %llu, refused %llu\n", worker.name.c_str(),
              static_cast<unsigned long long>(did->accepted),
              static_cast<unsigned long long>(did->released),
              static_cast<unsigned long long>(did->rejected));
  return queue->close();
}

// The id makes it one mail, however often it is sent: within the topic's sluice.dedup.window.ms.
sluice::Result<> send(const std::string& broker, const std::string& to, const std::string& text) {
  auto producer = sluice::Producer::create({.client = {.brokers = {broker}}});
  if (!producer) return std::unexpected(producer.error());
  const std::string id = to + "/" + text;
  const auto sent = producer->send({.topic = topic,
                                    .key = sluice::as_bytes(to),
                                    .value = sluice::as_bytes(text),
                                    .message_id = id});
  if (!sent) return std::unexpected(sent.error());
  const auto durable = producer->wait(*sent);
  if (!durable) return std::unexpected(durable.error());
  return {};
}

sluice::Result<> run(const std::vector<std::string>& words) {
  const auto& broker = words[0];
  if (auto created = events::create_topics(broker, {topic}); !created) return created;
  if (words[1] == "send" && words.size() == 4) return send(broker, words[2], words[3]);
  Worker worker{.name = words[2], .pause = std::nullopt};
  if (words.size() > 3)
    worker.pause = std::chrono::milliseconds(std::strtol(words[3].c_str(), nullptr, 10));
  return work(broker, worker);
}

}  // namespace

int main(int count, char** words) {
  if (count < 4) {
    std::fputs("usage: queue_worker BROKER send TO TEXT | work NAME [PAUSE_MS]\n", stderr);
    return 2;
  }
  events::watch_stop_signals();
  return events::exit_code(run({words + 1, words + count}));
}
