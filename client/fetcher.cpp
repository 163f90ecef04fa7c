#include "client/fetcher.hpp"

#include "client/offsets.hpp"

#include <algorithm>

namespace sluice::client {
namespace {

using protocol::ErrorCode;

TimePoint now() { return SystemClock{}.now(); }

// Fetch from version 13 on names topics by id.
constexpr protocol::Version last_version_with_names = 12;

std::string text_of(const TopicPartition& where) {
  return where.topic + "-" + std::to_string(where.partition);
}

}  // namespace

Task<> Fetcher::run() {
  while (!stopping_) {
    const auto at = now();
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
  bool leader_unknown = false;
  for (auto& [where, partition] : state_.partitions()) {
    const bool rests = partition.resolving || at < partition.not_before;
    if (partition.fetch_next < 0 && !rests) lost.push_back({where, partition.incarnation});
    if (!state_.wants_data(partition, at)) continue;
    const auto* info = cluster_.metadata().partition(where.topic, where.partition);
    if (!info || info->leader < 0)
      leader_unknown = true;
    else
      by_leader[info->leader].push_back({where, partition.incarnation});
  }
  if (!lost.empty()) {
    for (const auto& ask : lost) state_.find(ask.where)->resolving = true;
    cluster_.loop().spawn(resolve_positions(this, std::move(lost)));
  }
  const bool refresh_due = leader_unknown || cluster_.metadata().stale(at);
  if (refresh_due && !refreshing_ && at >= refresh_after_ && !state_.partitions().empty()) {
    refreshing_ = true;
    for (const auto& [where, partition] : state_.partitions())
      cluster_.metadata().want(where.topic);
    cluster_.loop().spawn(refresh_metadata(this));
  }
  for (auto& [leader, asks] : by_leader) {
    if (busy_[leader]) continue;
    busy_[leader] = true;
    for (const auto& ask : asks) state_.find(ask.where)->in_flight = true;
    cluster_.loop().spawn(fetch(this, leader, std::move(asks)));
  }
}

FetchState::Partition* Fetcher::current(const Ask& ask) {
  auto* partition = state_.find(ask.where);
  return partition && partition->incarnation == ask.incarnation ? partition : nullptr;
}

void Fetcher::hold_back(const std::vector<Ask>& asks, const Error& error) {
  trouble_ = error;
  const auto wait = std::min<std::chrono::milliseconds>(
      cluster_.options().retry_backoff * (1 << std::min(failures_++, 6)),
      cluster_.options().retry_backoff_max);
  for (const auto& ask : asks)
    if (auto* partition = current(ask)) partition->not_before = now() + wait;
}

void Fetcher::succeed() {
  failures_ = 0;
  trouble_.reset();
}

Task<> Fetcher::refresh_metadata(Fetcher* self) {
  const auto refreshed =
      co_await self->cluster_.refresh(now() + self->cluster_.options().request_timeout);
  if (!refreshed) self->trouble_ = refreshed.error();
  self->refresh_after_ = now() + self->cluster_.options().retry_backoff * (refreshed ? 1 : 4);
  self->refreshing_ = false;
  self->work_.notify();
}

// ---- Fetching ----

Task<> Fetcher::fetch(Fetcher* self, BrokerId leader, std::vector<Ask> asks) {
  const auto done = co_await self->exchange(leader, asks);
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
  self->work_.notify();
}

Task<Result<>> Fetcher::exchange(BrokerId leader, const std::vector<Ask>& asks) {
  const auto deadline = now() + cluster_.options().request_timeout + options_.fetch_wait;
  auto link = co_await cluster_.node(leader, deadline);
  if (!link) co_return std::unexpected(link.error());
  protocol::FetchRequest request;
  request.max_wait_ms = static_cast<std::int32_t>(options_.fetch_wait.count());
  request.min_bytes = static_cast<std::int32_t>(options_.fetch_bytes_min);
  request.max_bytes = static_cast<std::int32_t>(options_.fetch_bytes_max);
  request.isolation_level = static_cast<std::int8_t>(options_.isolation);
  auto limit = protocol::Versions::newest;
  for (const auto& ask : asks) {
    const auto* partition = current(ask);
    if (!partition) continue;
    if (request.topics.empty() || request.topics.back().topic != ask.where.topic) {
      auto& topic = request.topics.emplace_back();
      topic.topic = ask.where.topic;
      if (const auto* info = cluster_.metadata().topic(ask.where.topic)) topic.topic_id = info->id;
      if (topic.topic_id.is_zero()) limit = last_version_with_names;
    }
    auto& row = request.topics.back().partitions.emplace_back();
    row.partition = ask.where.partition;
    row.fetch_offset = partition->fetch_next;
    row.partition_max_bytes = static_cast<std::int32_t>(options_.partition_bytes_max);
  }
  if (request.topics.empty()) co_return Result<>{};
  const auto reply = co_await call<protocol::FetchResponse>(*link, request, deadline, limit);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->body.error_code != ErrorCode::none)
    co_return sluice::fail(broker_error(static_cast<std::int16_t>(reply->body.error_code)),
                           "fetch");
  for (const auto& topic : reply->body.responses) {
    std::string_view name = topic.topic;
    if (name.empty())
      for (const auto& asked : request.topics)
        if (asked.topic_id == topic.topic_id) name = asked.topic;
    for (const auto& answer : topic.partitions)
      for (const auto& ask : asks)
        if (ask.where.partition == answer.partition_index && ask.where.topic == name)
          take_answer(ask, answer, reply->frame.data);
  }
  co_return Result<>{};
}

void Fetcher::take_answer(const Ask& ask, const protocol::FetchResponse::Partition& answer,
                          const std::shared_ptr<const void>& owner) {
  auto* partition = current(ask);
  if (!partition) return;  // moved elsewhere while the answer was on its way
  const Error error{broker_error(static_cast<std::int16_t>(answer.error_code)),
                    "fetch " + text_of(ask.where)};
  switch (answer.error_code) {
    case ErrorCode::none:
      break;
    case ErrorCode::offset_out_of_range:
      if (options_.offset_reset == OffsetReset::none) {
        failure_ = error;
        partition->not_before = now() + cluster_.options().retry_backoff_max;
        return;
      }
      partition->not_before = now() + cluster_.options().retry_backoff;
      if (!partition->chunks.empty()) return;  // first give out what came before
      state_.seek(*partition, -1);
      partition->reset = true;
      return;
    default:
      if (means_stale_metadata(error.code)) cluster_.metadata().invalidate();
      if (!retriable(error.code)) failure_ = error;
      partition->not_before = now() + cluster_.options().retry_backoff;
      return;
  }
  const bool committed_only = options_.isolation == Isolation::read_committed;
  partition->end = committed_only && answer.last_stable_offset >= 0 ? answer.last_stable_offset
                                                                    : answer.high_watermark;
  if (!answer.records || answer.records->bytes.empty()) return;
  FetchState::Partition::Chunk chunk{.owner = owner, .bytes = answer.records->bytes};
  if (answer.aborted_transactions)
    for (const auto& aborted : *answer.aborted_transactions)
      chunk.aborted.push_back({aborted.producer_id, aborted.first_offset});
  std::sort(chunk.aborted.begin(), chunk.aborted.end(),
            [](const auto& a, const auto& b) { return a.first_offset < b.first_offset; });
  state_.add_chunk(*partition, std::move(chunk));
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
  self->work_.notify();
}

Task<Result<>> Fetcher::resolve(const std::vector<Ask>& asks) {
  const auto deadline = now() + cluster_.options().request_timeout;
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
      co_return fail(Errc::no_offset, text_of(ask.where));
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
