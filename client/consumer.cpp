#include "client/consumer.hpp"

#include "client/cluster.hpp"
#include "client/fetch_state.hpp"
#include "client/fetcher.hpp"
#include "client/group_session.hpp"
#include "client/offsets.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

TimePoint now() { return SystemClock{}.now(); }

}  // namespace

class Consumer::Impl {
 public:
  Impl(ConsumerOptions options, std::unique_ptr<Loop> loop, std::unique_ptr<Cluster> cluster)
      : options_(std::move(options)),
        loop_(std::move(loop)),
        cluster_(std::move(cluster)),
        state_({.check_crcs = options_.check_crcs,
                .isolation = options_.isolation,
                .prefetch_bytes = options_.prefetch_bytes}),
        fetcher_(*cluster_, state_, options_),
        group_(*cluster_, state_, fetcher_, options_) {
    fetcher_.start();
  }
  ~Impl() {
    if (!stopped_ && group_.active()) {
      // Others wait a session timeout for a member that just disappears.
      const auto left = loop_->run(group_.leave(now() + std::chrono::seconds(1)));
      static_cast<void>(left);
    }
    stop();
  }

  void stop() {
    if (stopped_) return;
    stopped_ = true;
    fetcher_.stop();
    group_.stop();
    cluster_->close();
    loop_->drain();
  }

  Result<Records> poll(std::chrono::milliseconds wait);
  std::optional<Error> failure();
  static Task<> commit_in_background(Impl* self);
  void commit_if_due();

  TimePoint until(Deadline deadline) const {
    return deadline.or_after(options_.client.request_timeout);
  }
  template <class T>
  Result<T> closed() const {
    return fail(Errc::closed, "consumer");
  }

 private:
  friend class Consumer;

  ConsumerOptions options_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Cluster> cluster_;
  FetchState state_;
  Fetcher fetcher_;
  GroupSession group_;
  TimePoint next_commit_{};
  bool committing_ = false;
  bool stopped_ = false;
};

Task<> Consumer::Impl::commit_in_background(Impl* self) {
  auto offsets = self->group_.uncommitted();
  const auto committed =
      co_await self->group_.commit(std::move(offsets), now() + std::chrono::seconds(10));
  static_cast<void>(committed);  // tried again after the interval
  self->committing_ = false;
}

void Consumer::Impl::commit_if_due() {
  if (!options_.auto_commit || options_.group_id.empty() || committing_ || now() < next_commit_)
    return;
  const bool first = next_commit_ == TimePoint{};
  next_commit_ = now() + options_.auto_commit_interval;
  if (first || group_.uncommitted().empty()) return;
  committing_ = true;
  loop_->spawn(commit_in_background(this));
}

std::optional<Error> Consumer::Impl::failure() {
  if (auto ended = group_.failure()) return ended;
  return fetcher_.take_failure();
}

Result<Consumer::Records> Consumer::Impl::poll(std::chrono::milliseconds wait) {
  if (stopped_) return fail(Errc::closed, "consumer");
  const auto deadline = now() + wait;
  commit_if_due();
  fetcher_.wake();  // the last poll made room
  loop_->poll();
  for (;;) {
    const bool woken = loop_->run_until(
        [&] { return state_.has_data() || fetcher_.has_failure() || group_.failure().has_value(); },
        deadline);
    if (state_.has_data()) {
      auto records = state_.take(options_.poll_records);
      if (!records || !records->empty()) return records;
      fetcher_.wake();
      if (now() < deadline) continue;
    }
    if (auto error = failure()) return std::unexpected(*error);
    if (woken && now() < deadline) continue;
    const auto& trouble = fetcher_.trouble() ? fetcher_.trouble() : group_.trouble();
    if (trouble && trouble->code == make_error_code(Errc::unreachable))
      return std::unexpected(*trouble);
    return Records{};
  }
}

// ---- The public face ----

Consumer::Consumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Consumer::~Consumer() = default;
Consumer::Consumer(Consumer&&) noexcept = default;
Consumer& Consumer::operator=(Consumer&&) noexcept = default;

Result<Consumer> Consumer::create(ConsumerOptions options) {
  if (options.assignors.empty()) return fail(Errc::invalid_argument, "no assignor");
  auto loop = std::make_unique<Loop>();
  auto cluster = Cluster::create(*loop, options.client);
  if (!cluster) return std::unexpected(cluster.error());
  return Consumer(std::make_unique<Impl>(std::move(options), std::move(loop), std::move(*cluster)));
}

Result<> Consumer::subscribe(std::vector<std::string> topics) {
  if (impl_->stopped_) return fail(Errc::closed, "consumer");
  if (impl_->options_.group_id.empty())
    return fail(Errc::invalid_argument, "subscribe() needs a group id");
  impl_->group_.subscribe(std::move(topics));
  return {};
}

Result<> Consumer::assign(Partitions partitions, Deadline deadline) {
  if (impl_->stopped_) return fail(Errc::closed, "consumer");
  const auto until = impl_->until(deadline);
  for (const auto& where : partitions) {
    const auto known = impl_->loop_->run(impl_->cluster_->ensure_topic(where.topic, until));
    if (!known) return known;
    if (!impl_->cluster_->metadata().partition(where.topic, where.partition))
      return fail(Errc::unknown_topic, where.topic + "-" + std::to_string(where.partition));
  }
  impl_->state_.assign(partitions);
  impl_->fetcher_.wake();
  return {};
}

Consumer::Partitions Consumer::assignment() const {
  Partitions partitions;
  for (const auto& [where, partition] : impl_->state_.partitions()) partitions.push_back(where);
  return partitions;
}

Result<Consumer::Records> Consumer::poll(std::chrono::milliseconds wait) {
  return impl_->poll(wait);
}

std::optional<Rebalance> Consumer::take_rebalance() { return impl_->group_.take_rebalance(); }

Result<> Consumer::seek(const TopicPartition& where, Offset offset) {
  auto* partition = impl_->state_.find(where);
  if (!partition || offset < 0)
    return fail(Errc::invalid_argument,
                "seek " + where.topic + "-" + std::to_string(where.partition));
  impl_->state_.seek(*partition, offset);
  impl_->fetcher_.wake();
  return {};
}

Result<> Consumer::pause(const TopicPartition& where) {
  auto* partition = impl_->state_.find(where);
  if (!partition) return fail(Errc::invalid_argument, where.topic + " is not assigned");
  partition->paused = true;
  return {};
}

Result<> Consumer::resume(const TopicPartition& where) {
  auto* partition = impl_->state_.find(where);
  if (!partition) return fail(Errc::invalid_argument, where.topic + " is not assigned");
  partition->paused = false;
  impl_->fetcher_.wake();
  return {};
}

Consumer::Offsets Consumer::positions() const {
  Offsets offsets;
  for (const auto& [where, partition] : impl_->state_.partitions())
    offsets[where] = partition.position;
  return offsets;
}

Consumer::Offsets Consumer::end_positions() const {
  Offsets offsets;
  for (const auto& [where, partition] : impl_->state_.partitions()) offsets[where] = partition.end;
  return offsets;
}

Result<> Consumer::commit(Deadline deadline) {
  if (impl_->stopped_) return fail(Errc::closed, "consumer");
  if (impl_->options_.group_id.empty())
    return fail(Errc::invalid_argument, "commit() needs a group id");
  return impl_->loop_->run(
      impl_->group_.commit(impl_->group_.uncommitted(), impl_->until(deadline)));
}

Result<> Consumer::commit(const Offsets& offsets, Deadline deadline) {
  if (impl_->stopped_) return fail(Errc::closed, "consumer");
  if (impl_->options_.group_id.empty())
    return fail(Errc::invalid_argument, "commit() needs a group id");
  std::map<TopicPartition, CommittedOffset> rows;
  for (const auto& [where, offset] : offsets) rows[where].offset = offset;
  return impl_->loop_->run(impl_->group_.commit(std::move(rows), impl_->until(deadline)));
}

void Consumer::commit_later() {
  if (impl_->stopped_ || impl_->committing_ || impl_->options_.group_id.empty()) return;
  impl_->committing_ = true;
  impl_->loop_->spawn(Impl::commit_in_background(impl_.get()));
  impl_->loop_->poll();
}

Result<std::map<TopicPartition, CommittedOffset>> Consumer::committed(const Partitions& partitions,
                                                                      Deadline deadline) {
  if (impl_->stopped_) return fail(Errc::closed, "consumer");
  return impl_->loop_->run(impl_->group_.committed(partitions, impl_->until(deadline)));
}

Result<std::map<TopicPartition, TimestampOffset>> Consumer::offsets_for_times(
    const std::map<TopicPartition, std::int64_t>& times, Deadline deadline) {
  if (impl_->stopped_) return fail(Errc::closed, "consumer");
  return impl_->loop_->run(
      list_offsets(*impl_->cluster_, times, impl_->options_.isolation, impl_->until(deadline)));
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
  if (impl_->stopped_) return fail(Errc::closed, "consumer");
  const auto known =
      impl_->loop_->run(impl_->cluster_->ensure_topic(std::string(topic), impl_->until(deadline)));
  if (!known) return std::unexpected(known.error());
  Partitions partitions;
  for (const auto& partition : impl_->cluster_->metadata().topic(topic)->partitions)
    partitions.push_back({std::string(topic), partition.partition});
  return partitions;
}

Result<> Consumer::close(Deadline deadline) {
  if (impl_->stopped_) return {};
  const auto until = impl_->until(deadline);
  Result<> outcome;
  if (!impl_->options_.group_id.empty() && impl_->options_.auto_commit)
    outcome = impl_->loop_->run(impl_->group_.commit(impl_->group_.uncommitted(), until));
  const auto left = impl_->loop_->run(impl_->group_.leave(until));
  if (outcome && !left) outcome = left;
  impl_->stop();
  return outcome;
}

}  // namespace sluice::client
