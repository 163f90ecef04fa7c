#include "tools/sluice/bench.hpp"

#include "base/random.hpp"
#include "sluice/admin.hpp"
#include "sluice/error.hpp"
#include "tools/sluice/bench_report.hpp"
#include "tools/sluice/commands.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <poll.h>
#include <unistd.h>

namespace sluice::bench {

std::optional<double> CpuMeter::seconds() const {
  if (!pid_) return {};
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(*pid_));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path, "re"), &std::fclose);
  char text[1024];
  const auto size = file ? std::fread(text, 1, sizeof text - 1, file.get()) : 0;
  text[size] = 0;
  // The name in parentheses may hold anything; utime and stime are the 12th and 13th field after
  // it.
  const auto close = std::string_view(text, size).rfind(')');
  unsigned long user = 0;
  unsigned long system = 0;
  if (close == std::string_view::npos ||
      std::sscanf(text + close + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", &user,
                  &system) != 2)
    return {};
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

Result<> not_interrupted() {
  if (cli::interrupted()) return fail(Errc::cancelled, "bench");
  return {};
}

}  // namespace sluice::bench

namespace sluice::cli {
namespace {

using bench::Mode;
using bench::Round;
using bench::Settings;
using bench::Target;

// The topic of one round: made when it is missing, deleted when it was made for the round only.
class BenchTopic {
 public:
  static Result<BenchTopic> make(const Settings& settings, const std::string& address) {
    auto admin = Admin::create({.brokers = {address}, .client_id = "sluice-bench"});
    if (!admin) return std::unexpected(admin.error());
    std::string name = settings.topic;
    if (name.empty()) {
      SystemRandom random;
      name = "sluice-bench-" + std::to_string(random.below(1'000'000'000));
    }
    BenchTopic topic(std::move(*admin), name);
    if (const auto made = topic.create(settings); !made) return std::unexpected(made.error());
    topic.temporary_ = settings.topic.empty() && !settings.keep_topic;
    return topic;
  }

  // What a run needs to know. `read_offsets`: first and end offsets too.
  Result<Target> target(const std::string& address) {
    auto found = ready_topic();
    if (!found) return std::unexpected(found.error());
    Target target{.address = address, .topic = name_, .topic_id = found->id};
    target.partitions = static_cast<std::int32_t>(found->partitions.size());
    for (const auto spec : {OffsetSpec::earliest, OffsetSpec::latest}) {
      std::map<TopicPartition, std::int64_t> wanted;
      for (std::int32_t p = 0; p < target.partitions; ++p)
        wanted[{name_, p}] = static_cast<std::int64_t>(spec);
      const auto offsets = admin_.offsets(wanted);
      if (!offsets) return std::unexpected(offsets.error());
      auto& into = spec == OffsetSpec::earliest ? target.first_offsets : target.end_offsets;
      for (const auto& [partition, offset] : *offsets) into.push_back(offset.offset);
    }
    return target;
  }

  // Nothing is answered with acks 0: how many of `published` records have not arrived when the
  // topic has stopped growing.
  Result<std::uint64_t> missing(const Target& before, std::uint64_t published) {
    constexpr int pause_ms = 200;
    std::uint64_t arrived = 0;
    for (bool grew = true; grew && arrived < published;) {
      ::poll(nullptr, 0, pause_ms);
      const auto now = target(before.address);
      if (!now) return std::unexpected(now.error());
      std::uint64_t sum = 0;
      for (std::size_t p = 0; p < now->end_offsets.size(); ++p)
        sum += static_cast<std::uint64_t>(now->end_offsets[p] - before.end_offsets[p]);
      grew = sum > arrived;
      arrived = sum;
    }
    return published - std::min(arrived, published);
  }

  Result<> remove() {
    if (!temporary_) return {};
    return admin_.delete_topic(name_);
  }

 private:
  BenchTopic(Admin admin, std::string name) : admin_(std::move(admin)), name_(std::move(name)) {}

  Result<> create(const Settings& settings) {
    NewTopic topic{.name = name_, .partitions = settings.partitions, .replication = 1};
    for (const auto& [key, value] : settings.topic_configs) topic.configs.push_back({key, value});
    const auto created = admin_.create_topic(topic);
    const auto exists = make_error_code(ErrorCode::topic_already_exists);
    if (!created && created.error().code != exists) return created;
    return {};
  }

  // A new topic may take a moment until its partitions are led.
  Result<TopicInfo> ready_topic() {
    constexpr int tries = 500;
    constexpr int pause_ms = 20;
    for (int i = 0; i < tries; ++i) {
      auto found = admin_.topics({name_});
      if (!found) return std::unexpected(found.error());
      const auto& partitions = found->front().partitions;
      const bool led = std::ranges::all_of(partitions, [](const auto& p) { return p.leader >= 0; });
      if (!partitions.empty() && led) return std::move(found->front());
      ::poll(nullptr, 0, pause_ms);
    }
    return fail(Errc::timed_out, "topic '" + name_ + "' has no leader");
  }

  Admin admin_;
  std::string name_;
  bool temporary_ = false;
};

Result<Round> run(const Settings& settings, const Target& target, const bench::CpuMeter& meter) {
  switch (settings.mode) {
    case Mode::produce:
      return bench::run_produce(settings, target, meter);
    case Mode::fetch:
      return bench::run_fetch(settings, target, meter);
    case Mode::latency:
      return bench::run_latency(settings, target, meter);
    case Mode::share:
      break;
  }
  return bench::run_share(settings, target, meter);
}

Result<Round> run_on(BenchTopic& topic, const Settings& settings, const std::string& address,
                     std::optional<int> pid) {
  auto target = topic.target(address);
  if (target && settings.fill_bytes > 0) {
    const auto filled = bench::fill(settings, *target, settings.fill_bytes);
    if (!filled) return std::unexpected(filled.error());
    target = topic.target(address);
  }
  if (!target) return std::unexpected(target.error());
  const bench::CpuMeter meter(pid);
  auto round = run(settings, *target, meter);
  if (round && settings.mode == Mode::produce && settings.acks == 0) {
    const auto missing = topic.missing(*target, round->published);
    if (!missing) return std::unexpected(missing.error());
    round->lost = *missing;
  }
  return round;
}

Result<Round> run_once(const Settings& settings, const std::string& address,
                       std::optional<int> pid) {
  auto topic = BenchTopic::make(settings, address);
  if (!topic) return std::unexpected(topic.error());
  auto round = run_on(*topic, settings, address, pid);
  const auto removed = topic->remove();  // whatever went wrong
  if (round && !removed) return std::unexpected(removed.error());
  return round;
}

// The options that are text, as settings. Errors: Errc::invalid_argument.
Result<> complete(BenchOptions& options) {
  auto& settings = options.settings;
  settings.acks = static_cast<std::int16_t>(options.acks == "0" ? 0 : options.acks == "1" ? 1 : -1);
  for (const auto& text : options.topic_configs) {
    auto pair = name_and_value(text);
    if (!pair) return fail(Errc::invalid_argument, "--topic-config '" + text + "': NAME=VALUE");
    settings.topic_configs.push_back(std::move(*pair));
  }
  for (const auto& text : options.group_configs) {
    auto pair = name_and_value(text);
    if (!pair) return fail(Errc::invalid_argument, "--group-config '" + text + "': NAME=VALUE");
    settings.group_configs.push_back(std::move(*pair));
  }
  if (options.from != "earliest") {
    std::int64_t offset = 0;
    const char* end = options.from.data() + options.from.size();
    const auto [stop, error] = std::from_chars(options.from.data(), end, offset);
    if (error != std::errc{} || stop != end || offset < 0)
      return fail(Errc::invalid_argument, "--from takes 'earliest' or an offset");
    settings.from = offset;
  }
  if (!(settings.duration_seconds > 0))
    return fail(Errc::invalid_argument, "--duration must be longer than 0s");
  if (settings.mode == Mode::latency && settings.record_bytes < sizeof(std::uint64_t))
    return fail(Errc::invalid_argument, "records of a latency run have 8 bytes or more");
  if (settings.mode == Mode::latency && settings.acks == 0)
    settings.in_flight = 1'000'000;  // nothing is answered
  return {};
}

Exit give_up(const Error& error, const std::string& address) {
  if (error.code == make_error_code(Errc::unreachable))
    return complain(Exit::unreachable, "cannot reach a broker at " + address);
  if (error.is(Errc::invalid_argument)) return complain(Exit::usage, error.context);
  if (error.is(Errc::cancelled)) return complain_of_interrupt("there are no figures");
  return complain(Exit::failed, "bench on " + address + ": " + error.message());
}

}  // namespace

Exit bench(const Global& global, const BenchOptions& asked) {
  catch_interrupts();  // so that the topic is deleted
  BenchOptions options = asked;
  if (const auto completed = complete(options); !completed)
    return complain(Exit::usage, completed.error().context);
  const std::string broker = global.brokers.substr(0, global.brokers.find(','));
  std::vector<bench::Series> series{{.broker = broker}};
  std::vector<std::optional<int>> pids{options.broker_pid, options.peer_pid};
  if (!options.peer.empty()) series.push_back({.broker = options.peer});
  std::uint64_t lost = 0;
  for (int round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < series.size(); ++i) {
      auto result = run_once(options.settings, series[i].broker, pids[i]);
      if (!result) return give_up(result.error(), series[i].broker);
      lost += result->lost;
      series[i].rounds.push_back(std::move(*result));
    }
  }
  Output out;
  out.write(global.json ? bench::json_of(options.settings, series)
                        : bench::table_of(series, style_for(STDOUT_FILENO)));
  if (lost > 0) return complain(Exit::failed, std::to_string(lost) + " records were lost");
  return Exit::ok;
}

}  // namespace sluice::cli
