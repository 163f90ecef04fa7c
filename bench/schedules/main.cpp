// Scheduled delivery as a producer and a consumer see it, against a broker that runs.
//
//   sluice_schedule_bench HOST:PORT lateness [--rate 10000] [--seconds 10] [--size 100]
//       schedules records, one due each 1/rate seconds, and prints how late each came
//   sluice_schedule_bench HOST:PORT pending [--count 10000000] [--size 100] [--pid PID]
//       schedules records that are due in 1 to 6 days, and prints what the broker's process took
//   sluice_schedule_bench HOST:PORT memory --pid PID
//       prints what the broker's process has now, for a broker that was started again
#include "sluice/admin.hpp"
#include "sluice/consumer.hpp"
#include "sluice/producer.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace sluice::bench {
namespace {

struct Settings {
  std::string broker;
  std::int64_t rate = 10'000;
  std::int64_t seconds = 10;
  std::int64_t count = 10'000'000;
  std::size_t size = 100;
  int pid = 0;
};

std::int64_t wall_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

[[noreturn]] void give_up(const Error& error) {
  fmt::print(stderr, "sluice_schedule_bench: {}\n", error.message());
  std::exit(1);
}
template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error());
  return std::move(*result);
}
void must(const Result<>& result) {
  if (!result) give_up(result.error());
}

// MiB of memory that is the process's own; the page cache does not count.
double own_memory(int pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:")) return std::strtod(line.c_str() + 8, nullptr) / 1024;
  return 0;
}

std::string create_topic(const Settings& settings, std::int32_t partitions) {
  auto admin = must(Admin::create({.brokers = {settings.broker}}));
  NewTopic topic{.name = "schedules-bench-" + std::to_string(wall_us()), .partitions = partitions};
  topic.configs.push_back({"sluice.schedule.enable", "true"});
  must(admin.create_topic(topic));
  return topic.name;
}

Producer make_producer(const Settings& settings) {
  ProducerOptions options{.client = {.brokers = {settings.broker}}};
  options.linger = std::chrono::milliseconds(20);
  options.batch_size = 256 * 1024;
  return must(Producer::create(options));
}

void schedule(Producer& producer, const std::string& topic, std::string_view value,
              std::int64_t due_ms) {
  const std::string text = std::to_string(due_ms);
  const Header header{"sluice-deliver-at", as_bytes(text)};
  (void)must(producer.send({.topic = topic, .value = as_bytes(value), .headers = {&header, 1}}));
}

std::int64_t due_of(const RecordView& record) {
  std::int64_t due = 0;
  for (const Header& header : record.headers) {
    if (header.key != "sluice-scheduled-for") continue;
    const std::string_view text = as_text(*header.value);
    std::from_chars(text.data(), text.data() + text.size(), due);
  }
  return due;
}

void print_quantiles(std::vector<double> late) {
  std::ranges::sort(late);
  const auto at = [&](double q) {
    return late[static_cast<std::size_t>(q * static_cast<double>(late.size() - 1))];
  };
  fmt::print("lateness ms: least {:.2f}, p50 {:.2f}, p99 {:.2f}, p99.9 {:.2f}, most {:.2f}\n",
             late.front(), at(0.5), at(0.99), at(0.999), late.back());
}

void measure_lateness(const Settings& settings) {
  const std::string topic = create_topic(settings, 4);
  const std::int64_t count = settings.rate * settings.seconds;
  const std::string value(settings.size, 'x');
  Producer producer = make_producer(settings);
  const std::int64_t begin_ms = wall_us() / 1000 + 4000 + count / 100;
  for (std::int64_t i = 0; i < count; ++i)
    schedule(producer, topic, value, begin_ms + i * 1000 / settings.rate);
  must(producer.flush());
  if (wall_us() / 1000 >= begin_ms) fmt::print("the first were due before all were scheduled\n");

  ConsumerOptions options{.client = {.brokers = {settings.broker}}};
  options.offset_reset = OffsetReset::earliest;
  auto consumer = must(Consumer::create(options));
  std::vector<TopicPartition> partitions;
  for (std::int32_t i = 0; i < 4; ++i) partitions.push_back({topic, i});
  must(consumer.assign(std::move(partitions)));
  std::vector<double> late;
  while (std::ssize(late) < count) {
    const auto records = must(consumer.poll(std::chrono::seconds(30)));
    if (records.empty()) break;
    const auto now = static_cast<double>(wall_us()) / 1000;
    for (const RecordView& record : records)
      late.push_back(now - static_cast<double>(due_of(record)));
  }
  fmt::print("{} of {} records came\n", late.size(), count);
  if (!late.empty()) print_quantiles(std::move(late));
}

void measure_pending(const Settings& settings) {
  const std::string topic = create_topic(settings, 16);
  const std::string value(settings.size, 'x');
  constexpr std::int64_t day_ms = 86'400'000;
  const double before = own_memory(settings.pid);
  const std::int64_t begin = wall_us();
  Producer producer = make_producer(settings);
  std::uint64_t state = 1;
  for (std::int64_t i = 0; i < settings.count; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const auto ahead = day_ms + static_cast<std::int64_t>((state >> 33) % (5 * day_ms));
    schedule(producer, topic, value, begin / 1000 + ahead);
  }
  must(producer.flush());
  fmt::print("{} scheduled in {:.1f} s; memory MiB: {:.1f} before, {:.1f} after\n", settings.count,
             static_cast<double>(wall_us() - begin) / 1e6, before, own_memory(settings.pid));
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  sluice::bench::Settings settings;
  CLI::App app{"How late scheduled records come, and what those that wait cost"};
  app.add_option("broker", settings.broker, "HOST:PORT")->required();
  app.require_subcommand(1);
  auto* lateness = app.add_subcommand("lateness", "how late records come");
  lateness->add_option("--rate", settings.rate, "records due a second");
  lateness->add_option("--seconds", settings.seconds, "how long");
  lateness->add_option("--size", settings.size, "bytes of a value");
  auto* pending = app.add_subcommand("pending", "what records that wait cost");
  pending->add_option("--count", settings.count, "records");
  pending->add_option("--size", settings.size, "bytes of a value");
  pending->add_option("--pid", settings.pid, "of the broker");
  auto* memory = app.add_subcommand("memory", "what the broker's process has");
  memory->add_option("--pid", settings.pid, "of the broker")->required();
  CLI11_PARSE(app, argc, argv);
  if (*lateness) sluice::bench::measure_lateness(settings);
  if (*pending) sluice::bench::measure_pending(settings);
  if (*memory) fmt::print("memory MiB: {:.1f}\n", sluice::bench::own_memory(settings.pid));
}
