#include "client/queue_session.hpp"

#include "client/stale.hpp"

#include <algorithm>
#include <limits>

namespace sluice::client {
namespace {

using protocol::ErrorCode;

// An acknowledgement that failed for a reason that passes is sent so many times in all.
constexpr int attempts_max = 5;

template <class Topics>
auto& partition_row(Topics& topics, const QueuePartition& id) {
  if (topics.empty() || topics.back().topic_id != id.topic)
    topics.emplace_back().topic_id = id.topic;
  auto& rows = topics.back().partitions;
  const auto known = std::ranges::find_if(
      rows, [&](const auto& row) { return row.partition_index == id.partition; });
  if (known != rows.end()) return *known;
  rows.emplace_back().partition_index = id.partition;
  return rows.back();
}

bool continues(const Ack& before, const Ack& ack) {
  return ack.offset == before.offset + 1 && ack.type == before.type &&
         ack.delay_ms == before.delay_ms && ack.reason == before.reason;
}

// `acks` must live until the request is encoded.
template <class Row>
void add_batches(Row& row, const std::vector<Ack>& acks) {
  const Ack* before = nullptr;
  for (const Ack& ack : acks) {
    auto& batches = row.acknowledgement_batches;
    if (before == nullptr || !continues(*before, ack)) {
      auto& batch = batches.emplace_back();
      batch.first_offset = ack.offset;
      batch.acknowledge_types.push_back(static_cast<std::int8_t>(ack.type));
      batch.delay_ms = ack.delay_ms;
      batch.reason = ack.reason;
    }
    batches.back().last_offset = ack.offset;
    before = &ack;
  }
}

}  // namespace

// ---- What is held ----

void QueueSession::assign(const std::vector<QueueTarget>& targets) {
  for (auto& [id, partition] : partitions_) partition.wanted = false;
  for (const auto& target : targets) {
    auto& partition = partitions_[target.id];
    partition.target = target;
    partition.wanted = true;
    std::erase(forgotten_, target.id);
  }
  for (auto& [id, partition] : partitions_)
    if (!partition.wanted && std::exchange(partition.told, false)) forgotten_.push_back(id);
  forget_unused();
}

void QueueSession::forget_unused() {
  last_found_ = nullptr;
  std::erase_if(partitions_, [](const auto& entry) {
    const Partition& partition = entry.second;
    return !partition.wanted && partition.held.count() == 0 && partition.sent.empty() &&
           partition.settlements.empty() && partition.renewals.empty();
  });
}

QueueSession::Partition* QueueSession::find(const RecordPlace& record) {
  const auto names = [&](const Partition& partition) {
    return partition.target.where.partition == record.partition &&
           partition.target.where.topic == record.topic;
  };
  if (last_found_ == nullptr || !names(*last_found_)) {
    last_found_ = nullptr;
    for (auto& [id, partition] : partitions_)
      if (names(partition)) last_found_ = &partition;
  }
  return last_found_ != nullptr && last_found_->held.holds(record.offset) ? last_found_ : nullptr;
}

bool QueueSession::give(const RecordPlace& record, TimePoint now) {
  Partition* partition = find(record);
  return partition != nullptr && partition->held.give(record.offset, now);
}

std::size_t QueueSession::held() const {
  std::size_t count = 0;
  for (const auto& [id, partition] : partitions_) count += partition.held.count();
  return count;
}

bool QueueSession::settling() const {
  if (sending_ == Sending::settlements &&
      std::ranges::any_of(partitions_, [](const auto& at) { return !at.second.sent.empty(); }))
    return true;
  return settlements_wait();
}

bool QueueSession::settlements_wait() const {
  return std::ranges::any_of(partitions_,
                             [](const auto& at) { return !at.second.settlements.empty(); });
}

bool QueueSession::strays_wait() const {
  return std::ranges::any_of(partitions_, [](const auto& at) {
    return !at.second.wanted && !at.second.settlements.empty();
  });
}

bool QueueSession::renewals_wait() const {
  return std::ranges::any_of(partitions_,
                             [](const auto& at) { return !at.second.renewals.empty(); });
}

// ---- Asking ----

QueueSession::Action QueueSession::next(TimePoint now, Demand demand) const {
  const bool reads = demand == Demand::yes && std::ranges::any_of(partitions_, [](const auto& at) {
                       return at.second.wanted;
                     });
  const bool says = open() && (settlements_wait() || renewals_wait());
  if (!reads && !says) return {Step::idle};
  if (now < not_before_) return {Step::wait, not_before_};
  if (!reads || (open() && (renewals_wait() || strays_wait()))) return {Step::acknowledge};
  return {Step::fetch};
}

template <class Topics>
void QueueSession::add_acks(Topics& topics, Sending what) {
  sending_ = what;
  for (auto& [id, partition] : partitions_) {
    auto& queue = what == Sending::renewals ? partition.renewals : partition.settlements;
    if (queue.empty()) continue;
    partition.sent = queue.take();
    add_batches(partition_row(topics, id), partition.sent);
  }
}

protocol::ShareFetchRequest QueueSession::begin_fetch(TimePoint now) {
  protocol::ShareFetchRequest request;
  request.group_id = options_.group_id;
  request.member_id = options_.member_id;
  request.share_session_epoch = epoch_;
  request.min_bytes = 1;
  request.max_bytes = static_cast<std::int32_t>(
      std::min<std::size_t>(options_.bytes_max, std::numeric_limits<std::int32_t>::max()));
  request.max_records = static_cast<std::int32_t>(options_.records_max);
  request.batch_size = request.max_records;
  request.share_acquire_mode = static_cast<std::int8_t>(options_.acquire);
  const bool says = open() && settlements_wait();
  wait_ = held() == 0 ? options_.fetch_wait : options_.busy_fetch_wait;
  if (says) wait_ = {};
  request.max_wait_ms = static_cast<std::int32_t>(wait_.count());
  for (auto& [id, partition] : partitions_)
    if (partition.wanted && !std::exchange(partition.told, true)) partition_row(request.topics, id);
  for (const auto& id : std::exchange(forgotten_, {})) {
    auto& topics = request.forgotten_topics_data;
    if (topics.empty() || topics.back().topic_id != id.topic)
      topics.emplace_back().topic_id = id.topic;
    topics.back().partitions.push_back(id.partition);
  }
  sent_at_ = now;
  sending_ = Sending::nothing;
  if (!says) return request;
  // Rows of one topic stand together: those without acknowledgements, then those with.
  std::vector<protocol::ShareFetchRequest::Topic> spoken;
  add_acks(spoken, Sending::settlements);
  for (auto& topic : spoken) {
    const auto same = std::ranges::find(request.topics, topic.topic_id,
                                        &protocol::ShareFetchRequest::Topic::topic_id);
    if (same == request.topics.end()) {
      request.topics.push_back(std::move(topic));
      continue;
    }
    for (auto& row : topic.partitions) {
      const auto at = std::ranges::find(same->partitions, row.partition_index,
                                        &protocol::ShareFetchRequest::Partition::partition_index);
      if (at == same->partitions.end())
        same->partitions.push_back(std::move(row));
      else
        *at = std::move(row);
    }
  }
  return request;
}

protocol::ShareAcknowledgeRequest QueueSession::begin_acknowledge(TimePoint now) {
  protocol::ShareAcknowledgeRequest request;
  request.group_id = options_.group_id;
  request.member_id = options_.member_id;
  request.share_session_epoch = epoch_;
  request.is_renew_ack = renewals_wait();
  sent_at_ = now;
  add_acks(request.topics, request.is_renew_ack ? Sending::renewals : Sending::settlements);
  return request;
}

protocol::ShareAcknowledgeRequest QueueSession::begin_farewell(TimePoint now) {
  for (auto& [id, partition] : partitions_) partition.renewals.clear();
  auto request = begin_acknowledge(now);
  request.share_session_epoch = -1;
  return request;
}

// ---- Answers ----

bool QueueSession::accept_answer(ErrorCode error, TimePoint now) {
  if (error == ErrorCode::none) {
    epoch_ = epoch_ == std::numeric_limits<std::int32_t>::max() ? 1 : epoch_ + 1;
    return true;
  }
  const Error what{make_error_code(error), "share session of group " + options_.group_id};
  start_over(what, now);
  const bool over = error == ErrorCode::share_session_not_found ||
                    error == ErrorCode::invalid_share_session_epoch;
  if (!over && !retriable(what)) failure_ = what;
  return false;
}

std::vector<QueueSession::Acquired> QueueSession::on_fetch(
    const protocol::ShareFetchResponse& response, TimePoint now) {
  std::vector<Acquired> acquired;
  if (!accept_answer(response.error_code, now)) return acquired;
  lock_duration_ = std::chrono::milliseconds(response.acquisition_lock_timeout_ms);
  for (const auto& topic : response.responses) {
    for (const auto& row : topic.partitions) {
      const auto at = partitions_.find({topic.topic_id, row.partition_index});
      if (at == partitions_.end()) continue;
      Partition& partition = at->second;
      if (!partition.sent.empty()) settle(partition, row.acknowledge_error_code, now);
      if (row.error_code != ErrorCode::none) {
        const Error error{make_error_code(row.error_code),
                          "fetch " + partition.target.where.to_string()};
        if (means_stale_metadata(error.code)) stale_ = true;
        if (!retriable(error)) failure_ = error;
        not_before_ = now + options_.retry_backoff;
        continue;
      }
      if (row.acquired_records.empty()) continue;
      for (const auto& range : row.acquired_records)
        partition.held.add(range.first_offset, range.last_offset, range.delivery_count,
                           sent_at_ + lock_duration_);
      acquired.push_back({partition.target,
                          row.records ? std::optional(row.records->bytes) : std::nullopt,
                          row.acquired_records});
    }
  }
  for (auto& [id, partition] : partitions_)
    if (!partition.sent.empty())
      give_up(partition, {make_error_code(Errc::malformed_response), "ShareFetch"});
  sending_ = Sending::nothing;
  forget_unused();
  return acquired;
}

void QueueSession::on_acknowledge(const protocol::ShareAcknowledgeResponse& response,
                                  TimePoint now) {
  if (!accept_answer(response.error_code, now)) return;
  for (const auto& topic : response.responses) {
    for (const auto& row : topic.partitions) {
      const auto at = partitions_.find({topic.topic_id, row.partition_index});
      if (at != partitions_.end() && !at->second.sent.empty())
        settle(at->second, row.error_code, now);
    }
  }
  for (auto& [id, partition] : partitions_)
    if (!partition.sent.empty())
      give_up(partition, {make_error_code(Errc::malformed_response), "ShareAcknowledge"});
  sending_ = Sending::nothing;
  forget_unused();
}

void QueueSession::settle(Partition& partition, ErrorCode error, TimePoint now) {
  if (error == ErrorCode::none) return confirm(partition);
  const Error what{make_error_code(error), "acknowledge " + partition.target.where.to_string()};
  if (means_stale_metadata(what.code)) stale_ = true;
  auto& queue = sending_ == Sending::renewals ? partition.renewals : partition.settlements;
  if (error == ErrorCode::invalid_record_state && queue.halve(partition.sent)) {
    partition.sent.clear();
    return;
  }
  if (retriable(what) && ++partition.attempts < attempts_max) {
    queue.again(std::exchange(partition.sent, {}));
    not_before_ = now + options_.retry_backoff;
    return;
  }
  give_up(partition, what);
}

void QueueSession::confirm(Partition& partition) {
  partition.attempts = 0;
  const bool renewals = sending_ == Sending::renewals;
  for (const Ack& ack : std::exchange(partition.sent, {})) {
    if (renewals) {
      partition.held.renewed(ack.offset, sent_at_ + lock_duration_);
      continue;
    }
    partition.held.finish(ack.offset);
    if (ack.type == AckType::accept) ++totals_.accepted;
    if (ack.type == AckType::release) ++totals_.released;
    if (ack.type == AckType::reject) ++totals_.rejected;
  }
  if (!renewals) note_outcome(partition, nullptr);
}

void QueueSession::give_up(Partition& partition, const Error& error) {
  partition.attempts = 0;
  const auto acks = std::exchange(partition.sent, {});
  for (const Ack& ack : acks) partition.held.finish(ack.offset);
  if (sending_ == Sending::renewals) return;
  totals_.unconfirmed += acks.size();
  note_outcome(partition, &error);
}

void QueueSession::note_outcome(const Partition& partition, const Error* error) {
  auto& outcome = outcomes_.try_emplace(partition.target.where).first->second;
  if (error != nullptr && outcome) outcome = std::unexpected(*error);
}

void QueueSession::on_disconnect(const Error& error, TimePoint now) { start_over(error, now); }

void QueueSession::start_over(const Error& error, TimePoint now) {
  epoch_ = 0;
  not_before_ = now + options_.retry_backoff;
  forgotten_.clear();
  const bool renewing = sending_ == Sending::renewals;
  sending_ = Sending::settlements;  // whose failure is reported
  for (auto& [id, partition] : partitions_) {
    if (renewing) partition.sent.clear();
    while (!partition.settlements.empty()) {
      auto said = partition.settlements.take();
      partition.sent.insert(partition.sent.end(), std::make_move_iterator(said.begin()),
                            std::make_move_iterator(said.end()));
    }
    partition.renewals.clear();
    if (!partition.sent.empty()) give_up(partition, error);
    partition.held.clear();
    partition.told = false;
  }
  sending_ = Sending::nothing;
  forget_unused();
}

}  // namespace sluice::client
