// The end of a delivery: acknowledgements, releases, and what becomes of their writes.
#include "broker/share/share_partition.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

namespace sluice::broker {
namespace {

constexpr Offset offset_max = std::numeric_limits<Offset>::max();

bool well_formed(std::span<const AcknowledgeBatch> batches) {
  Offset next = 0;
  for (const AcknowledgeBatch& batch : batches) {
    if (batch.first < next || batch.last < batch.first || batch.last == offset_max) return false;
    const auto count = static_cast<std::uint64_t>(batch.last - batch.first) + 1;
    if (batch.types.size() != 1 && batch.types.size() != count) return false;
    if (batch.delay.count() < -1 || batch.delay > delay_max) return false;
    for (const std::int8_t type : batch.types)
      if (type < 0 || type > static_cast<std::int8_t>(Acknowledge::renew)) return false;
    next = batch.last + 1;
  }
  return true;
}

// At most so many bytes, whole characters of UTF-8.
std::string cut_text(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
  };
  while (bytes_max != 0 && continues(bytes_max)) --bytes_max;
  return std::string(text.substr(0, bytes_max));
}

}  // namespace

ErrorCode SharePartition::check(std::uint32_t owner,
                                std::span<const AcknowledgeBatch> batches) const {
  for (const AcknowledgeBatch& batch : batches) {
    for (Offset at = std::max(batch.first, start_); at <= batch.last;) {
      if (at >= end_) return ErrorCode::invalid_request;
      const Range& range = std::prev(ranges_.upper_bound(at))->second;
      if (range.state != State::acquired || range.owner != owner)
        return ErrorCode::invalid_record_state;
      at = range.last + 1;
    }
  }
  return ErrorCode::none;
}

std::expected<std::uint64_t, ErrorCode> SharePartition::acknowledge(
    std::string_view member, std::span<const AcknowledgeBatch> batches, GroupTime now) {
  tick(now);
  if (!well_formed(batches)) return std::unexpected(ErrorCode::invalid_request);
  const ErrorCode error = check(known_owner(member).value_or(0), batches);
  if (error != ErrorCode::none) return std::unexpected(error);
  Change change;
  for (const AcknowledgeBatch& batch : batches) {
    // One type an offset: runs of equal types are ended together.
    const bool one_type = batch.types.size() == 1;
    for (Offset at = batch.first; at <= batch.last;) {
      const auto type_of = [&](Offset offset) {
        return batch.types[one_type ? 0 : static_cast<std::size_t>(offset - batch.first)];
      };
      Offset last = one_type ? batch.last : at;
      while (last < batch.last && type_of(last + 1) == type_of(at)) ++last;
      const auto how = static_cast<Acknowledge>(type_of(at));
      end_delivery(std::max(at, start_), last, how, batch, now, change);
      at = last + 1;
    }
  }
  return change.batches.empty() ? 0 : write(std::move(change));
}

std::uint64_t SharePartition::release_member(std::string_view member, GroupTime now) {
  const auto known = owners_.find(member);
  if (known == owners_.end()) return 0;
  const std::uint32_t owner = known->second;
  owners_.erase(known);
  std::vector<Offset> held;
  for (const auto& [end, first] : locks_)
    if (ranges_.find(first)->second.owner == owner) held.push_back(first);
  Change change;
  for (const Offset first : held) give_back(first, ranges_.find(first)->second, {}, now, change);
  return change.batches.empty() ? 0 : write(std::move(change));
}

// Requires: acquired by the caller's member.
void SharePartition::end_delivery(Offset first, Offset last, Acknowledge how,
                                  const AcknowledgeBatch& batch, GroupTime now, Change& change) {
  for (Offset at = first; at <= last;) {
    Range range = std::prev(ranges_.upper_bound(at))->second;
    range.last = std::min(range.last, last);  // put() divides it
    switch (how) {
      case Acknowledge::accept:
        settle(at, range, StoredState::acknowledged, change);
        break;
      case Acknowledge::gap:
        settle(at, range, StoredState::archived, change);
        break;
      case Acknowledge::reject:
        give_up(at, range, {FailureReason::rejected, batch.reason}, now, change);
        break;
      case Acknowledge::release:
        give_back(at, range, {FailureReason::released, batch.reason, batch.delay}, now, change);
        break;
      case Acknowledge::renew: {
        Range renewed = range;
        renewed.at = now.steady + settings_.lock_duration;
        put(at, range.last, renewed);
        break;
      }
    }
    at = range.last + 1;
  }
}

void SharePartition::give_back(Offset first, Range range, const Ending& ending, GroupTime now,
                               Change& change) {
  if (range.deliveries >= settings_.deliveries_max) {
    Ending last = ending;
    if (last.reason == FailureReason::released) last.reason = FailureReason::delivery_limit;
    return give_up(first, std::move(range), last, now, change);
  }
  const auto wait = ending.delay.count() >= 0 ? ending.delay
                                              : backoff(settings_.retry, range.deliveries, random_);
  Range free{range.last, State::available, range.deliveries};
  free.failure = failed(range, ending, now, change);
  StateBatch batch{first, range.last, StoredState::available, range.deliveries, 0, free.failure};
  if (wait.count() > 0) {
    // Of whole milliseconds, so that many records are woken together.
    free.at = std::chrono::ceil<std::chrono::milliseconds>(now.steady + wait);
    batch.available_ms = now.wall_ms + wait.count();
  }
  put(first, range.last, free);
  change.batches.push_back(std::move(batch));
}

// After the last delivery, or a reject.
void SharePartition::give_up(Offset first, Range range, const Ending& ending, GroupTime now,
                             Change& change) {
  if (!settings_.dead_letters) return settle(first, range, StoredState::archived, change);
  range.failure = failed(range, ending, now, change);
  settle(first, range, StoredState::dead_lettering, change);
}

FailurePtr SharePartition::failed(const Range& range, const Ending& ending, GroupTime now,
                                  Change& change) const {
  Failure failure{now.wall_ms, now.wall_ms, ending.reason,
                  cut_text(ending.message, Failure::message_bytes_max)};
  if (range.failure) failure.first_ms = range.failure->first_ms;
  if (!change.failure || *change.failure != failure)
    change.failure = std::make_shared<const Failure>(std::move(failure));
  return change.failure;
}

void SharePartition::settle(Offset first, const Range& range, StoredState state, Change& change) {
  const bool gives_up = state == StoredState::dead_lettering;
  const bool has_copy = range.state == State::copying || range.state == State::archiving;
  Range settling{range.last, State::settling, range.deliveries};
  settling.failure = range.failure;
  put(first, range.last, settling);
  change.settled.push_back({first, range.last, gives_up ? State::dead_lettering : State::finished,
                            has_copy ? State::archiving : State::available});
  const FailurePtr failure = gives_up ? range.failure : nullptr;
  if (!change.batches.empty()) {  // what ends alike is stored as one
    StateBatch& before = change.batches.back();
    if (before.last + 1 == first && before.state == state &&
        before.deliveries == range.deliveries && same_failure(before.failure, failure)) {
      before.last = range.last;
      return;
    }
  }
  change.batches.push_back({first, range.last, state, range.deliveries, 0, failure});
}

std::uint64_t SharePartition::write(Change change) {
  const std::uint64_t id = next_write_++;
  pending_.push_back({id, std::move(change.settled)});
  writes_.push_back({id, {start_, std::move(change.batches)}});
  return id;
}

// Durable is durable in the order of the log: it stands for all writes before it, too.
void SharePartition::on_durable(std::uint64_t write) {
  while (!pending_.empty() && pending_.front().id <= write) {
    const Pending done = std::move(pending_.front());
    pending_.pop_front();
    for (const Span& span : done.settled) end_settling(span, span.durable, {});
  }
  skip_finished();
  offer_freed();
  switch_order();
}

void SharePartition::on_failed(std::uint64_t write, GroupTime now) {
  const auto at_failed = std::ranges::find(pending_, write, &Pending::id);
  if (at_failed == pending_.end()) return;
  const Pending failed = std::move(*at_failed);
  pending_.erase(at_failed);
  for (const Span& span : failed.settled) end_settling(span, span.failed, now);
  switch_order();
}

// The log's start may have moved over a part of it meanwhile.
void SharePartition::end_settling(const Span& span, State state, GroupTime now) {
  const Offset first = std::max(span.first, start_);
  if (first > span.last) return;
  if (state == State::finished) return put(first, span.last, {span.last, state});
  for (Offset at = first; at <= span.last;) {
    Range range = ranges_.find(at)->second;
    range.state = state;
    const Offset last = range.last;
    if (state == State::archiving) {
      wait_for_copy(at, std::move(range), state, now);
    } else {
      // It may have been blocked by its key, and is looked at again.
      if (by_key_) learned_ = std::min(learned_, at);
      // What was delivered often enough is offered once more: it is settled by its next end.
      if (state == State::available && settings_.retry.first.count() > 0)
        range.at = now.steady + settings_.retry.first;
      put(at, last, std::move(range));
    }
    at = last + 1;
  }
}

}  // namespace sluice::broker
