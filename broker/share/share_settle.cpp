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
    for (const std::int8_t type : batch.types)
      if (type < 0 || type > static_cast<std::int8_t>(Acknowledge::renew)) return false;
    next = batch.last + 1;
  }
  return true;
}

}  // namespace

ErrorCode SharePartition::check(std::uint32_t owner,
                                std::span<const AcknowledgeBatch> batches) const {
  for (const AcknowledgeBatch& batch : batches) {
    for (Offset at = std::max(batch.first, start_); at <= batch.last;) {
      if (at >= end_) return ErrorCode::invalid_record_state;
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
      end_delivery(std::max(at, start_), last, static_cast<Acknowledge>(type_of(at)), now, change);
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
  for (const Offset first : held) give_back(first, Range(ranges_.find(first)->second), now, change);
  return change.batches.empty() ? 0 : write(std::move(change));
}

// Requires: acquired by the caller's member.
void SharePartition::end_delivery(Offset first, Offset last, Acknowledge how, GroupTime now,
                                  Change& change) {
  for (Offset at = first; at <= last;) {
    cut(at);
    cut(last + 1);
    const Range range = ranges_.find(at)->second;
    switch (how) {
      case Acknowledge::accept:
        settle(at, range, StoredState::acknowledged, change);
        break;
      case Acknowledge::gap:
      case Acknowledge::reject:
        settle(at, range, StoredState::archived, change);
        break;
      case Acknowledge::release:
        give_back(at, range, now, change);
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

void SharePartition::give_back(Offset first, const Range& range, GroupTime now, Change& change) {
  if (range.deliveries >= settings_.deliveries_max)
    return settle(first, range, StoredState::archived, change);
  const auto wait = backoff(settings_.retry, range.deliveries, random_);
  Range free{range.last, State::available, range.deliveries};
  StateBatch batch{first, range.last, StoredState::available, range.deliveries};
  if (wait.count() > 0) {
    free.at = now.steady + wait;
    batch.available_ms = now.wall_ms + wait.count();
  }
  put(first, range.last, free);
  change.batches.push_back(batch);
}

void SharePartition::settle(Offset first, const Range& range, StoredState state, Change& change) {
  put(first, range.last, {range.last, State::settling, range.deliveries});
  change.settled.push_back({first, range.last});
  if (!change.batches.empty()) {  // what ends alike is stored as one
    StateBatch& before = change.batches.back();
    if (before.last + 1 == first && before.state == state &&
        before.deliveries == range.deliveries) {
      before.last = range.last;
      return;
    }
  }
  change.batches.push_back({first, range.last, state, range.deliveries});
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
    for (const Span& span : done.settled)  // the log's start may have moved over it meanwhile
      if (span.last >= start_)
        put(std::max(span.first, start_), span.last, {span.last, State::finished});
  }
  skip_finished();
}

void SharePartition::on_failed(std::uint64_t write, GroupTime now) {
  const auto at_failed = std::ranges::find(pending_, write, &Pending::id);
  if (at_failed == pending_.end()) return;
  const Pending failed = std::move(*at_failed);
  pending_.erase(at_failed);
  for (const Span& span : failed.settled) {
    for (Offset at = std::max(span.first, start_); at <= span.last;) {
      const Range range = ranges_.find(at)->second;
      Range free{range.last, State::available, range.deliveries};
      // What was delivered often enough is offered once more: it is settled by its next end.
      free.at =
          settings_.retry.first.count() > 0 ? now.steady + settings_.retry.first : TimePoint{};
      put(at, range.last, free);
      at = range.last + 1;
    }
  }
}

}  // namespace sluice::broker
