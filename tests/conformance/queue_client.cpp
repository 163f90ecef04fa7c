// Our QueueConsumer against any broker with share groups; queue_client_test.py reads what it says.
//
//   queue_client BROKER TOPIC GROUP     six records in one partition: one for each thing to be said
//
// One line each: `said WHAT RESULT`, where RESULT is ok or the error in words; `confirmed OUTCOME`
// of a flush; `again OFFSET DELIVERIES` of records that come back.
#include <sluice/admin.hpp>
#include <sluice/queue_consumer.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sluice::QueueConsumer;
using sluice::RecordPlace;

std::string in_words(const sluice::Result<>& result) {
  return result ? "ok" : result.error().code.message();
}

void say(const char* what, const sluice::Result<>& result) {
  std::printf("said %s %s\n", what, in_words(result).c_str());
}

// Whether all that was said is durable.
bool confirm(QueueConsumer& queue) {
  const auto flushed = queue.flush();
  if (!flushed) return false;
  for (const auto& [where, outcome] : *flushed)
    std::printf("confirmed %s\n", in_words(outcome).c_str());
  return true;
}

// How many records were given out, accepted the second time.
int accept_again(QueueConsumer& queue, std::chrono::milliseconds wait) {
  const auto records = queue.poll(wait);
  if (!records) return 0;
  for (const auto& record : *records) {
    std::printf("again %lld %d\n", static_cast<long long>(record.offset), record.delivery_count);
    say("accept", queue.accept(record));
  }
  return static_cast<int>(records->size());
}

bool work(QueueConsumer& queue, const std::string& topic) {
  std::vector<RecordPlace> held;
  for (int polls = 0; held.size() < 6 && polls < 100; ++polls) {
    const auto records = queue.poll(500ms);
    if (!records) return false;
    for (const auto& record : *records) held.emplace_back(topic, record.partition, record.offset);
  }
  if (held.size() != 6) return false;
  say("accept", queue.accept(held[0]));
  say("release", queue.release(held[1]));
  say("reject", queue.reject(held[2]));
  say("renew", queue.renew(held[3]));
  if (!confirm(queue)) return false;
  say("accept-renewed", queue.accept(held[3]));
  // What takes a sluice, and the same without it: the record is still held.
  const auto delayed = queue.release(held[4], 50ms);
  say("release-later", delayed);
  if (!delayed) say("release", queue.release(held[4]));
  const auto explained = queue.reject(held[5], "no such account");
  say("reject-why", explained);
  if (!explained) say("reject", queue.reject(held[5]));
  if (!confirm(queue)) return false;
  int again = 0;
  for (int polls = 0; again < 2 && polls < 100; ++polls) again += accept_again(queue, 500ms);
  say("accept-twice", queue.accept(held[0]));
  return again == 2 && confirm(queue);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  auto admin = sluice::Admin::create({.brokers = {argv[1]}});
  if (!admin) return 1;
  const auto set = admin->alter_configs({sluice::ResourceType::group, argv[3]},
                                        {{"share.auto.offset.reset", "earliest"}});
  if (!set) return 1;
  auto queue = QueueConsumer::create({.client = {.brokers = {argv[1]}}, .group_id = argv[3]});
  if (!queue || !queue->subscribe({argv[2]})) return 1;
  const bool worked = work(*queue, argv[2]);
  const auto closed = queue->close(sluice::Deadline::in(5s));
  say("close", closed);
  return worked && closed ? 0 : 1;
}
