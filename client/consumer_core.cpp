#include "client/consumer_core.hpp"

#include "client/offsets.hpp"
#include "sluice/error.hpp"

#include <regex>
#include <utility>

namespace sluice::client {

ConsumerCore::ConsumerCore(ConsumerOptions options, std::unique_ptr<Cluster> cluster)
    : options_(std::move(options)),
      cluster_(std::move(cluster)),
      state_({.check_crcs = options_.check_crcs,
              .isolation = options_.isolation,
              .prefetch_bytes = options_.prefetch_bytes}),
      fetcher_(*cluster_, state_, options_),
      group_(*cluster_, state_, fetcher_, options_) {
  loop().call([this] { fetcher_.start(); });
}

ConsumerCore::~ConsumerCore() {
  if (stopped_) return;
  const auto stopped = loop().run(stop());
  static_cast<void>(stopped);
  if (loop().runs_here() && !loop().inside()) loop().poll();  // completions that stop() called for
}

Result<> ConsumerCore::usable(bool needs_group) const {
  if (stopped_) return fail(Errc::closed, "consumer");
  if (needs_group && options_.group_id.empty())
    return fail(Errc::invalid_argument, "this needs a group id");
  return {};
}

Task<Result<>> ConsumerCore::stop() {
  if (stopped_) co_return Result<>{};
  stopped_ = true;
  fetcher_.changed().notify();
  if (group_.active()) {
    const auto left = co_await group_.leave(cluster_->now() + std::chrono::seconds(1));
    static_cast<void>(left);  // the session timeout tells them in the end
  }
  fetcher_.stop();
  group_.stop();
  co_return co_await cluster_->stop();
}

Result<> ConsumerCore::subscribe(std::vector<std::string> topics) {
  auto good = usable(true);
  if (good) group_.subscribe(std::move(topics));
  return good;
}

Result<> ConsumerCore::subscribe_pattern(const std::string& pattern) {
  auto good = usable(true);
  if (!good) return good;
  try {
    group_.subscribe(std::regex(pattern));
  } catch (const std::regex_error& error) {
    return fail(Errc::invalid_argument, "pattern '" + pattern + "': " + error.what());
  }
  return {};
}

Task<Result<>> ConsumerCore::assign(Consumer::Partitions partitions, TimePoint until) {
  const auto good = usable(false);
  if (!good) co_return good;
  for (const auto& where : partitions) {
    const auto known = co_await cluster_->ensure_topic(where.topic, until);
    if (!known) co_return known;
    if (!cluster_->metadata().partition(where.topic, where.partition))
      co_return fail(Errc::unknown_topic, where.to_string());
  }
  state_.assign(partitions);
  fetcher_.wake();
  co_return Result<>{};
}

// ---- Records ----

std::optional<Error> ConsumerCore::failure() {
  if (auto ended = group_.failure()) return ended;
  return fetcher_.take_failure();
}

Result<ConsumerCore::Records> ConsumerCore::try_poll() {
  const auto good = usable(false);
  if (!good) return std::unexpected(good.error());
  commit_if_due();
  if (!state_.has_data()) return Records{};
  auto records = state_.take(options_.poll_records);
  fetcher_.wake();  // there is room again
  return records;
}

Task<Result<ConsumerCore::Records>> ConsumerCore::poll(TimePoint deadline, std::stop_token stop) {
  for (;;) {
    if (stop.stop_requested()) co_return fail(Errc::cancelled);
    auto records = try_poll();
    if (!records || !records->empty()) co_return records;
    if (auto error = failure()) co_return std::unexpected(*error);
    if (cluster_->now() >= deadline) break;
    co_await fetcher_.changed().wait(deadline);
  }
  const auto& trouble = fetcher_.trouble() ? fetcher_.trouble() : group_.trouble();
  if (trouble && trouble->is(Errc::unreachable)) co_return std::unexpected(*trouble);
  co_return Records{};
}

// ---- Commits ----

Task<> ConsumerCore::commit_later(ConsumerCore* self) {
  auto offsets = self->group_.uncommitted();
  const auto until = self->cluster_->now() + std::chrono::seconds(10);
  const auto committed = co_await self->group_.commit(std::move(offsets), until);
  static_cast<void>(committed);  // tried again after the interval
  self->committing_ = false;
}

void ConsumerCore::commit_in_background() {
  if (stopped_ || committing_ || options_.group_id.empty()) return;
  committing_ = true;
  cluster_->spawn(commit_later(this));
}

void ConsumerCore::commit_if_due() {
  if (!options_.auto_commit || options_.group_id.empty() || committing_) return;
  const auto at = cluster_->now();
  if (at < next_commit_) return;
  const bool first = next_commit_ == TimePoint{};
  next_commit_ = at + options_.auto_commit_interval;
  if (!first && !group_.uncommitted().empty()) commit_in_background();
}

Task<Result<>> ConsumerCore::commit(std::optional<Consumer::Offsets> offsets, TimePoint until) {
  const auto good = usable(true);
  if (!good) co_return good;
  std::map<TopicPartition, CommittedOffset> rows;
  if (!offsets) {
    rows = group_.uncommitted();
  } else {
    for (const auto& [where, offset] : *offsets) {
      // A broker would take -1, the position that is not known yet, for "nothing is committed".
      if (offset < 0) co_return fail(Errc::invalid_argument, "commit of a negative offset");
      rows[where].offset = offset;
    }
  }
  co_return co_await group_.commit(std::move(rows), until);
}

Task<Result<std::map<TopicPartition, CommittedOffset>>> ConsumerCore::committed(
    Consumer::Partitions partitions, TimePoint until) {
  const auto good = usable(true);
  if (!good) co_return std::unexpected(good.error());
  co_return co_await group_.committed(std::move(partitions), until);
}

// ---- Offsets ----

Task<Result<std::map<TopicPartition, TimestampOffset>>> ConsumerCore::offsets_for_times(
    std::map<TopicPartition, std::int64_t> times, TimePoint until) {
  const auto good = usable(false);
  if (!good) co_return std::unexpected(good.error());
  co_return co_await list_offsets(*cluster_, std::move(times), options_.isolation, until);
}

Task<Result<Consumer::Partitions>> ConsumerCore::partitions_of(std::string topic, TimePoint until) {
  const auto good = usable(false);
  if (!good) co_return std::unexpected(good.error());
  const auto known = co_await cluster_->ensure_topic(topic, until);
  if (!known) co_return std::unexpected(known.error());
  Consumer::Partitions partitions;
  for (const auto& partition : cluster_->metadata().topic(topic)->partitions)
    partitions.push_back({topic, partition.partition});
  co_return partitions;
}

Task<Result<>> ConsumerCore::close(TimePoint until) {
  if (stopped_) co_return Result<>{};
  Result<> committed;
  if (options_.auto_commit && !options_.group_id.empty() && !state_.partitions().empty()) {
    auto offsets = group_.uncommitted();
    committed = co_await group_.commit(std::move(offsets), until);
  }
  const auto stopped = co_await stop();
  static_cast<void>(stopped);
  co_return committed;
}

}  // namespace sluice::client
