#include "client/fetcher.hpp"

#include "client/offsets.hpp"
#include "client/stale.hpp"

#include <algorithm>
#include <set>

namespace sluice::client {
namespace {

using protocol::ErrorCode;

// After an answer without records that was not waited for.
constexpr std::chrono::milliseconds idle_pause{20};

}  // namespace

Task<> Fetcher::run() {
  while (!stopping_) {
    const auto at = cluster_.now();
    start_fetches(at);
    TimePoint until = at + std::chrono::seconds(1);
    for (const auto& [where, partition] : state_.partitions())
      if (partition.not_before > at) until = std::min(until, partition.not_before);
    co_await work_.wait(until);
  }
}

void Fetcher::start_fetches(TimePoint at) {
  std::map<BrokerId, std::vector<Ask>> by_leader;
  std::vector<Ask> lost;
  std::set<BrokerId> impatient;
  bool leader_unknown = false;
  for (auto& [where, partition] : state_.partitions()) {
    const bool rests = partition.resolving || at < partition.not_before;
    if (partition.fetch_next < 0 && !rests) lost.push_back({where, partition.incarnation});
    const bool wanted = state_.wants_data(partition, at);
    if (!wanted && !state_.is_full(partition)) continue;
    const auto* info = cluster_.metadata().partition(where.topic, where.partition);
    if (!info || info->leader < 0)
      leader_unknown = true;
    else if (!wanted)
      impatient.insert(info->leader);
    else
      by_leader[info->leader].push_back({where, partition.incarnation});
  }
  if (!lost.empty()) {
    for (const auto& ask : lost) state_.find(ask.where)->resolving = true;
    cluster_.spawn(resolve_positions(this, std::move(lost)));
  }
  const bool refresh_due = leader_unknown || cluster_.metadata().stale(at);
  if (refresh_due && !refreshing_ && at >= refresh_after_ && !state_.partitions().empty()) {
    refreshing_ = true;
    for (const auto& [where, partition] : state_.partitions())
      cluster_.metadata().want(where.topic);
    cluster_.spawn(refresh_metadata(this));
  }
  for (auto& [leader, asks] : by_leader) {
    if (busy_[leader]) continue;
    busy_[leader] = true;
    for (const auto& ask : asks) state_.find(ask.where)->in_flight = true;
    // The broker answers in order: a request that waits there for records of idle partitions would
    // hold up those that have some.
    const auto patience = impatient.contains(leader) ? Patience::none : Patience::some;
    cluster_.spawn(fetch(this, leader, std::move(asks), patience));
  }
}

FetchState::Partition* Fetcher::current(const Ask& ask) {
  auto* partition = state_.find(ask.where);
  return partition && partition->incarnation == ask.incarnation ? partition : nullptr;
}

void Fetcher::hold_back(const std::vector<Ask>& asks, const Error& error) {
  trouble_ = error;
  const auto wait = cluster_.retry_wait(failures_++);
  for (const auto& ask : asks)
    if (auto* partition = current(ask)) partition->not_before = cluster_.now() + wait;
}

void Fetcher::succeed() {
  failures_ = 0;
  trouble_.reset();
}

Task<> Fetcher::refresh_metadata(Fetcher* self) {
  const auto refreshed = co_await self->cluster_.refresh(self->cluster_.now() +
                                                         self->cluster_.options().request_timeout);
  if (!refreshed) self->trouble_ = refreshed.error();
  self->refresh_after_ =
      self->cluster_.now() + self->cluster_.options().retry_backoff * (refreshed ? 1 : 4);
  self->refreshing_ = false;
  self->changed_.notify();
  self->work_.notify();
}

// ---- Fetching ----

Task<> Fetcher::fetch(Fetcher* self, BrokerId leader, std::vector<Ask> asks, Patience patience) {
  const auto done = co_await self->exchange(leader, asks, patience);
  self->busy_[leader] = false;
  for (const auto& ask : asks)
    if (auto* partition = self->current(ask)) partition->in_flight = false;
  if (done) {
    self->succeed();
  } else if (!self->stopping_) {
    self->cluster_.metadata().invalidate();
    self->hold_back(asks, done.error());
    if (!retriable(done.error().code)) self->failure_ = done.error();
  }
  self->changed_.notify();
  self->work_.notify();
}

Task<Result<>> Fetcher::exchange(BrokerId leader, const std::vector<Ask>& asks, Patience patience) {
  const auto deadline = cluster_.now() + cluster_.options().request_timeout + options_.fetch_wait;
  auto link = co_await cluster_.node(leader, deadline);
  if (!link) co_return std::unexpected(link.error());
  const bool hurried = patience == Patience::none;
  FetchCall call{.wait = hurried ? std::chrono::milliseconds(0) : options_.fetch_wait,
                 .bytes_min = options_.fetch_bytes_min,
                 .bytes_max = options_.fetch_bytes_max,
                 .isolation = options_.isolation};
  std::vector<const Ask*> asked;
  for (const auto& ask : asks) {
    const auto* partition = current(ask);
    if (!partition) continue;
    const auto* info = cluster_.metadata().topic(ask.where.topic);
    asked.push_back(&ask);
    call.items.push_back({.topic = ask.where.topic,
                          .topic_id = info ? info->id : TopicId{},
                          .partition = ask.where.partition,
                          .offset = partition->fetch_next,
                          .bytes_max = options_.partition_bytes_max});
  }
  if (asked.empty()) co_return Result<>{};
  const auto fetched = co_await (*link)->fetch(call, deadline);
  if (!fetched) co_return std::unexpected(fetched.error());
  for (std::size_t i = 0; i < asked.size(); ++i)
    if (call.items[i].answered) take_answer(*asked[i], call.items[i], patience);
  co_return Result<>{};
}

void Fetcher::take_answer(const Ask& ask, FetchItem& answer, Patience patience) {
  auto* partition = current(ask);
  if (!partition) return;  // moved elsewhere while the answer was on its way
  const Error error{make_error_code(answer.error), "fetch " + ask.where.to_string()};
  switch (answer.error) {
    case ErrorCode::none:
      break;
    case ErrorCode::offset_out_of_range:
      if (options_.offset_reset == OffsetReset::none) {
        failure_ = error;
        partition->not_before = cluster_.now() + cluster_.options().retry_backoff_max;
        return;
      }
      partition->not_before = cluster_.now() + cluster_.options().retry_backoff;
      if (!partition->chunks.empty()) return;  // first give out what came before
      state_.seek(*partition, -1);
      partition->reset = true;
      return;
    case ErrorCode::corrupt_message:  // on the broker's disk: asking again mends nothing
      partition->not_before = cluster_.now() + cluster_.options().retry_backoff_max;
      if (!partition->chunks.empty()) return;  // first give out what came before
      failure_ = {make_error_code(Errc::corrupt_batch), ask.where.to_string() + " at offset " +
                                                            std::to_string(partition->fetch_next) +
                                                            ": damaged on the broker's disk"};
      return;
    default:
      if (means_stale_metadata(error.code)) cluster_.metadata().invalidate();
      if (!retriable(error.code)) failure_ = error;
      partition->not_before = cluster_.now() + cluster_.options().retry_backoff;
      return;
  }
  const bool committed_only = options_.isolation == Isolation::read_committed;
  partition->end = committed_only && answer.last_stable_offset >= 0 ? answer.last_stable_offset
                                                                    : answer.high_watermark;
  std::sort(answer.aborted.begin(), answer.aborted.end(),
            [](const auto& a, const auto& b) { return a.first_offset < b.first_offset; });
  if (patience == Patience::none && answer.records.empty())
    partition->not_before = cluster_.now() + idle_pause;
  for (auto& slice : answer.records)
    state_.add_chunk(*partition, {.owner = std::move(slice.owner),
                                  .bytes = slice.bytes,
                                  .aborted = std::exchange(answer.aborted, {})});
}

// ---- Positions ----

Task<> Fetcher::resolve_positions(Fetcher* self, std::vector<Ask> asks) {
  const auto done = co_await self->resolve(asks);
  for (const auto& ask : asks)
    if (auto* partition = self->current(ask)) partition->resolving = false;
  if (done) {
    self->succeed();
  } else if (!self->stopping_) {
    self->hold_back(asks, done.error());
    if (!retriable(done.error().code)) self->failure_ = done.error();
  }
  self->changed_.notify();
  self->work_.notify();
}

Task<Result<>> Fetcher::resolve(const std::vector<Ask>& asks) {
  const auto deadline = cluster_.now() + cluster_.options().request_timeout;
  std::vector<TopicPartition> committed_wanted;
  for (const auto& ask : asks)
    if (const auto* partition = current(ask);
        partition && !partition->reset && !options_.group_id.empty())
      committed_wanted.push_back(ask.where);
  std::map<TopicPartition, CommittedOffset> committed;
  if (!committed_wanted.empty()) {
    const std::string group = options_.group_id;
    const auto coordinator = co_await cluster_.find_coordinator(group, deadline);
    if (!coordinator) co_return std::unexpected(coordinator.error());
    auto link = co_await cluster_.node(*coordinator, deadline, Purpose::coordinator);
    if (!link) co_return std::unexpected(link.error());
    auto fetched =
        co_await fetch_committed(*link, group, committed_wanted, options_.isolation, deadline);
    if (!fetched) co_return std::unexpected(fetched.error());
    committed = std::move(*fetched);
  }
  std::map<TopicPartition, std::int64_t> by_policy;
  const auto spec =
      options_.offset_reset == OffsetReset::earliest ? OffsetSpec::earliest : OffsetSpec::latest;
  for (const auto& ask : asks) {
    auto* partition = current(ask);
    if (!partition) continue;
    if (const auto found = committed.find(ask.where); found != committed.end()) {
      partition->position = partition->fetch_next = found->second.offset;
    } else if (options_.offset_reset == OffsetReset::none) {
      co_return fail(Errc::no_offset, ask.where.to_string());
    } else {
      by_policy.emplace(ask.where, static_cast<std::int64_t>(spec));
    }
  }
  if (by_policy.empty()) co_return Result<>{};
  const auto found =
      co_await list_offsets(cluster_, std::move(by_policy), options_.isolation, deadline);
  if (!found) co_return std::unexpected(found.error());
  for (const auto& ask : asks) {
    auto* partition = current(ask);
    if (!partition) continue;
    if (const auto at = found->find(ask.where); at != found->end()) {
      partition->position = partition->fetch_next = at->second.offset;
      partition->reset = false;
    }
  }
  co_return Result<>{};
}

}  // namespace sluice::client
