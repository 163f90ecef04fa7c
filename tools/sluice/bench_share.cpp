// Share group: consumers of one partition that accept every record, all that was written or what is
// published on a fixed schedule meanwhile.
#include "base/random.hpp"
#include "sluice/admin.hpp"
#include "sluice/error.hpp"
#include "tools/sluice/bench_connection.hpp"
#include "tools/sluice/bench_round.hpp"
#include "tools/sluice/bench_schedule.hpp"
#include "tools/sluice/bench_share_connection.hpp"
#include "tools/sluice/bench_share_group.hpp"

#include <algorithm>
#include <memory>
#include <optional>

namespace sluice::bench {
namespace {

constexpr std::int64_t answer_ns_max = 30'000'000'000;
// How long after the last record was due the consumers go on.
constexpr std::int64_t patience_ns = 10'000'000'000;
constexpr std::int32_t max_wait_ms = 200;

std::string random_id(SystemRandom& random) {
  Uuid id;
  for (auto& octet : id.octets) octet = static_cast<std::byte>(random.next());
  return id.to_string();
}

// The members of one group, each on a connection of its own.
class Members {
 public:
  // A new group that begins at the first record.
  static Result<Members> make(const Settings& settings, const Target& target, Admin& admin,
                              Poller& poller) {
    Members members;
    SystemRandom random;
    members.group_ = "sluice-bench-" + std::to_string(random.below(1'000'000'000));
    std::vector<ConfigSetting> configs{{"share.auto.offset.reset", "earliest"}};
    for (const auto& [name, value] : settings.group_configs) configs.push_back({name, value});
    const auto set = admin.alter_configs({ResourceType::group, members.group_}, configs);
    if (!set) return std::unexpected(set.error());
    const ShareWish wish{.topic = target.topic_id,
                         .records = settings.share_records,
                         .max_wait_ms = max_wait_ms,
                         .released_percent = settings.released_percent};
    std::vector<std::string> names;
    for (int i = 0; i < settings.connections; ++i) {
      auto fd = connect_to(target.address);
      if (!fd) return std::unexpected(fd.error());
      if (const auto added = poller.add(fd->get(), static_cast<std::uint32_t>(i)); !added)
        return std::unexpected(added.error());
      names.push_back(random_id(random));  // Kafka takes nothing else for a member
      members.all_.push_back(std::make_unique<ShareConnection>(std::move(*fd), wish, names.back()));
      members.all_.back()->join(members.group_);
    }
    auto joined = ShareGroup::join(target.address, members.group_, target.topic, target.topic_id,
                                   std::move(names));
    if (!joined) return std::unexpected(joined.error());
    members.membership_.emplace(std::move(*joined));
    return members;
  }

  ShareConnection& operator[](std::size_t number) { return *all_[number]; }
  Result<> keep(std::int64_t now) { return membership_->keep(now); }
  Result<> send_all() {
    for (const auto& one : all_)
      if (const auto sent = one->send(now_ns()); !sent) return sent;
    return {};
  }

 private:
  std::string group_;
  std::vector<std::unique_ptr<ShareConnection>> all_;
  std::optional<ShareGroup> membership_;
};

// Everything that was written, accepted by one group after the other until the time is over. What
// counts is the records that are accepted when they come for the first time, and the time until all
// of these are: the others wait as long as the group's backoff says.
class Drain {
 public:
  Drain(const Settings& settings, const Target& target, const CpuMeter& meter, Admin& admin)
      : settings_(settings), target_(target), meter_(meter), admin_(admin) {
    total_ = static_cast<std::uint64_t>(target.end_offsets[0] - target.first_offsets[0]);
  }

  Result<Round> run() {
    if (total_ == 0)
      return fail(Errc::invalid_argument, "'" + target_.topic +
                                              "' has nothing to take; --fill SIZE writes "
                                              "something, --rate publishes meanwhile");
    const auto cpu = meter_.seconds();
    while (round_.seconds < settings_.duration_seconds)
      if (const auto passed = pass(); !passed) return std::unexpected(passed.error());
    if (const auto now = meter_.seconds(); now && cpu) round_.cpu_seconds = *now - *cpu;
    return std::move(round_);
  }

 private:
  Result<> pass() {
    auto poller = Poller::create();
    if (!poller) return std::unexpected(poller.error());
    auto members = Members::make(settings_, target_, admin_, *poller);
    if (!members) return std::unexpected(members.error());
    const std::uint64_t others = total_ - released();
    const auto begin = now_ns();
    auto end = begin;
    if (const auto sent = members->send_all(); !sent) return sent;
    std::uint64_t at_once = 0;
    for (std::uint64_t accepted = 0; accepted < total_;) {
      const auto ready = poller->wait(answer_ns_max);
      if (const auto wanted = not_interrupted(); !wanted) return wanted;
      if (ready.empty()) return fail(Errc::timed_out, "a share fetch has no answer for 30 s");
      if (const auto kept = members->keep(now_ns()); !kept) return kept;
      for (const auto& event : ready) {
        ShareConnection& member = (*members)[event.data.u32];
        if (const auto sent = member.go_on(); !sent) return sent;
        const auto reply = member.read();
        if (!reply) return std::unexpected(reply.error());
        if (!*reply) continue;
        const auto now = now_ns();
        if (at_once < others) end = now;
        ++round_.requests;
        accepted += (*reply)->accepted;
        at_once += (*reply)->accepted_at_once;
        round_.bytes += (*reply)->bytes;
        round_.latency.record(now - member.sent_at());
        if (accepted < total_)
          if (const auto sent = member.send(now); !sent) return sent;
      }
    }
    round_.records += others;
    ++round_.passes;
    round_.seconds += static_cast<double>(end - begin) / 1e9;
    return {};
  }

  // How many records of a pass come twice.
  std::uint64_t released() const {
    std::uint64_t released = 0;
    for (Offset at = target_.first_offsets[0]; at < target_.end_offsets[0]; ++at)
      if (is_released_once(at, settings_.released_percent)) ++released;
    return released;
  }

  const Settings& settings_;
  const Target& target_;
  const CpuMeter& meter_;
  Admin& admin_;
  std::uint64_t total_;
  Round round_;
};

// Single records on a fixed schedule. A latency runs from when a record was due to when a consumer
// has it for the first time.
class Paced {
 public:
  Paced(const Settings& settings, const Target& target, const CpuMeter& meter, Descriptor producer)
      : settings_(settings),
        cpu_(meter),
        batches_({settings.record_bytes, 0}, 1, 0, 3),
        producer_(std::move(producer), target.topic, {0}, settings.acks, batches_.size()),
        base_(target.end_offsets.front()) {}

  Result<Round> run(Poller& poller, Members& members) {
    const auto producer_tag = static_cast<std::uint32_t>(settings_.connections);
    if (const auto added = poller.add(producer_.fd(), producer_tag); !added)
      return std::unexpected(added.error());
    if (const auto sent = members.send_all(); !sent) return std::unexpected(sent.error());
    const Window window(now_ns(), settings_);
    const Schedule schedule(window.begin() - Window::ns(settings_.warmup_seconds), settings_.rate);
    const auto total = schedule.due_count(window.end() - 1);
    std::uint64_t accepted = 0;
    while (accepted < total && now_ns() < window.end() + patience_ns) {
      if (const auto wanted = not_interrupted(); !wanted) return std::unexpected(wanted.error());
      now_ = now_ns();
      cpu_.at(now_, window);
      if (const auto kept = members.keep(now_); !kept) return std::unexpected(kept.error());
      if (const auto sent = publish(schedule, total); !sent) return std::unexpected(sent.error());
      for (const auto& event : poller.wait(wait_ns(schedule, total))) {
        if (event.data.u32 == producer_tag) {
          const auto read = producer_.read([](std::int64_t, const ProduceReply&) {});
          if (!read) return std::unexpected(read.error());
          continue;
        }
        const auto served = serve(members[event.data.u32], schedule, window, accepted);
        if (!served) return std::unexpected(served.error());
      }
    }
    cpu_.finish();
    round_.cpu_seconds = cpu_.seconds();
    round_.seconds = static_cast<double>(window.end() - window.begin()) / 1e9;
    round_.unsent = total - published_;
    round_.lost = published_ - accepted;
    return std::move(round_);
  }

 private:
  Result<> publish(const Schedule& schedule, std::uint64_t total) {
    if (const auto sent = producer_.go_on(); !sent) return sent;
    while (published_ < total && !producer_.sending() &&
           producer_.in_flight() < static_cast<std::size_t>(settings_.in_flight) &&
           schedule.due(published_) <= now_) {
      const auto due = schedule.due(published_);
      if (const auto sent = producer_.send(batches_.numbered(published_), due); !sent) return sent;
      ++published_;
    }
    return {};
  }

  Result<> serve(ShareConnection& member, const Schedule& schedule, const Window& window,
                 std::uint64_t& accepted) {
    if (const auto sent = member.go_on(); !sent) return sent;
    const auto reply = member.read();
    if (!reply) return std::unexpected(reply.error());
    if (!*reply) return {};
    now_ = now_ns();
    accepted += (*reply)->accepted;
    for (const Taken& taken : (*reply)->taken) {
      if (taken.delivery_count > 1) continue;
      for (Offset at = taken.first_offset; at <= taken.last_offset; ++at) {
        const auto due = schedule.due(static_cast<std::uint64_t>(at - base_));
        if (window.holds(due)) round_.latency.record(now_ - due);
        if (window.holds(now_)) ++round_.records;
      }
    }
    if (window.holds(now_)) {
      ++round_.requests;
      round_.bytes += (*reply)->bytes;
    }
    return member.send(now_);
  }

  std::int64_t wait_ns(const Schedule& schedule, std::uint64_t total) const {
    constexpr std::int64_t look_again_ns = 50'000'000;
    if (published_ >= total || producer_.sending() ||
        producer_.in_flight() >= static_cast<std::size_t>(settings_.in_flight))
      return look_again_ns;
    return std::clamp<std::int64_t>(schedule.due(published_) - now_ns(), 0, look_again_ns);
  }

  const Settings& settings_;
  CpuWindow cpu_;
  Batches batches_;
  ProduceConnection producer_;
  Offset base_;  // of the first record
  std::uint64_t published_ = 0;
  std::int64_t now_ = 0;
  Round round_;
};

}  // namespace

Result<Round> run_share(const Settings& settings, const Target& target, const CpuMeter& meter) {
  auto admin = Admin::create({.brokers = {target.address}, .client_id = "sluice-bench"});
  if (!admin) return std::unexpected(admin.error());
  if (settings.rate == 0) return Drain(settings, target, meter, *admin).run();
  auto poller = Poller::create();
  if (!poller) return std::unexpected(poller.error());
  auto members = Members::make(settings, target, *admin, *poller);
  if (!members) return std::unexpected(members.error());
  auto producer = connect_to(target.address);
  if (!producer) return std::unexpected(producer.error());
  Paced paced(settings, target, meter, std::move(*producer));
  return paced.run(*poller, *members);
}

}  // namespace sluice::bench
