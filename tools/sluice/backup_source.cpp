#include "tools/sluice/backup_source.hpp"

#include "protocol/record_batch.hpp"

namespace sluice::cli {
namespace {

constexpr std::string_view advice = ": the log was cut or set back since; take a new directory";

// Whether a batch that holds the last offset of the backup can be the one that was backed up.
bool is_same(const protocol::BatchHeader& header, const BackupBatch& known, Compacted compacted) {
  // It stands for records that are gone: a repair or the cleaner left it.
  if (header.record_count == 0) return true;
  if (header.partition_leader_epoch != known.epoch) return false;
  return compacted == Compacted::yes ||
         (header.base_offset == known.base && header.crc == known.crc);
}

}  // namespace

Result<> check_source(BatchLink& link, const TopicPartition& where,
                      const BackupPartition& partition, Offset start, Offset end,
                      Compacted compacted) {
  if (end < partition.end)
    return fail(Errc::invalid_argument, where.to_string() + " ends at offset " +
                                            std::to_string(end) + ", the backup holds it up to " +
                                            std::to_string(partition.end) + std::string(advice));
  if (partition.files.empty() || !partition.files.back().last) return {};
  const auto& file = partition.files.back();
  const Offset offset = file.end - 1;
  if (offset < start) return {};
  const auto fetched = link.fetch(where, offset);
  if (!fetched) return std::unexpected(fetched.error());
  for (const auto& batch : fetched->batches) {
    const auto header = protocol::parse_batch_header(batch.bytes);
    if (!header) return fail(header.error(), where.to_string());
    if (header->last_offset() < offset) continue;
    if (header->base_offset > offset || is_same(*header, *file.last, compacted)) break;
    return fail(Errc::invalid_argument, where.to_string() + " has another record at offset " +
                                            std::to_string(offset) + " than the backup" +
                                            std::string(advice));
  }
  return {};
}

}  // namespace sluice::cli
