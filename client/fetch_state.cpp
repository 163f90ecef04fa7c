#include "client/fetch_state.hpp"

#include "protocol/record.hpp"
#include "sluice/error.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

// No batch decompresses to more than this: a limit against a broken or hostile peer.
constexpr std::size_t decompressed_max = std::size_t{1} << 30;

Error corrupt(const TopicPartition& where, Offset offset, std::string_view why) {
  return {make_error_code(Errc::corrupt_batch),
          where.to_string() + " at offset " + std::to_string(offset) + ": " + std::string(why)};
}

// The type of a control record: int16 version, int16 type (0 abort, 1 commit).
std::optional<std::int16_t> control_type(const protocol::BatchView& batch) {
  protocol::Record record;
  if (protocol::parse_record(batch.records(), record) == 0) return std::nullopt;
  if (!record.key || record.key->size() < 4) return std::nullopt;
  return load_big_endian<std::int16_t>(record.key->data() + 2);
}

}  // namespace

void FetchState::assign(const std::vector<TopicPartition>& partitions) {
  std::erase_if(partitions_, [&](const auto& entry) {
    return std::find(partitions.begin(), partitions.end(), entry.first) == partitions.end();
  });
  add(partitions);
}

void FetchState::add(const std::vector<TopicPartition>& partitions) {
  for (const auto& where : partitions) {
    const auto [at, fresh] = partitions_.try_emplace(where);
    if (!fresh) continue;
    at->second.where = where;
    at->second.incarnation = ++last_incarnation_;
    names_.insert(where.topic);
  }
}

void FetchState::remove(const std::vector<TopicPartition>& partitions) {
  for (const auto& where : partitions) partitions_.erase(where);
}

FetchState::Partition* FetchState::find(const TopicPartition& where) {
  const auto at = partitions_.find(where);
  return at == partitions_.end() ? nullptr : &at->second;
}

void FetchState::seek(Partition& partition, Offset offset) {
  partition.incarnation = ++last_incarnation_;
  partition.position = partition.fetch_next = offset;
  partition.reset = partition.resolving = partition.in_flight = false;
  partition.not_before = {};
  partition.buffered = 0;
  for (auto& chunk : std::exchange(partition.chunks, {})) held_.push_back(std::move(chunk.owner));
  partition.aborting.clear();
}

bool FetchState::wants_data(const Partition& partition, TimePoint now) const {
  return partition.fetch_next >= 0 && !partition.paused && !partition.in_flight &&
         partition.buffered < options_.prefetch_bytes && now >= partition.not_before;
}

bool FetchState::is_full(const Partition& partition) const {
  return partition.fetch_next >= 0 && !partition.paused &&
         partition.buffered >= options_.prefetch_bytes;
}

void FetchState::add_chunk(Partition& partition, Partition::Chunk chunk) {
  protocol::BatchIterator batches(chunk.bytes);
  while (const auto batch = batches.next()) partition.fetch_next = batch->header.next_offset();
  if (batches.position() == 0) return;  // cut short: nothing whole in it
  chunk.bytes = chunk.bytes.first(batches.position());
  partition.buffered += chunk.bytes.size();
  partition.chunks.push_back(std::move(chunk));
}

bool FetchState::has_data() const {
  return std::any_of(partitions_.begin(), partitions_.end(), [](const auto& entry) {
    return !entry.second.chunks.empty() && !entry.second.paused;
  });
}

Result<Consumer::Records> FetchState::take(std::size_t records_max) {
  records_.clear();
  held_.clear();
  scratch_used_ = 0;
  // Begin with the partition after the one that gave the last records, so that none starves.
  auto at = partitions_.upper_bound(turn_);
  for (std::size_t left = partitions_.size(); left > 0; --left, ++at) {
    if (at == partitions_.end()) at = partitions_.begin();
    Partition& partition = at->second;
    if (partition.paused || partition.chunks.empty()) continue;
    const auto taken = take_chunks(partition, records_max);
    if (!taken && records_.empty()) return std::unexpected(taken.error());
    turn_ = partition.where;
    if (!taken || records_.size() >= records_max) break;  // the error comes back next time
  }
  return Consumer::Records(records_);
}

Result<> FetchState::take_chunks(Partition& partition, std::size_t records_max) {
  while (!partition.chunks.empty() && records_.size() < records_max) {
    auto& chunk = partition.chunks.front();
    const auto batch = protocol::parse_batch(chunk.bytes);
    if (!batch)
      return std::unexpected(corrupt(partition.where, partition.position, describe(batch.error())));
    const auto taken = take_batch(partition, *batch);
    if (!taken) return taken;
    const std::size_t size = batch->bytes.size();
    partition.buffered -= std::min(partition.buffered, size);
    chunk.bytes = chunk.bytes.subspan(size);
    if (!chunk.bytes.empty()) {
      if (held_.empty() || held_.back() != chunk.owner) held_.push_back(chunk.owner);
      continue;
    }
    held_.push_back(std::move(chunk.owner));
    partition.chunks.pop_front();
  }
  return {};
}

// Control batches, and with read_committed those of aborted transactions (KIP-98).
bool FetchState::is_hidden(Partition& partition, const protocol::BatchView& batch) {
  const auto& header = batch.header;
  if (options_.isolation == Isolation::read_committed && header.has_producer_id()) {
    auto& aborted = partition.chunks.front().aborted;
    while (!aborted.empty() && aborted.front().first_offset <= header.last_offset()) {
      partition.aborting.insert(aborted.front().producer_id);
      aborted.erase(aborted.begin());
    }
    constexpr std::int16_t abort_marker = 0;
    if (header.is_control()) {
      if (control_type(batch) == abort_marker) partition.aborting.erase(header.producer_id);
      return true;
    }
    if (header.is_transactional() && partition.aborting.contains(header.producer_id)) return true;
  }
  return header.is_control();
}

Result<Bytes> FetchState::record_area(const Partition& partition,
                                      const protocol::BatchView& batch) {
  if (batch.header.compression() == protocol::Compression::none) return batch.records();
  if (scratch_used_ == scratch_.size()) scratch_.emplace_back();
  auto& out = scratch_[scratch_used_++];
  out.clear();
  const auto done =
      decompressor_.decompress(batch.header.compression(), batch.records(), decompressed_max, out);
  if (!done)
    return std::unexpected(
        corrupt(partition.where, batch.header.base_offset, describe(done.error())));
  return Bytes(out);
}

Result<> FetchState::take_batch(Partition& partition, const protocol::BatchView& batch) {
  const auto& header = batch.header;
  if (options_.check_crcs && !protocol::batch_crc_matches(batch.bytes))
    return std::unexpected(corrupt(partition.where, header.base_offset, "checksum mismatch"));
  const Offset next = std::max(partition.position, header.next_offset());
  if (is_hidden(partition, batch) || header.next_offset() <= partition.position) {
    partition.position = next;
    return {};
  }
  const auto area = record_area(partition, batch);
  if (!area) return std::unexpected(area.error());
  const std::string_view topic = *names_.find(partition.where.topic);
  const std::size_t before = records_.size();
  protocol::RecordIterator records(*area, header.record_count);
  while (const auto record = records.next()) {
    const Offset offset = protocol::offset_of(*record, header);
    if (offset < partition.position) continue;  // the batch begins before what was asked for
    records_.push_back({.topic = topic,
                        .partition = partition.where.partition,
                        .offset = offset,
                        .timestamp_ms = protocol::timestamp_of(*record, header),
                        .key = record->key,
                        .value = record->value,
                        .headers = record->headers});
  }
  if (records.error()) {
    records_.resize(before);
    return std::unexpected(
        corrupt(partition.where, header.base_offset, describe(*records.error())));
  }
  partition.position = next;
  return {};
}

}  // namespace sluice::client
