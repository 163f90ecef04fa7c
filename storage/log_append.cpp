// Accepting batches, waiting for room and for durability, and what a failed write does to both.
#include "base/planted_bug.hpp"
#include "storage/log_parts.hpp"

#include <array>
#include <cerrno>
#include <cstring>

namespace sluice::storage {
namespace {

// Positions in a segment are 31 bits in the index.
constexpr std::int64_t segment_bytes_limit = std::numeric_limits<std::int32_t>::max();

}  // namespace

// `header` is null when only the size is known.
Result<> LogParts::check_room(std::size_t size, const protocol::BatchHeader* header) {
  if (closing) return fail(Errc::closed, directory);
  if (fenced) return fail(Errc::fenced, fenced->message());
  const auto bytes = static_cast<std::int64_t>(size);
  const std::int64_t segment_max = std::min(options.segment_bytes, segment_bytes_limit);
  if (bytes > segment_max) return fail(Errc::batch_too_large, directory);

  const Segment& segment = active();
  if (segment.size != 0 && !roll_wanted) {
    const bool full = segment.size + bytes > segment_max;
    const bool index_full = segment.indexes != nullptr &&
                            segment.indexes->offsets.size_bytes() + 8 > options.segment_index_bytes;
    // What must be compacted within a time must be closed within it.
    const std::int64_t segment_ms =
        options.cleanup_compact ? std::min(options.segment_ms, options.max_compaction_lag_ms)
                                : options.segment_ms;
    bool old = false;
    bool far = false;
    if (header != nullptr) {
      old = segment.first_timestamp >= 0 && header->max_timestamp > segment.first_timestamp &&
            header->max_timestamp - segment.first_timestamp > segment_ms - roll_jitter_ms;
      far = end_offset + header->last_offset_delta - segment.base > segment_bytes_limit;
    }
    roll_wanted = full || index_full || old || far;
  }
  const bool fits = !roll_wanted && active_ready && segment.size + bytes <= prepared &&
                    (unwritten() == 0 || unwritten() + bytes <= options.unwritten_bytes_max);
  if (fits) return {};
  room_wanted = std::max(room_wanted, bytes);
  start_loop();
  return fail(Errc::no_room);
}

Result<std::optional<AppendInfo>> LogParts::find_duplicate(
    const protocol::BatchHeader& header) const {
  if (closing) return fail(Errc::closed, directory);
  if (fenced) return fail(Errc::fenced, fenced->message());
  const auto known = producers.check(header);
  if (!known) return std::unexpected(known.error());
  if (!*known) return std::nullopt;
  return AppendInfo{.base_offset = (*known)->base_offset(),
                    .last_offset = (*known)->last_offset,
                    .duplicate = true};
}

Result<AppendInfo> LogParts::append(Bytes batch, const protocol::BatchHeader& header) {
  SLUICE_CHECK(batch.size() == header.size());
  const auto duplicate = find_duplicate(header);
  if (!duplicate) return std::unexpected(duplicate.error());
  if (*duplicate) return **duplicate;
  if (auto room_now = check_room(batch.size(), &header); !room_now)
    return std::unexpected(room_now.error());

  // Base offset and leader epoch lie outside the CRC and within the first 16 bytes.
  protocol::BatchHeader stored = header;
  stored.base_offset = end_offset;
  stored.partition_leader_epoch = epoch;
  std::array<std::byte, protocol::batch_layout::magic> lead;
  std::memcpy(lead.data(), batch.data(), lead.size());
  protocol::set_base_offset(lead, stored.base_offset);
  protocol::set_partition_leader_epoch(lead, epoch);

  Segment& segment = active();
  const std::int64_t position = segment.size;
  segment.tail->append(lead);
  segment.tail->append(batch.subspan(lead.size()));
  segment.size += static_cast<std::int64_t>(batch.size());
  end_offset = segment.end = stored.next_offset();
  indexer.add(segment, stored, position);
  if (segment.hash) segment.hash->count(stored);
  producers.update(stored);
  pending.push_back({segment.size, end_offset});
  appended_at = store->clock.now();
  streaming = streaming || !flights.empty();
  if (!loop_running || next_write_end(write_state())) start_loop();
  return AppendInfo{.base_offset = stored.base_offset, .last_offset = stored.last_offset()};
}

Task<Result<>> LogParts::room_for(std::size_t size) {
  no_space.reset();
  for (;;) {
    const auto room_now = check_room(size, nullptr);
    if (room_now || room_now.error().code != Errc::no_room) co_return room_now;
    if (no_space) co_return fail(Errc::disk_full, no_space->message());
    co_await room.wait();
  }
}

Task<Result<AppendInfo>> LogParts::append_when_room(Bytes batch, protocol::BatchHeader header) {
  for (;;) {
    auto info = append(batch, header);
    if (info || info.error().code != Errc::no_room) co_return info;
    auto has_room = co_await room_for(batch.size());
    if (!has_room) co_return std::unexpected(has_room.error());
  }
}

Task<Result<>> LogParts::wait_durable(Offset end) {
  if (end <= durable_offset || planted(PlantedBug::acknowledge_before_completion))
    co_return Result<>{};
  if (fenced) co_return std::unexpected(*fenced);
  if (closed) co_return fail(Errc::closed, directory);
  const bool durable = co_await suspend<bool>(
      [](Completion<bool> done, LogParts* self, Offset wanted) {
        auto at = self->waiters.end();
        while (at != self->waiters.begin() && std::prev(at)->end > wanted) --at;
        self->waiters.insert(at, Waiter{wanted, std::move(done)});
      },
      this, end);
  if (durable) co_return Result<>{};
  if (fenced) co_return std::unexpected(*fenced);
  co_return fail(Errc::closed, directory);
}

// Promises nothing more: what was accepted and is not durable is lost to this log. The file is not
// written again before reopen() has read it from the disk.
void LogParts::fence(Error error) {
  if (fenced) return;
  store->logger.error(
      "log fenced after a failed write",
      {{"log", directory}, {"error", error.message()}, {"durable_end", durable_offset}});
  fenced = std::move(error);
  pending.clear();
  for (Waiter& waiter : waiters) waiter.done.post(false);
  waiters.clear();
  room.notify();
}

// Space and descriptors come back by themselves; a disk that failed does not.
bool LogParts::heals() const {
  if (!fenced) return false;
  if (is_out_of_space(*fenced)) return true;
  const std::error_code& code = fenced->code;
  if (code.category() != std::system_category() && code.category() != std::generic_category())
    return false;
  return code.value() == EMFILE || code.value() == ENFILE || code.value() == ENOMEM;
}

}  // namespace sluice::storage
