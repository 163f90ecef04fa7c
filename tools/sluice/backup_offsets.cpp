#include "tools/sluice/backup_offsets.hpp"

#include "protocol/batch_builder.hpp"
#include "protocol/compression.hpp"
#include "sluice/error.hpp"

#include <algorithm>
#include <memory>

namespace sluice::cli {
namespace {

// About 10 bytes a record before compression: a few seconds for the most.
constexpr Offset filler_max = 100'000'000;
constexpr Offset filler_batch = 50'000;

// A topic that is only compacted deletes no records on demand (Kafka: POLICY_VIOLATION).
bool deletes_records(const BackupTopic& topic) {
  const auto policy = std::ranges::find(topic.configs, "cleanup.policy", &ConfigSetting::name);
  return policy == topic.configs.end() || !policy->value ||
         policy->value->find("delete") != std::string::npos;
}

}  // namespace

bool can_keep_offsets(const BackupTopic& topic, const BackupPartition& partition) {
  if (partition.files.empty()) return true;
  Offset records = 0;
  for (const auto& file : partition.files) records += file.records;
  const Offset first = partition.files.front().first;
  if (partition.files.back().end - first != records) return false;
  return first == 0 || (first <= filler_max && deletes_records(topic));
}

Result<> begin_at(BatchLink& link, Admin& admin, const TopicPartition& where, Offset first,
                  std::int64_t timestamp_ms) {
  protocol::Compressor compressor;
  protocol::BatchBuilder builder({.compression = protocol::Compression::zstd});
  Offset most = filler_batch;
  for (Offset made = 0; made < first;) {
    const Offset count = std::min(most, first - made);
    for (Offset i = 0; i < count; ++i)
      builder.append({.timestamp = timestamp_ms, .key = Bytes{}, .value = {}, .headers = {}});
    auto owner = std::make_shared<const std::vector<std::byte>>(builder.finish(compressor));
    const Bytes bytes(*owner);
    const auto base = link.produce(where, {.bytes = bytes, .owner = std::move(owner)});
    if (!base && base.error().is(ErrorCode::message_too_large) && count > 1) {
      most = count / 2;  // the topic's max.message.bytes is small
      continue;
    }
    if (!base) return std::unexpected(base.error());
    if (*base != made)
      return fail(Errc::invalid_argument,
                  "somebody else writes to " + where.to_string() + "; begin again");
    made += count;
  }
  const auto deleted = admin.delete_records({{where, first}});
  if (!deleted) return std::unexpected(deleted.error());
  return {};
}

}  // namespace sluice::cli
