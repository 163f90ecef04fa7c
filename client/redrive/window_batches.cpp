#include "client/redrive/window_batches.hpp"

#include "base/check.hpp"
#include "client/partitioner.hpp"
#include "protocol/queue_headers.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

bool is_ours(std::string_view header) {
  return header.starts_with(protocol::dead_letter_header::prefix) ||
         header == protocol::redrive_count_header;
}

std::size_t size_of(const std::optional<Bytes>& bytes) { return bytes ? bytes->size() : 0; }

}  // namespace

std::string_view target_topic(const RedriveProgress& progress, const DeadLetterOrigin& origin) {
  return progress.to ? std::string_view(*progress.to) : origin.topic;
}

PartitionIndex target_partition(const RecordView& record, const DeadLetterOrigin& origin,
                                std::int32_t partition_count) {
  if (origin.partition >= 0 && origin.partition < partition_count) return origin.partition;
  if (record.key) return partition_of_key(*record.key, partition_count);
  return std::max(origin.partition, 0) % partition_count;
}

std::size_t redriven_size_max(const RecordView& record) {
  constexpr std::size_t lengths_and_count = 96;
  return size_of(record.key) + size_of(record.value) + record.headers.bytes().size() +
         lengths_and_count;
}

void WindowBatches::add(const RecordView& record) {
  const auto origin = dead_letter_origin(record);
  const auto target = progress_.targets.find(std::string(target_topic(progress_, origin)));
  SLUICE_CHECK(target != progress_.targets.end());
  const auto partition = target_partition(record, origin, target->second.partition_count);
  auto [at, is_new] = building_.try_emplace({target->first, partition});
  auto& [builder, batch] = at->second;
  if (is_new) {
    batch.topic = target->first;
    batch.partition = partition;
    const auto lane = target->second.lanes.find(partition);
    if (lane != target->second.lanes.end()) batch.base_sequence = lane->second.next_sequence;
    builder.set_producer(progress_.producer_id, progress_.producer_epoch, batch.base_sequence);
  }
  headers_.clear();
  for (const auto& header : record.headers)
    if (!is_ours(header.key)) headers_.push_back(header);
  const std::string redrives = std::to_string(origin.redrives + 1);
  headers_.push_back({protocol::redrive_count_header, as_bytes(redrives)});
  builder.append({.timestamp = record.timestamp_ms,
                  .key = record.key,
                  .value = record.value,
                  .headers = headers_});
  batch.offsets.push_back(record.offset);
}

std::vector<RedriveBatch> WindowBatches::finish() {
  std::vector<RedriveBatch> batches;
  for (auto& [where, building] : building_) {
    building.batch.bytes = std::make_shared<std::vector<std::byte>>(building.builder.finish());
    batches.push_back(std::move(building.batch));
  }
  building_.clear();
  return batches;
}

}  // namespace sluice::client
