// The public face of the consumer: on the loop where that is this thread, else through it.
#include "sluice/consumer.hpp"

#include "client/consumer_core.hpp"
#include "client/operation.hpp"

#include <algorithm>
#include <utility>

namespace sluice {

void client::RetireConsumer::operator()(ConsumerCore* core) const {
  retire(std::unique_ptr<ConsumerCore>(core));
}

Consumer::Consumer(Core core) : core_(std::move(core)) {}
Consumer::~Consumer() = default;
Consumer::Consumer(Consumer&&) noexcept = default;
Consumer& Consumer::operator=(Consumer&&) noexcept = default;

Result<Consumer> Consumer::create(ConsumerOptions options) {
  if (options.assignors.empty()) return fail(Errc::invalid_argument, "no assignor");
  auto cluster = client::Cluster::create(options.client);
  if (!cluster) return std::unexpected(cluster.error());
  return Consumer(Core(
      std::make_unique<client::ConsumerCore>(std::move(options), std::move(*cluster)).release()));
}

Result<> Consumer::subscribe(std::vector<std::string> topics) {
  return core_->loop().call([&] { return core_->subscribe(std::move(topics)); });
}

Result<> Consumer::subscribe_pattern(const std::string& pattern) {
  return core_->loop().call([&] { return core_->subscribe_pattern(pattern); });
}

Result<> Consumer::assign(Partitions partitions, Deadline deadline) {
  return client::run(core_->cluster(), core_->assign(std::move(partitions), core_->until(deadline)),
                     deadline);
}

Consumer::Partitions Consumer::assignment() const {
  return core_->loop().call([this] {
    Partitions partitions;
    for (const auto& [where, partition] : core_->state().partitions()) partitions.push_back(where);
    return partitions;
  });
}

// ---- Records ----

Result<Consumer::Records> Consumer::poll(std::chrono::milliseconds wait) {
  return poll(Deadline::in(wait));
}

Result<Consumer::Records> Consumer::poll(Deadline deadline) {
  auto& loop = core_->loop();
  if (loop.runs_here()) {
    loop.poll();
    auto records = core_->try_poll();
    if (!records || !records->empty()) return records;
  }
  const auto until = deadline.or_after(core_->options().client.request_timeout);
  return client::run(core_->cluster(), core_->poll(until, deadline.stop_token()), deadline);
}

void Consumer::poll(Done<Records> done, Deadline deadline) {
  const auto until = deadline.or_after(core_->options().client.request_timeout);
  client::start(core_->cluster(), core_->poll(until, deadline.stop_token()), deadline.stop_token(),
                done);
}

std::optional<Rebalance> Consumer::take_rebalance() {
  return core_->loop().call([this] { return core_->group().take_rebalance(); });
}

// ---- Positions ----

Result<> Consumer::seek(const TopicPartition& where, Offset offset) {
  return core_->loop().call([&]() -> Result<> {
    auto* partition = core_->state().find(where);
    if (!partition || offset < 0) return fail(Errc::invalid_argument, "seek " + where.to_string());
    core_->state().seek(*partition, offset);
    core_->fetcher().wake();
    return {};
  });
}

namespace {

Result<> set_paused(client::ConsumerCore& core, const TopicPartition& where, bool paused) {
  return core.loop().call([&]() -> Result<> {
    auto* partition = core.state().find(where);
    if (!partition) return fail(Errc::invalid_argument, where.to_string() + " is not assigned");
    partition->paused = paused;
    core.fetcher().wake();
    return {};
  });
}

}  // namespace

Result<> Consumer::pause(const TopicPartition& where) { return set_paused(*core_, where, true); }
Result<> Consumer::resume(const TopicPartition& where) { return set_paused(*core_, where, false); }

Consumer::Offsets Consumer::positions() const {
  return core_->loop().call([this] {
    Offsets offsets;
    for (const auto& [where, partition] : core_->state().partitions())
      offsets[where] = partition.position;
    return offsets;
  });
}

Consumer::Offsets Consumer::end_positions() const {
  return core_->loop().call([this] {
    Offsets offsets;
    for (const auto& [where, partition] : core_->state().partitions())
      offsets[where] = partition.end;
    return offsets;
  });
}

std::map<TopicPartition, std::int64_t> Consumer::lag() const {
  return core_->loop().call([this] {
    std::map<TopicPartition, std::int64_t> lag;
    for (const auto& [where, partition] : core_->state().partitions()) {
      const bool known = partition.position >= 0 && partition.end >= 0;
      lag[where] = known ? std::max<std::int64_t>(0, partition.end - partition.position) : -1;
    }
    return lag;
  });
}

// ---- Commits ----

Result<> Consumer::commit(Deadline deadline) {
  return client::run(core_->cluster(), core_->commit(std::nullopt, core_->until(deadline)),
                     deadline);
}

Result<> Consumer::commit(const Offsets& offsets, Deadline deadline) {
  return client::run(core_->cluster(), core_->commit(offsets, core_->until(deadline)), deadline);
}

void Consumer::commit(Done<> done, Deadline deadline) {
  client::start(core_->cluster(), core_->commit(std::nullopt, core_->until(deadline)),
                deadline.stop_token(), done);
}

void Consumer::commit_later() {
  auto& loop = core_->loop();
  loop.call([this] { core_->commit_in_background(); });
  if (loop.runs_here()) loop.poll();
}

Result<std::map<TopicPartition, CommittedOffset>> Consumer::committed(const Partitions& partitions,
                                                                      Deadline deadline) {
  return client::run(core_->cluster(), core_->committed(partitions, core_->until(deadline)),
                     deadline);
}

// ---- Offsets ----

Result<std::map<TopicPartition, TimestampOffset>> Consumer::offsets_for_times(
    const std::map<TopicPartition, std::int64_t>& times, Deadline deadline) {
  return client::run(core_->cluster(), core_->offsets_for_times(times, core_->until(deadline)),
                     deadline);
}

namespace {

std::map<TopicPartition, std::int64_t> all_at(const Consumer::Partitions& partitions,
                                              OffsetSpec spec) {
  std::map<TopicPartition, std::int64_t> at;
  for (const auto& where : partitions) at[where] = static_cast<std::int64_t>(spec);
  return at;
}

Result<Consumer::Offsets> only_offsets(
    const Result<std::map<TopicPartition, TimestampOffset>>& found) {
  if (!found) return std::unexpected(found.error());
  Consumer::Offsets offsets;
  for (const auto& [where, at] : *found) offsets[where] = at.offset;
  return offsets;
}

}  // namespace

Result<Consumer::Offsets> Consumer::beginning_offsets(const Partitions& partitions,
                                                      Deadline deadline) {
  return only_offsets(offsets_for_times(all_at(partitions, OffsetSpec::earliest), deadline));
}

Result<Consumer::Offsets> Consumer::end_offsets(const Partitions& partitions, Deadline deadline) {
  return only_offsets(offsets_for_times(all_at(partitions, OffsetSpec::latest), deadline));
}

Result<Consumer::Partitions> Consumer::partitions_of(std::string_view topic, Deadline deadline) {
  return client::run(core_->cluster(),
                     core_->partitions_of(std::string(topic), core_->until(deadline)), deadline);
}

Result<> Consumer::close(Deadline deadline) {
  return core_->loop().run(core_->close(core_->until(deadline)));
}

}  // namespace sluice
