#include "storage/producer_state.hpp"

#include "base/planted_bug.hpp"
#include "protocol/crc32c.hpp"

#include <algorithm>

namespace sluice::storage {
namespace {

constexpr std::int16_t snapshot_version = 1;
constexpr std::size_t crc_at = 2;
constexpr std::size_t entries_at = 6;
constexpr std::size_t entry_size = 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8;
static_assert(entry_size == 46);
constexpr std::size_t older_entry_size = 8 + 4 + 8 + 4 + 8;
constexpr std::uint32_t older_magic = 0x534c5043;  // "SLPC"

class Writer {
 public:
  explicit Writer(std::vector<std::byte>& out) : out_(out) {}
  template <std::integral T>
  void put(T value) {
    out_.resize(out_.size() + sizeof value);
    store_big_endian(out_.data() + out_.size() - sizeof value, value);
  }

 private:
  std::vector<std::byte>& out_;
};

class Cursor {
 public:
  explicit Cursor(Bytes bytes) : bytes_(bytes) {}
  std::size_t left() const { return bytes_.size(); }
  template <std::integral T>
  T take() {
    const T value = load_big_endian<T>(bytes_.data());
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }

 private:
  Bytes bytes_;
};

void remember(ProducerStates::Producer& producer, const ProducerStates::Batch& batch) {
  const std::size_t most =
      ProducerStates::batches_kept - (planted(PlantedBug::sequence_window_short) ? 1 : 0);
  if (producer.count == most) {
    std::shift_left(producer.batches.begin(), producer.batches.end(), 1);
    --producer.count;
  }
  producer.batches[producer.count++] = batch;
}

}  // namespace

Sequence ProducerStates::Batch::base_sequence() const {
  // Backwards with the wrap at 2^31.
  const std::int64_t base = std::int64_t{last_sequence} - offset_delta;
  return static_cast<Sequence>(base < 0 ? base + (std::int64_t{1} << 31) : base);
}

Result<std::optional<ProducerStates::Batch>> ProducerStates::check(
    const protocol::BatchHeader& header) const {
  if (!header.has_producer_id() || header.is_control()) return std::nullopt;
  const auto found = producers_.find(header.producer_id);
  if (found == producers_.end()) return std::nullopt;
  const Producer& producer = found->second;
  if (header.producer_epoch < producer.epoch) return fail(Errc::invalid_producer_epoch);
  if (header.producer_epoch == producer.epoch) {
    for (std::size_t i = 0; i < producer.count; ++i) {
      const Batch& batch = producer.batches[i];
      if (batch.base_sequence() == header.base_sequence &&
          batch.last_sequence == header.last_sequence())
        return batch;
    }
  }
  if (header.producer_epoch > producer.epoch) {
    if (header.base_sequence != 0) return fail(Errc::out_of_order_sequence);
    return std::nullopt;
  }
  if (producer.count == 0) return std::nullopt;
  if (header.base_sequence != protocol::add_sequence(producer.newest().last_sequence, 1))
    return fail(Errc::out_of_order_sequence);
  return std::nullopt;
}

void ProducerStates::update(const protocol::BatchHeader& header) {
  if (!header.has_producer_id()) return;
  Producer& producer = producers_[header.producer_id];
  if (header.producer_epoch > producer.epoch) {
    producer.epoch = header.producer_epoch;
    producer.count = 0;
  }
  producer.last_timestamp = std::max(producer.last_timestamp, header.max_timestamp);
  if (header.is_control() || header.base_sequence < 0) return;
  remember(producer, {.last_sequence = header.last_sequence(),
                      .last_offset = header.last_offset(),
                      .offset_delta = header.last_offset_delta,
                      .timestamp = header.max_timestamp});
}

std::size_t ProducerStates::expire(TimestampMs oldest_ms) {
  return std::erase_if(producers_, [oldest_ms](const auto& entry) {
    return entry.second.transaction_start < 0 && entry.second.last_timestamp < oldest_ms;
  });
}

const ProducerStates::Producer* ProducerStates::find(ProducerId id) const {
  const auto found = producers_.find(id);
  return found == producers_.end() ? nullptr : &found->second;
}

std::vector<ProducerInfo> ProducerStates::describe() const {
  std::vector<ProducerInfo> all;
  all.reserve(producers_.size());
  for (const auto& [id, p] : producers_) {
    all.push_back({.producer_id = id,
                   .epoch = p.epoch,
                   .last_sequence = p.count == 0 ? -1 : p.newest().last_sequence,
                   .last_timestamp = p.last_timestamp,
                   .coordinator_epoch = p.coordinator_epoch,
                   .transaction_start = p.transaction_start});
  }
  std::ranges::sort(all, {}, &ProducerInfo::producer_id);
  return all;
}

bool ProducerStates::is_newest(ProducerId id, Offset last_offset) const {
  const Producer* producer = find(id);
  return producer != nullptr && producer->count != 0 &&
         producer->newest().last_offset == last_offset;
}

std::vector<std::byte> ProducerStates::encode() const {
  std::vector<ProducerId> ids;
  ids.reserve(producers_.size());
  for (const auto& [id, producer] : producers_) ids.push_back(id);
  std::ranges::sort(ids);

  std::vector<std::byte> out;
  Writer to(out);
  to.put(snapshot_version);
  to.put(std::uint32_t{0});
  to.put(static_cast<std::int32_t>(ids.size()));
  std::uint32_t older = 0;
  for (const ProducerId id : ids) {
    const Producer& p = producers_.at(id);
    const Batch newest = p.count == 0 ? Batch{} : p.newest();
    if (p.count > 1) older += p.count - 1u;
    to.put(id);
    to.put(p.epoch);
    to.put(newest.last_sequence);
    to.put(newest.last_offset);
    to.put(newest.offset_delta);
    to.put(p.last_timestamp);
    to.put(p.coordinator_epoch);
    to.put(p.transaction_start);
  }
  to.put(older_magic);
  to.put(older);
  for (const ProducerId id : ids) {
    const Producer& p = producers_.at(id);
    for (std::size_t i = 0; i + 1 < p.count; ++i) {
      to.put(id);
      to.put(p.batches[i].last_sequence);
      to.put(p.batches[i].last_offset);
      to.put(p.batches[i].offset_delta);
      to.put(p.batches[i].timestamp);
    }
  }
  store_big_endian(out.data() + crc_at, protocol::crc32c(Bytes(out).subspan(entries_at)));
  return out;
}

Result<ProducerStates> ProducerStates::decode(Bytes snapshot) {
  if (snapshot.size() < entries_at + 4) return fail(Errc::bad_checkpoint);
  Cursor from(snapshot);
  if (from.take<std::int16_t>() != snapshot_version) return fail(Errc::unknown_format);
  if (from.take<std::uint32_t>() != protocol::crc32c(snapshot.subspan(entries_at)))
    return fail(Errc::bad_checkpoint);
  const auto count = from.take<std::int32_t>();
  if (count < 0 || static_cast<std::size_t>(count) > from.left() / entry_size)
    return fail(Errc::bad_checkpoint);

  ProducerStates states;
  std::vector<std::pair<ProducerId, Batch>> newest;
  for (std::int32_t i = 0; i < count; ++i) {
    const auto id = from.take<ProducerId>();
    Producer& p = states.producers_[id];
    Batch batch;
    p.epoch = from.take<ProducerEpoch>();
    batch.last_sequence = from.take<Sequence>();
    batch.last_offset = from.take<Offset>();
    batch.offset_delta = from.take<std::int32_t>();
    batch.timestamp = p.last_timestamp = from.take<TimestampMs>();
    p.coordinator_epoch = from.take<std::int32_t>();
    p.transaction_start = from.take<Offset>();
    if (batch.last_offset >= 0) newest.emplace_back(id, batch);
  }
  // Kafka's own snapshots end here.
  if (from.left() >= 8 && from.take<std::uint32_t>() == older_magic) {
    const auto older = from.take<std::uint32_t>();
    if (older > from.left() / older_entry_size) return fail(Errc::bad_checkpoint);
    for (std::uint32_t i = 0; i < older; ++i) {
      const auto id = from.take<ProducerId>();
      Batch batch;
      batch.last_sequence = from.take<Sequence>();
      batch.last_offset = from.take<Offset>();
      batch.offset_delta = from.take<std::int32_t>();
      batch.timestamp = from.take<TimestampMs>();
      const auto found = states.producers_.find(id);
      if (found != states.producers_.end()) remember(found->second, batch);
    }
  }
  for (const auto& [id, batch] : newest) remember(states.producers_.at(id), batch);
  return states;
}

}  // namespace sluice::storage
