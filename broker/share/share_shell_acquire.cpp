// How a ShareShell reads for fetches, and where they wait.
#include "broker/partition.hpp"
#include "broker/share/share_keys.hpp"
#include "broker/share/share_shell.hpp"

#include <algorithm>
#include <deque>

namespace sluice::broker {
namespace {

// Reads for one fetch of one partition: records that came back lie apart.
constexpr int reads_max = 16;
// With order by key, whose batches are decompressed and parsed.
constexpr std::int64_t keyed_read_bytes = 1 << 20;

}  // namespace

Task<> ShareShell::park(const ShareKey* key, std::shared_ptr<FetchWaiter> waiter, Offset seen) {
  Partition* partition = shard_.find(key->topic, key->partition);
  const auto at = units_.find(*key);
  if (partition == nullptr || at == units_.end() || !at->second->core) {
    waiter->wake();
    co_return;
  }
  Unit& unit = *at->second;
  // Something became available between the look and now.
  const auto offered = unit.core->next_offered(unit.core->start());
  if (offered && *offered < partition->log().high_watermark()) {
    waiter->wake();
    co_return;
  }
  std::erase_if(unit.waiters, [](const auto& one) { return one.expired(); });
  unit.waiters.push_back(waiter);
  partition->wake_on_data(waiter, seen);
}

Task<ShareAcquired> ShareShell::acquire(const ShareKey* key, const ShareAcquireQuery* query) {
  ShareAcquired out;
  const UnitPtr unit = find(*key);
  if (!unit->core) {
    out.error = co_await open(unit, Begin::yes);
    if (out.error != ErrorCode::none) co_return out;
  }
  if (!unit->reading.try_enter()) co_await unit->reading.enter();
  const Turnstile::Pass pass{unit->reading};
  follow_settings(*unit);
  Offset cursor = 0;
  for (int reads = 0; reads < reads_max && !unit->gone; ++reads) {
    Partition* partition = shard_.find(key->topic, key->partition);
    if (partition == nullptr) {
      if (out.ranges.empty()) out.error = shard_.why_missing(key->topic);
      break;
    }
    unit->core->tick(now());
    unit->core->log_start_moved(partition->log().log_start_offset());
    out.high_watermark = partition->log().high_watermark();
    const auto from = unit->core->next_offered(std::max(cursor, unit->core->start()));
    if (!from || *from >= out.high_watermark) break;
    if (out.count >= query->limits.records_max || out.bytes >= query->bytes_max) break;
    FetchQuery fetch;
    fetch.offset = *from;
    fetch.max_bytes = query->bytes_max - out.bytes;
    if (unit->core->settings().order_by_key)
      fetch.max_bytes = std::min(fetch.max_bytes, keyed_read_bytes);
    fetch.least = storage::AtLeastOneBatch::yes;
    fetch.handout = storage::Handout::memory;
    FetchAnswer answer = co_await partition->fetch(fetch);
    if (answer.error != ErrorCode::none || answer.read.empty()) {
      if (out.ranges.empty()) out.error = answer.error;
      break;
    }
    cursor = answer.read.next_offset;
    const ErrorCode taken = take(unit, fetch.offset, std::move(answer.read), *query, out);
    if (taken == ErrorCode::none) continue;
    if (out.ranges.empty()) out.error = taken;
    break;
  }
  if (!out.ranges.empty()) unit->sessions[std::string(query->member)] = query->session;
  settle(unit);
  co_return out;
}

// Acquires of what was read, and keeps the batches that hold it. Errors: kafka_storage_error, when
// the keys of a batch are needed and cannot be read; what lies before it is taken.
ErrorCode ShareShell::take(const UnitPtr& unit, Offset from, storage::ReadResult read,
                           const ShareAcquireQuery& query, ShareAcquired& out) {
  ErrorCode error = ErrorCode::none;
  storage::Slice bytes = storage::contiguous(std::move(read));
  std::vector<BatchExtent> extents;
  std::vector<std::size_t> begins;
  std::size_t end_of_extents = 0;
  std::deque<std::vector<RecordKey>> keys;  // the extents borrow them
  unit->core->tick(now());
  protocol::BatchIterator batches{bytes.bytes};
  while (const auto batch = batches.next()) {
    BatchExtent extent{batch->header.base_offset, batch->header.last_offset()};
    if (unit->core->wants_keys(extent.last)) {
      auto found = keys_of(*batch);
      if (!found) {
        error = ErrorCode::kafka_storage_error;
        break;
      }
      extent.keys = keys.emplace_back(std::move(*found));
    }
    extents.push_back(extent);
    begins.push_back(batches.position() - batch->bytes.size());
    end_of_extents = batches.position();
  }
  begins.push_back(end_of_extents);
  AcquireLimits limits = query.limits;
  limits.records_max -= out.count;
  const auto ranges = unit->core->acquire(query.member, from, extents, limits, now());
  if (ranges.empty()) return error;
  std::size_t first = 0;
  while (extents[first].last < ranges.front().first) ++first;
  std::size_t end = first;
  while (end < extents.size() && extents[end].first <= ranges.back().last) ++end;
  bytes.bytes = bytes.bytes.subspan(begins[first], begins[end] - begins[first]);
  out.bytes += static_cast<std::int64_t>(bytes.bytes.size());
  for (const AcquiredRange& range : ranges) out.count += range.last - range.first + 1;
  out.ranges.insert(out.ranges.end(), ranges.begin(), ranges.end());
  out.records.push_back(std::move(bytes));
  return error;
}

}  // namespace sluice::broker
