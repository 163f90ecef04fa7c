// Produce: a closed loop that keeps every connection full, or an open one on a fixed schedule.
#include "tools/sluice/bench_connection.hpp"
#include "tools/sluice/bench_round.hpp"
#include "tools/sluice/bench_schedule.hpp"

#include <algorithm>
#include <limits>

namespace sluice::bench {
namespace {

constexpr std::int64_t answer_ns_max = 30'000'000'000;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

std::int64_t wall_clock_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Enough that no cache of the broker's side sees the same bytes at once, few enough to stay in
// ours.
std::size_t variants_of(const Settings& settings) {
  return std::clamp<std::size_t>((512 * 1024) / std::max<std::size_t>(1, settings.batch_bytes), 2,
                                 8);
}

// The partitions of connection `index`: a share of them, or one that it shares.
std::vector<std::int32_t> partitions_of(int index, int connections, std::int32_t partitions) {
  std::vector<std::int32_t> mine;
  for (std::int32_t p = index % partitions; p < partitions; p += connections) mine.push_back(p);
  if (connections >= partitions) mine.resize(1);
  return mine;
}

class ProduceLoop {
 public:
  ProduceLoop(const Settings& settings, const CpuMeter& meter)
      : settings_(settings),
        batches_({settings.record_bytes, settings.batch_bytes}, variants_of(settings),
                 wall_clock_ms(), 1),
        cpu_(meter),
        next_event_(static_cast<std::size_t>(settings.connections), 0) {}

  Result<> connect(const Target& target, Poller& poller) {
    for (int i = 0; i < settings_.connections; ++i) {
      auto fd = connect_to(target.address);
      if (!fd) return std::unexpected(fd.error());
      connections_.emplace_back(std::move(*fd), target.topic,
                                partitions_of(i, settings_.connections, target.partitions),
                                settings_.acks, batches_.size());
      const auto added = poller.add(connections_.back().fd(), static_cast<std::uint32_t>(i));
      if (!added) return added;
    }
    return {};
  }

  Result<Round> run(Poller& poller) {
    const Window window(now_ns(), settings_);
    if (settings_.rate > 0)
      schedule_.emplace(window.begin() - Window::ns(settings_.warmup_seconds),
                        settings_.rate / static_cast<double>(batches_.records()));
    last_answer_ = now_ns();
    for (;;) {
      if (const auto wanted = not_interrupted(); !wanted) return std::unexpected(wanted.error());
      now_ = now_ns();
      cpu_.at(now_, window);
      for (std::size_t i = 0; i < connections_.size(); ++i)
        if (const auto sent = send_due(i, window); !sent) return std::unexpected(sent.error());
      if (now_ >= window.end() && all_answered()) break;
      if (now_ - last_answer_ > answer_ns_max && waiting())
        return fail(Errc::timed_out, "a produce request has no answer for 30 s");
      if (now_ >= give_up_at(window)) break;
      if (const auto read = read_ready(poller, window); !read) return std::unexpected(read.error());
    }
    return finish(window);
  }

 private:
  Result<> send_due(std::size_t index, const Window& window) {
    auto& connection = connections_[index];
    if (connection.sending()) {
      const auto sent = connection.go_on();
      if (!sent) return sent;
    }
    while (!connection.sending() &&
           connection.in_flight() < static_cast<std::size_t>(settings_.in_flight)) {
      const auto due = next_due(index);
      if (due > now_ || due >= window.end()) return {};
      ++next_event_[index];
      const auto sent = connection.send(batches_.next(), due);
      if (!sent) return sent;
      round_.published += batches_.records();
      if (settings_.acks == 0) count(window, now_, nullptr);
      if (settings_.acks == 0 && now_ns() >= window.end()) return {};
    }
    return {};
  }

  // When connection `index` is to send next: in a closed loop at once.
  std::int64_t next_due(std::size_t index) const {
    if (!schedule_) return now_;
    return schedule_->due(next_event_[index] * connections_.size() + index);
  }

  Result<> read_ready(Poller& poller, const Window& window) {
    for (const auto& event : poller.wait(wait_ns(window))) {
      auto& connection = connections_[event.data.u32];
      if ((event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) continue;
      const auto read = connection.read([&](std::int64_t sent_at, const ProduceReply&) {
        now_ = now_ns();
        last_answer_ = now_;
        count(window, sent_at, &now_);
      });
      if (!read) return read;
    }
    return {};
  }

  // A closed loop counts what was answered within the window, an open one what was due in it.
  void count(const Window& window, std::int64_t sent_at, const std::int64_t* answered_at) {
    const auto at = answered_at ? *answered_at : sent_at;
    if (window.holds(at)) {
      ++round_.requests;
      round_.records += batches_.records();
      round_.bytes += batches_.size();
    }
    if (answered_at && window.holds(schedule_ ? sent_at : at))
      round_.latency.record(*answered_at - sent_at);
  }

  bool waiting() const {
    return std::ranges::any_of(connections_, [](const auto& c) { return c.in_flight() > 0; });
  }
  bool all_answered() const {
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      if (connections_[i].in_flight() > 0 || connections_[i].sending()) return false;
    }
    return true;
  }
  // An open loop that the broker cannot follow is cut off after twice the time.
  std::int64_t give_up_at(const Window& window) const {
    if (!schedule_) return never;
    return window.end() + (window.end() - window.begin());
  }

  // Until the next request of an idle connection is due, or the end.
  std::int64_t wait_ns(const Window& window) const {
    std::int64_t at = now_ < window.begin() ? window.begin() : now_ + 100'000'000;
    if (now_ < window.end()) at = std::min(at, window.end());
    for (std::size_t i = 0; schedule_ && i < connections_.size(); ++i) {
      const auto& connection = connections_[i];
      if (connection.sending() ||
          connection.in_flight() >= static_cast<std::size_t>(settings_.in_flight))
        continue;
      if (const auto due = next_due(i); due < window.end()) at = std::min(at, due);
    }
    return std::max<std::int64_t>(0, at - now_ns());
  }

  Round finish(const Window& window) {
    cpu_.finish();
    round_.cpu_seconds = cpu_.seconds();
    round_.seconds = static_cast<double>(window.end() - window.begin()) / 1e9;
    for (std::size_t i = 0; schedule_ && i < connections_.size(); ++i)
      for (auto event = next_event_[i];
           schedule_->due(event * connections_.size() + i) < window.end(); ++event)
        ++round_.unsent;
    return std::move(round_);
  }

  const Settings& settings_;
  Batches batches_;
  CpuWindow cpu_;
  std::vector<std::uint64_t> next_event_;  // by connection
  std::vector<ProduceConnection> connections_;
  std::optional<Schedule> schedule_;
  std::int64_t now_ = 0;
  std::int64_t last_answer_ = 0;
  Round round_;
};

}  // namespace

Result<Round> run_produce(const Settings& settings, const Target& target, const CpuMeter& meter) {
  auto poller = Poller::create();
  if (!poller) return std::unexpected(poller.error());
  ProduceLoop loop(settings, meter);
  if (const auto connected = loop.connect(target, *poller); !connected)
    return std::unexpected(connected.error());
  return loop.run(*poller);
}

Result<> fill(const Settings& settings, const Target& target, std::uint64_t bytes) {
  Batches batches({settings.record_bytes, settings.batch_bytes}, variants_of(settings),
                  wall_clock_ms(), 2);
  auto fd = connect_to(target.address);
  if (!fd) return std::unexpected(fd.error());
  auto poller = Poller::create();
  if (!poller) return std::unexpected(poller.error());
  ProduceConnection connection(std::move(*fd), target.topic, partitions_of(0, 1, target.partitions),
                               -1, batches.size());
  if (const auto added = poller->add(connection.fd(), 0); !added) return added;
  for (std::uint64_t sent = 0; sent < bytes || connection.in_flight() > 0;) {
    if (connection.sending())
      if (const auto more = connection.go_on(); !more) return more;
    while (sent < bytes && !connection.sending() && connection.in_flight() < 4) {
      if (const auto out = connection.send(batches.next(), 0); !out) return out;
      sent += batches.size();
    }
    const auto ready = poller->wait(answer_ns_max);
    if (const auto wanted = not_interrupted(); !wanted) return wanted;
    if (ready.empty()) return fail(Errc::timed_out, "a produce request has no answer");
    const auto read = connection.read([](std::int64_t, const ProduceReply&) {});
    if (!read) return read;
  }
  return {};
}

}  // namespace sluice::bench
