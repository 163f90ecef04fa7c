#include "broker/queue/schedule_reader.hpp"

#include "broker/partition.hpp"
#include "storage/error.hpp"

namespace sluice::broker {
namespace {

constexpr std::size_t read_bytes = 16 << 10;

std::optional<KeptRecord> kept_record(const protocol::Record& record, Offset offset,
                                      const storage::Slice& bytes) {
  const auto entry = record.key ? decode_schedule_entry(*record.key) : std::nullopt;
  if (!entry) return std::nullopt;
  return KeptRecord{offset, *entry, record.value, record.headers, bytes.owner};
}

}  // namespace

Task<Result<std::optional<KeptRecord>>> ScheduleReader::read(Offset offset) {
  if (offset < first_ || offset >= end_) {
    Partition* partition = log_.partition();
    if (partition == nullptr || partition->closing())
      co_return fail(storage::Errc::closed, "__sluice_schedules");
    auto got = co_await partition->log().read(offset, read_bytes);
    if (!got) co_return std::unexpected(got.error());
    end_ = got->next_offset;
    first_ = offset;
    here_ = storage::contiguous(std::move(*got));
  }
  co_return find_here(offset);
}

std::optional<KeptRecord> ScheduleReader::find_here(Offset offset) const {
  protocol::BatchIterator batches{here_.bytes};
  while (const auto batch = batches.next()) {
    if (batch->header.last_offset() < offset) continue;
    protocol::RecordIterator records{*batch};
    while (const auto record = records.next())
      if (protocol::offset_of(*record, batch->header) == offset)
        return kept_record(*record, offset, here_);
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace sluice::broker
