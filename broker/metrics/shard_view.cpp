#include "broker/metrics/shard_view.hpp"

#include "broker/group_shell.hpp"
#include "broker/queue/schedule_shell.hpp"
#include "protocol/record.hpp"
#include "protocol/record_batch.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

namespace sluice::broker {
namespace {

// What a look takes at a stretch before others get the shard: some microseconds.
constexpr std::size_t stretch = 64;

PartitionView view_of(Partition& partition, std::int64_t size_bytes) {
  const storage::Log& log = partition.log();
  return {.open = true,
          .log_start = log.log_start_offset(),
          .high_watermark = log.high_watermark(),
          .log_end = log.log_end_offset(),
          .size_bytes = size_bytes,
          .segments = log.segment_count(),
          .counters = partition.counters()};
}

// Of thousands of partitions hardly anything is in the processor's cache. A short loop over one
// thing of each lets it wait for many of them at once.
void add_stretch(Shard& shard, std::span<const PartitionKey> keys, ShardView& view) {
  struct Seen {
    const PartitionKey* key;
    Partition* partition;
    std::int64_t size_bytes;
  };
  std::array<Seen, stretch> seen;
  std::size_t found = 0;
  for (const PartitionKey& key : keys)
    if (Partition* partition = shard.find(key.topic, key.index);
        partition != nullptr && !partition->closing())
      seen[found++] = {&key, partition, 0};
  const std::span some(seen.data(), found);
  for (const Seen& one : some) view.partitions_faulted += one.partition->log().fault() != nullptr;
  for (Seen& one : some) one.size_bytes = one.partition->log().size_on_disk();
  for (const Seen& one : some)
    view.partitions.emplace_back(*one.key, view_of(*one.partition, one.size_bytes));
}

void add_counters(Shard& shard, ShardView& view) {
  view.counters = shard.counters();
  const auto& stats = shard.request_stats().by_api();
  for (std::size_t i = 0; i < stats.size(); ++i)
    if (stats[i])
      view.apis.push_back({&protocol::all_apis()[i], stats[i]->latency_us, stats[i]->errors});
  view.commit_latency_us = shard.store().write_stats().latency_us;
  view.commit_bytes = shard.store().write_stats().bytes;
  view.cache_bytes = shard.store().cached_bytes();
  view.disk_alarm = shard.store().disk_low();
  for (const auto& [index, shell] : shard.schedule_shells())
    view.schedules_pending += shell->waiting();
  view.partitions_open = shard.partitions().size();
  view.partitions_unopened = shard.unopened().size();
}

Task<> add_partitions(Shard* shard, ShardView* view) {
  std::vector<PartitionKey> keys;
  keys.reserve(shard->partitions().size());
  for (const auto& [key, partition] : shard->partitions()) keys.push_back(key);
  view->partitions.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); i += stretch) {
    if (i > 0) co_await asio::post(shard->executor(), use_task);
    const std::size_t count = std::min(stretch, keys.size() - i);
    add_stretch(*shard, std::span(keys).subspan(i, count), *view);
  }
}

Task<> add_groups(Shard* shard, ShardView* view) {
  std::vector<PartitionIndex> shells;
  for (const auto& [index, shell] : shard->group_shells()) shells.push_back(index);
  std::size_t looked_at = 0;
  for (const PartitionIndex index : shells) {
    const GroupShell* shell = shard->group_shell(index);
    if (shell == nullptr) continue;
    for (const std::string& name : shell->share_groups().names())
      if (const auto group = shell->share_groups().describe(name))
        view->share_groups.emplace_back(name, group->members.size());
    for (const std::string& id : shell->group_ids()) {
      shell = shard->group_shell(index);
      if (shell == nullptr) break;
      if (auto group = shell->overview(id)) view->groups.push_back(std::move(*group));
      if (++looked_at % stretch == 0) co_await asio::post(shard->executor(), use_task);
    }
  }
  view->shares = shard->shares().overview();
}

// Beyond it the records of a batch are looked at one by one.
constexpr std::int64_t spread_max_ms = 1000;

// What producers may write is any number; these are moments, and can be reckoned with.
bool is_moment(std::int64_t timestamp) {
  return timestamp >= 0 &&
         timestamp < std::chrono::milliseconds(std::chrono::years(100'000)).count();
}

// Where nothing better is known: as if the batch's records were spread evenly.
std::int64_t estimated_time(const protocol::BatchHeader& header, Offset offset) {
  const std::int64_t first = header.base_timestamp, last = header.max_timestamp;
  if (!is_moment(first) || !is_moment(last) || header.last_offset_delta <= 0) return last;
  const auto place = static_cast<double>(
      std::clamp<std::int64_t>(offset - header.base_offset, 0, header.last_offset_delta));
  return first + static_cast<std::int64_t>(static_cast<double>(last - first) * place /
                                           header.last_offset_delta);
}

// Timestamp of the first record of `batch` from `offset` on. A compressed batch is not decompressed
// for it.
std::int64_t time_in(const protocol::BatchView& batch, Offset offset) {
  const protocol::BatchHeader& header = batch.header;
  if (header.timestamp_type() == protocol::TimestampType::log_append_time)
    return header.max_timestamp;
  const bool close = is_moment(header.base_timestamp) && is_moment(header.max_timestamp) &&
                     header.max_timestamp - header.base_timestamp <= spread_max_ms;
  if (close || header.compression() != protocol::Compression::none)
    return estimated_time(header, offset);
  protocol::RecordIterator records{batch};
  while (const auto record = records.next())
    if (protocol::offset_of(*record, header) >= offset)
      return protocol::timestamp_of(*record, header);
  return header.max_timestamp;
}

Task<std::int64_t> read_time(Shard* shard, PartitionKey key, Offset offset) {
  Partition* partition = shard->find(key.topic, key.index);
  if (partition == nullptr || partition->closing()) co_return -1;
  const Offset from = std::max(offset, partition->log().log_start_offset());
  auto read = co_await partition->read_one_batch(from);
  if (!read || read->empty()) co_return -1;
  const storage::Slice batch = storage::contiguous(std::move(*read));
  const auto view = protocol::parse_batch(batch.bytes);
  co_return view ? time_in(*view, from) : -1;
}

}  // namespace

Task<ShardView> shard_view(Shard* shard, ShardWanted wanted) {
  ShardView view;
  if (!shard->is_open()) co_return view;
  add_counters(*shard, view);
  if (wanted.partitions) co_await add_partitions(shard, &view);
  if (wanted.groups && !shard->stopping()) co_await add_groups(shard, &view);
  co_return view;
}

Task<std::vector<RecordTime>> read_times(Shard* shard, std::vector<RecordTime> wanted) {
  for (RecordTime& one : wanted) {
    if (shard->stopping()) break;
    one.timestamp_ms = co_await read_time(shard, one.key, one.offset);
  }
  co_return wanted;
}

}  // namespace sluice::broker
