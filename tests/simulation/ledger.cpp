#include "tests/simulation/ledger.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::simulation {
namespace {

constexpr std::uint32_t keys = 5;  // of one producer

// A filler of a length that the id chooses: mostly short, seldom some blocks.
std::size_t filler_size(RecordId id) {
  const std::uint32_t mixed = (id.producer * 2654435761u) ^ (id.number * 2246822519u);
  const std::uint32_t draw = mixed >> 8;
  return draw % 16 == 0 ? draw % 9000 : draw % 200;
}

std::string at(const Place& place, Offset offset) {
  return place.text() + " offset " + std::to_string(offset);
}

}  // namespace

std::string value_of(RecordId id) {
  std::string value = id.text() + ":";
  value.append(filler_size(id), static_cast<char>('a' + id.number % 26));
  return value;
}

std::string key_of(RecordId id) {
  return std::to_string(id.producer) + "/" + std::to_string(id.number % keys);
}

std::optional<RecordId> id_of(Bytes value) {
  const std::string_view text = as_text(value);
  RecordId id;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, id.producer);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ':') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, id.number);
  if (second.ec != std::errc{} || text != value_of(id)) return std::nullopt;
  return id;
}

void Ledger::sent(const Place& place, const SentBatch& batch) {
  Partition& partition = partitions_[place];
  RecordId id = batch.first;
  for (std::uint32_t i = 0; i < batch.count; ++i, ++id.number) partition.batches[id] = batch;
}

void Ledger::acked(const Place& place, const SentBatch& batch, Offset base, TimePoint now) {
  Partition& partition = partitions_[place];
  RecordId id = batch.first;
  for (std::uint32_t i = 0; i < batch.count; ++i, ++id.number)
    know(place, partition, base + static_cast<Offset>(i), id);
  partition.acked_at.try_emplace(base, now);
  acked_records_ += batch.count;
}

std::optional<TimePoint> Ledger::acked_at(const Place& place, Offset offset) const {
  const auto found = partitions_.find(place);
  if (found == partitions_.end()) return std::nullopt;
  const auto at = found->second.acked_at.find(offset);
  return at == found->second.acked_at.end() ? std::nullopt : std::optional(at->second);
}

std::optional<RecordId> Ledger::read(const Place& place, Offset offset, std::optional<Bytes> key,
                                     std::optional<Bytes> value) {
  Partition& partition = partitions_[place];
  const auto id = value ? id_of(*value) : std::nullopt;
  if (!id || !partition.batches.contains(*id)) {
    verdict_.fail("wrong bytes read: " + at(place, offset));
    return std::nullopt;
  }
  if (!key || as_text(*key) != key_of(*id)) verdict_.fail("wrong key: " + at(place, offset));
  know(place, partition, offset, *id);
  ++read_records_;
  return id;
}

void Ledger::know(const Place& place, Partition& partition, Offset offset, RecordId id) {
  partition.bounds.end = std::max(partition.bounds.end, offset + 1);
  const auto [known, fresh] = partition.known.emplace(offset, id);
  if (known->second != id)
    verdict_.fail("two records at one offset: " + at(place, offset) + " has " + id.text() +
                  ", had " + known->second.text());
  if (!fresh || !partition.batches.at(id).once) return;
  const auto [first, alone] = partition.once.emplace(id, offset);
  if (!alone && first->second != offset)
    verdict_.fail("a record of an idempotent producer is there twice: " + id.text() + " at " +
                  at(place, offset) + " and " + std::to_string(first->second));
  check_order(place, partition, offset, id);
}

void Ledger::check_order(const Place& place, const Partition& partition, Offset offset,
                         RecordId id) {
  const auto here = partition.once.find(id);
  const auto wrong = [&](const auto& other) {
    if (other->first.producer != id.producer) return false;
    return (other->first < id) != (other->second < offset);
  };
  const auto next = std::next(here);
  const bool after = next != partition.once.end() && wrong(next);
  const bool before = here != partition.once.begin() && wrong(std::prev(here));
  if (before || after) verdict_.fail("out of order: " + id.text() + " at " + at(place, offset));
}

Bounds Ledger::promised(const Place& place) const {
  const auto found = partitions_.find(place);
  return found == partitions_.end() ? Bounds{} : found->second.bounds;
}

void Ledger::bounds(const Place& place, Bounds answered, Bounds promised) {
  if (answered.end < promised.end)
    verdict_.fail("lost: the end of " + place.text() + " went back from " +
                  std::to_string(promised.end) + " to " + std::to_string(answered.end));
  if (answered.start < promised.start)
    verdict_.fail("the log start of " + place.text() + " went back from " +
                  std::to_string(promised.start) + " to " + std::to_string(answered.start));
  Bounds& seen = partitions_[place].bounds;
  seen.end = std::max(seen.end, answered.end);
  seen.start = std::max(seen.start, answered.start);
}

void Ledger::audit(const Place& place, Bounds answered, const std::vector<ReadRecord>& records) {
  Partition& partition = partitions_[place];
  Offset expected = answered.start;
  for (const ReadRecord& record : records) {
    if (record.offset != expected) break;
    ++expected;
  }
  if (expected != answered.end)
    return verdict_.fail("records are missing: " + at(place, expected) + " of " +
                         std::to_string(answered.start) + " to " + std::to_string(answered.end));
  // A batch is whole or not there.
  for (std::size_t i = 0; i < records.size(); ++i) {
    const SentBatch& batch = partition.batches.at(records[i].id);
    const std::uint32_t index = records[i].id.number - batch.first.number;
    const bool whole_before =
        index == 0 || i == 0 || records[i - 1].id.number + 1 == records[i].id.number;
    const bool whole_after =
        index + 1 == batch.count ||
        (i + 1 < records.size() && records[i + 1].id.number == records[i].id.number + 1);
    if (!whole_before || !whole_after)
      return verdict_.fail("a part of a batch: " + at(place, records[i].offset));
  }
}

const std::map<Offset, RecordId>& Ledger::known(const Place& place) const {
  static const std::map<Offset, RecordId> none;
  const auto found = partitions_.find(place);
  return found == partitions_.end() ? none : found->second.known;
}

}  // namespace sluice::simulation
