#include "broker/share/share_store.hpp"

#include "base/check.hpp"

#include <limits>
#include <utility>

namespace sluice::broker {
namespace {

std::int32_t finished_of(const ShareState& state) {
  return static_cast<std::int32_t>(
      std::min<std::int64_t>(state.finished_count(), std::numeric_limits<std::int32_t>::max()));
}

}  // namespace

bool ShareStore::load(Bytes key, std::optional<Bytes> value, Offset offset) {
  const auto decoded = decode_share_key(key);
  if (!decoded) return false;
  if (!value) {
    const auto at = entries_.find(decoded->key);
    if (at == entries_.end() || decoded->kind == ShareRecordKind::update) return true;
    set_snapshot_at(at->first, at->second, -1);
    entries_.erase(at);
    return true;
  }
  if (decoded->kind == ShareRecordKind::snapshot) {
    const auto record = decode_share_snapshot(*value);
    if (!record) return false;
    const auto at = entries_.try_emplace(decoded->key).first;
    Entry& entry = at->second;
    entry.state_epoch = record->state_epoch;
    entry.snapshot_epoch = record->snapshot_epoch;
    entry.created_ms = record->created_ms;
    entry.updates = 0;
    entry.state.reset(record->start);
    entry.state.apply({record->start, record->batches});
    set_snapshot_at(at->first, entry, offset);
    return true;
  }
  const auto record = decode_share_update(*value);
  if (!record) return false;
  const auto at = entries_.find(decoded->key);
  // An update of a snapshot that is gone: forgotten meanwhile.
  if (at == entries_.end() || at->second.snapshot_epoch != record->snapshot_epoch) return true;
  at->second.state.apply({record->start, record->batches});
  ++at->second.updates;
  return true;
}

StoredShare ShareStore::find(const ShareKey& key) const {
  const auto at = entries_.find(key);
  return at == entries_.end() ? StoredShare{}
                              : StoredShare{at->second.state_epoch, at->second.state};
}

std::vector<ShareKey> ShareStore::keys_of(std::string_view group) const {
  std::vector<ShareKey> keys;
  const ShareKey least{std::string(group), {}, std::numeric_limits<std::int32_t>::min()};
  for (auto at = entries_.lower_bound(least); at != entries_.end() && at->first.group == group;
       ++at)
    if (at->second.state.start() >= 0) keys.push_back(at->first);
  return keys;
}

std::vector<ShareKey> ShareStore::keys_of(const TopicId& topic) const {
  std::vector<ShareKey> keys;
  for (const auto& [key, entry] : entries_)
    if (key.topic == topic) keys.push_back(key);
  return keys;
}

std::vector<ShareKey> ShareStore::dead_lettering() const {
  std::vector<ShareKey> keys;
  for (const auto& [key, entry] : entries_)
    if (entry.state.dead_lettering_count() != 0) keys.push_back(key);
  return keys;
}

std::vector<std::string> ShareStore::groups() const {
  std::vector<std::string> groups;
  for (const auto& [key, entry] : entries_)
    if (entry.state.start() >= 0 && (groups.empty() || groups.back() != key.group))
      groups.push_back(key.group);
  return groups;
}

// ---- Writes ----

// With everything that is on its way.
ShareState ShareStore::image_of(const ShareKey& key, const Entry& entry) const {
  ShareState image = entry.state;
  if (entry.on_the_way == 0) return image;
  for (const Pending& pending : pending_) {
    if (!(pending.key == key)) continue;
    if (pending.kind == Pending::Kind::update)
      image.apply(pending.change);
    else
      image = pending.image;
  }
  return image;
}

ShareStoreWrite ShareStore::snapshot(const ShareKey& key, Entry& entry, ShareState image,
                                     Pending::Kind kind, std::int64_t wall_ms) {
  ++entry.snapshot_epoch;
  entry.updates = 0;
  ++entry.on_the_way;
  ShareSnapshotRecord record;
  record.snapshot_epoch = entry.snapshot_epoch;
  record.state_epoch = entry.state_epoch;
  record.start = image.start();
  record.finished = finished_of(image);
  record.created_ms = entry.created_ms;
  record.written_ms = wall_ms;
  record.batches = image.batches();
  ShareStoreWrite write{next_write_++, {}};
  write.records.push_back(
      {encode_share_key({ShareRecordKind::snapshot, key}), encode_share_snapshot(record)});
  pending_.push_back({write.id, key, kind, {}, std::move(image)});
  return write;
}

ShareStoreWrite ShareStore::begin(const ShareKey& key, Offset start, std::int64_t wall_ms) {
  Entry& entry = entries_[key];
  ++entry.state_epoch;
  entry.created_ms = wall_ms;
  ShareState image;
  image.reset(start);
  return snapshot(key, entry, std::move(image), Pending::Kind::begin, wall_ms);
}

ShareStore::Made ShareStore::change(const ShareKey& key, std::int32_t state_epoch,
                                    const StateChange& change, std::int64_t wall_ms) {
  const auto at = entries_.find(key);
  if (at == entries_.end() || at->second.state_epoch != state_epoch)
    return std::unexpected(ErrorCode::fenced_state_epoch);
  Entry& entry = at->second;
  ShareState image = entry.updates >= updates_max ? image_of(key, entry) : ShareState{};
  if (entry.updates >= updates_max) {
    image.apply(change);
    return snapshot(key, entry, std::move(image), Pending::Kind::snapshot, wall_ms);
  }
  ++entry.updates;
  ++entry.on_the_way;
  ShareUpdateRecord record;
  record.snapshot_epoch = entry.snapshot_epoch;
  record.start = change.start;
  record.batches = change.batches;
  ShareStoreWrite write{next_write_++, {}};
  write.records.push_back(
      {encode_share_key({ShareRecordKind::update, key}), encode_share_update(record)});
  pending_.push_back({write.id, key, Pending::Kind::update, change, {}});
  return write;
}

ShareStoreWrite ShareStore::forget(const ShareKey& key) {
  Entry& entry = entries_[key];
  ++entry.state_epoch;  // writes of the former one are refused from now on
  ++entry.on_the_way;
  ShareStoreWrite write{next_write_++, {}};
  write.records.push_back({encode_share_key({ShareRecordKind::snapshot, key}), std::nullopt});
  write.records.push_back({encode_share_key({ShareRecordKind::update, key}), std::nullopt});
  pending_.push_back({write.id, key, Pending::Kind::forget, {}, {}});
  return write;
}

void ShareStore::on_durable(std::uint64_t write, Offset first_record) {
  SLUICE_CHECK(!pending_.empty() && pending_.front().id == write);
  const Pending done = std::move(pending_.front());
  pending_.pop_front();
  const auto at = entries_.find(done.key);
  SLUICE_CHECK(at != entries_.end());
  Entry& entry = at->second;
  --entry.on_the_way;
  switch (done.kind) {
    case Pending::Kind::update:
      entry.state.apply(done.change);
      break;
    case Pending::Kind::begin:
    case Pending::Kind::snapshot:
      entry.state = done.image;
      set_snapshot_at(at->first, entry, first_record);
      break;
    case Pending::Kind::forget:
      entry.state.reset(-1);
      set_snapshot_at(at->first, entry, -1);
      break;
  }
  drop_if_unused(at);
}

void ShareStore::on_failed(std::uint64_t write) {
  SLUICE_CHECK(!pending_.empty() && pending_.front().id == write);
  const Pending failed = std::move(pending_.front());
  pending_.pop_front();
  const auto at = entries_.find(failed.key);
  SLUICE_CHECK(at != entries_.end());
  --at->second.on_the_way;
  at->second.updates = updates_max;  // the next write says everything
  drop_if_unused(at);
}

void ShareStore::drop_if_unused(Entries::iterator at) {
  if (at->second.on_the_way == 0 && at->second.state.start() < 0) entries_.erase(at);
}

// ---- What can go ----

void ShareStore::set_snapshot_at(const ShareKey& key, Entry& entry, Offset at) {
  if (entry.snapshot_at >= 0) snapshots_.erase(entry.snapshot_at);
  entry.snapshot_at = at;
  if (at >= 0) snapshots_.emplace(at, key);
}

std::optional<Offset> ShareStore::oldest_needed() const {
  return snapshots_.empty() ? std::nullopt : std::optional(snapshots_.begin()->first);
}

std::optional<ShareStoreWrite> ShareStore::refresh_oldest(std::int64_t wall_ms) {
  if (snapshots_.empty()) return std::nullopt;
  const ShareKey key = snapshots_.begin()->second;
  Entry& entry = entries_.at(key);
  ShareState image = image_of(key, entry);
  if (image.start() < 0) return std::nullopt;  // about to be forgotten
  return snapshot(key, entry, std::move(image), Pending::Kind::snapshot, wall_ms);
}

}  // namespace sluice::broker
