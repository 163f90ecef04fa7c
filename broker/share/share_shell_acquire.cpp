// How a ShareShell reads for fetches, and where they wait.
#include "broker/partition.hpp"
#include "broker/share/share_batches.hpp"
#include "broker/share/share_keys.hpp"
#include "broker/share/share_shell.hpp"

#include <algorithm>
#include <deque>

namespace sluice::broker {
namespace {

// Reads for one fetch of one partition: records that came back lie apart, and each read is of one
// stretch of them.
constexpr int reads_max = 64;
constexpr std::int64_t read_slack = 16 << 10;  // bytes
// With order by key, whose batches are decompressed and parsed.
constexpr std::int64_t keyed_read_bytes = 1 << 20;

}  // namespace

Task<> ShareShell::park(const ShareKey* key, std::shared_ptr<FetchWaiter> waiter, ShareOffer seen) {
  Partition* partition = shard_.find(key->topic, key->partition);
  const auto at = units_.find(*key);
  if (partition == nullptr || at == units_.end() || !at->second->core) {
    waiter->wake();
    co_return;
  }
  Unit& unit = *at->second;
  // Something became available between the look and now.
  const auto offered = unit.core->next_offered(unit.core->start());
  if (offered && *offered != seen.from && *offered < partition->log().high_watermark()) {
    waiter->wake();
    co_return;
  }
  std::erase_if(unit.waiters, [](const auto& one) { return one.expired(); });
  unit.waiters.push_back(waiter);
  partition->wake_on_data(waiter, seen.high_watermark);
}

Task<ShareOffer> ShareShell::offered(const ShareKey* key, std::int64_t enough) {
  ShareOffer offer;
  const UnitPtr unit = find(*key);
  if (co_await make_ready(unit) != ErrorCode::none) {
    offer.bytes = enough;
    co_return offer;
  }
  Partition* partition = shard_.find(key->topic, key->partition);
  if (partition != nullptr) {
    offer.high_watermark = partition->log().high_watermark();
    const auto from = next_offered(*unit, *partition, 0);
    settle(unit);
    if (!from || *from >= offer.high_watermark) co_return offer;
    offer.from = *from;
    FetchQuery fetch;
    fetch.offset = *from;
    fetch.max_bytes = enough;
    fetch.least = storage::AtLeastOneBatch::yes;
    fetch.handout = storage::Handout::memory;
    const FetchAnswer answer = co_await partition->fetch(fetch);
    offer.bytes = static_cast<std::int64_t>(answer.read.size);
    if (answer.error == ErrorCode::none && answer.read.next_offset >= offer.high_watermark)
      co_return offer;
  }
  offer.bytes = std::max(offer.bytes, enough);
  co_return offer;
}

Task<ShareAcquired> ShareShell::acquire(const ShareKey* key, const ShareAcquireQuery* query) {
  ShareAcquired out;
  const UnitPtr unit = find(*key);
  out.error = co_await make_ready(unit);
  if (out.error != ErrorCode::none) co_return out;
  if (!unit->reading.try_enter()) co_await unit->reading.enter();
  const Turnstile::Pass pass{unit->reading};
  follow_settings(*unit);  // it may have waited
  Offset cursor = 0;
  for (int reads = 0; reads < reads_max && !unit->gone; ++reads) {
    Partition* partition = shard_.find(key->topic, key->partition);
    if (partition == nullptr) {
      if (out.ranges.empty()) out.error = shard_.why_missing(key->topic);
      break;
    }
    out.high_watermark = partition->log().high_watermark();
    const auto from = next_offered(*unit, *partition, cursor);
    if (!from || *from >= out.high_watermark) break;
    if (out.count >= query->limits.records_max || out.bytes >= query->bytes_max) break;
    FetchQuery fetch;
    fetch.offset = *from;
    fetch.max_bytes = bytes_to_read(*unit, *query, out, *from);
    if (unit->core->settings().order_by_key)
      fetch.max_bytes = std::min(fetch.max_bytes, keyed_read_bytes);
    // A record that came back may lie in a batch much larger than itself.
    fetch.least = storage::AtLeastOneBatch::yes;
    fetch.handout = storage::Handout::memory;
    FetchAnswer answer = co_await partition->fetch(fetch);
    if (answer.error != ErrorCode::none || answer.read.empty()) {
      if (out.ranges.empty()) out.error = answer.error;
      break;
    }
    const bool exceeds = query->exceeds && out.ranges.empty();
    const auto size = static_cast<std::int64_t>(answer.read.size);
    if (!exceeds && size > query->bytes_max - out.bytes) break;
    cursor = answer.read.next_offset;
    const std::size_t before = out.ranges.size();
    const ErrorCode taken = take(unit, fetch.offset, std::move(answer.read), *query, out);
    if (taken != ErrorCode::none && out.ranges.empty()) out.error = taken;
    if (taken != ErrorCode::none || ends_here(*unit, out, before, fetch.offset, cursor)) break;
  }
  if (!out.ranges.empty()) unit->sessions[std::string(query->member)] = query->session;
  settle(unit);
  co_return out;
}

// Where to read next, `from` at least, of what is offered at this moment.
std::optional<Offset> ShareShell::next_offered(Unit& unit, Partition& partition,
                                               Offset from) const {
  unit.core->tick(now());
  unit.core->log_start_moved(partition.log().log_start_offset());
  return unit.core->next_offered(std::max(from, unit.core->start()));
}

// Whether a fetch that took the ranges from `before` on, of what it read of [from, to), is over: a
// record at its last attempt goes alone, and what could not be taken goes before what follows it.
bool ShareShell::ends_here(const Unit& unit, const ShareAcquired& out, std::size_t before,
                           Offset from, Offset to) {
  const auto taken = std::span(out.ranges).subspan(before);
  if (std::ranges::any_of(taken, [&unit](const AcquiredRange& range) {
        return unit.core->is_last_attempt(range.deliveries);
      }))
    return true;
  const auto left = unit.core->next_offered(std::max(from, unit.core->start()));
  return left && *left < std::min(to, unit.core->end());
}

// About as much as the records that are still wanted take: clients name the most bytes of a reply,
// and what is read beyond the records is read for nothing.
std::int64_t ShareShell::bytes_to_read(const Unit& unit, const ShareAcquireQuery& query,
                                       const ShareAcquired& out, Offset from) const {
  constexpr std::int64_t records_max = 1'000'000;
  const std::int64_t wanted = std::min(
      {query.limits.records_max - out.count, records_max, unit.core->offered_until(from) - from});
  return std::min(query.bytes_max - out.bytes, wanted * unit.record_bytes + read_slack);
}

// Acquires of what was read, and keeps the batches that hold it. Errors: kafka_storage_error, when
// the keys of a batch are needed and cannot be read; what lies before it is taken.
ErrorCode ShareShell::take(const UnitPtr& unit, Offset from, storage::ReadResult read,
                           const ShareAcquireQuery& query, ShareAcquired& out) {
  const ReadBatches found = batches_of(storage::contiguous(std::move(read)));
  unit->core->tick(now());
  ErrorCode error = ErrorCode::none;
  std::deque<std::vector<RecordKey>> keys;  // the extents borrow them
  std::vector<BatchExtent> extents;
  extents.reserve(found.batches.size());
  for (const protocol::BatchView& batch : found.batches) {
    BatchExtent extent{batch.header.base_offset, batch.header.last_offset()};
    if (unit->core->wants_keys(extent.last)) {
      auto of_batch = keys_of(batch);
      if (!of_batch) {
        error = ErrorCode::kafka_storage_error;
        break;
      }
      extent.keys = keys.emplace_back(std::move(*of_batch));
    }
    extents.push_back(extent);
  }
  if (!found.batches.empty()) {
    const Offset count =
        found.batches.back().header.last_offset() - found.batches.front().header.base_offset + 1;
    const auto size = static_cast<std::int64_t>(found.read.bytes.size());
    unit->record_bytes = (unit->record_bytes + size / count) / 2 + 1;
  }
  AcquireLimits limits = query.limits;
  limits.taken = out.count;
  const auto ranges = unit->core->acquire(query.member, from, extents, limits, now());
  for (const AcquiredRange& range : ranges) out.count += range.last - range.first + 1;
  out.ranges.insert(out.ranges.end(), ranges.begin(), ranges.end());
  for (storage::Slice& slice : slices_with(found, ranges)) {
    out.bytes += static_cast<std::int64_t>(slice.bytes.size());
    out.records.push_back(std::move(slice));
  }
  return error;
}

}  // namespace sluice::broker
