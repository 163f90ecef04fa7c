// The coordinator and its log: replay, writes on their way and what they release, expiry, timers,
// and the set of groups itself.
#include "base/check.hpp"
#include "broker/group_coordinator.hpp"

#include <algorithm>
#include <utility>

namespace sluice::broker {
namespace {

// Deletions by expiry are cut into writes of about this many records.
constexpr std::size_t expiry_records_max = 1'000;

// What Kafka answers when it could not store: errors of the log are no business of the clients.
ErrorCode answer_to_failed_append(ErrorCode error) {
  switch (error) {
    case ErrorCode::unknown_topic_or_partition:
    case ErrorCode::not_enough_replicas:
    case ErrorCode::request_timed_out:
      return ErrorCode::coordinator_not_available;
    case ErrorCode::not_leader_or_follower:
    case ErrorCode::kafka_storage_error:
      return ErrorCode::not_coordinator;
    case ErrorCode::message_too_large:
    case ErrorCode::record_list_too_large:
    case ErrorCode::invalid_fetch_size:
    case ErrorCode::none:
      return ErrorCode::unknown_server_error;
    default:
      return error;
  }
}

// A reply that was to be sent after a write that has failed.
struct FailReply {
  ErrorCode error;

  void operator()(JoinReply& reply) const { reply = {.error = error}; }
  void operator()(SyncReply& reply) const { reply = {.error = error}; }
  void operator()(LeaveReply& reply) const { reply = {.error = error, .members = {}}; }
  void operator()(DeleteOffsetsReply& reply) const { reply = {.error = error, .topics = {}}; }
  void operator()(CommitReply& reply) const {
    for (TopicReply& topic : reply.topics) {
      for (PartitionReply& p : topic.partitions) {
        if (p.error == ErrorCode::none) p.error = error;
      }
    }
  }
  void operator()(DeleteGroupsReply& reply) const {
    for (DeletedGroup& group : reply.groups) {
      if (group.error == ErrorCode::none) group.error = error;
    }
  }
};

}  // namespace

// ---------------------------------------------------------------------------------------- replay

bool GroupCoordinator::load(Bytes key, std::optional<Bytes> value) {
  SLUICE_CHECK(!loaded_);
  const auto decoded = decode_offsets_key(key);
  if (!decoded) return false;
  if (const auto* offset = std::get_if<OffsetCommitKey>(&*decoded)) {
    return load_offset(*offset, value);
  }
  if (const auto* group = std::get_if<GroupMetadataKey>(&*decoded)) {
    return load_group(group->group_id, value);
  }
  return false;
}

bool GroupCoordinator::load_offset(const OffsetCommitKey& key, std::optional<Bytes> value) {
  Group* group = find(key.group_id);
  if (!value) {
    if (group != nullptr) group->offsets.load(key.topic, key.partition, std::nullopt);
    return true;
  }
  auto offset = decode_offset_value(*value);
  if (!offset) return false;
  if (group == nullptr) group = &create(key.group_id, -1);
  group->offsets.load(key.topic, key.partition, std::move(*offset));
  return true;
}

bool GroupCoordinator::load_group(const std::string& group_id, std::optional<Bytes> value) {
  std::optional<GroupRecord> record;
  if (value) {
    record = decode_group_value(*value);
    if (!record) return false;
  }
  // The offsets are records of their own: they stay.
  GroupOffsets offsets;
  if (const auto known = groups_.find(group_id); known != groups_.end()) {
    offsets = std::move(known->second->offsets);
    state_bytes_ -= known->second->counted_bytes;
    groups_.erase(known);
  }
  if (!record && offsets.empty()) return true;
  auto group = record
                   ? std::make_unique<Group>(next_serial_++, group_id, options_, random_, *record)
                   : std::make_unique<Group>(next_serial_++, group_id, options_, random_, -1);
  group->offsets = std::move(offsets);
  groups_.emplace(group_id, std::move(group));
  return true;
}

void GroupCoordinator::finish_load(GroupTime now) {
  SLUICE_CHECK(!loaded_);
  loaded_ = true;
  next_expiry_ = now.steady + options_.retention_check_interval;
  std::vector<Group*> loaded;
  for (auto& [group_id, group] : groups_) loaded.push_back(group.get());
  for (Group* group : loaded) {
    group->core.start_sessions(now);
    schedule(*group);
    account(*group);
    drop_if_unused(*group);
  }
}

// ---------------------------------------------------------------------------------------- writes

std::vector<GroupAppend> GroupCoordinator::take_writes() { return std::exchange(writes_, {}); }

std::vector<GroupCompletion> GroupCoordinator::take_completed() {
  return std::exchange(completed_, {});
}

void GroupCoordinator::complete(RequestToken token, GroupReply reply) {
  completed_.push_back({token, std::move(reply)});
}

void GroupCoordinator::add_pending(Pending pending, std::vector<OffsetsRecord> records) {
  pending.id = next_write_++;
  writes_.push_back({pending.id, std::move(records)});
  pending_.push_back(std::move(pending));
}

void GroupCoordinator::add_changes(GroupChanges changes, Pending& pending,
                                   std::vector<OffsetsRecord>& records) {
  if (changes.changes.empty()) return;
  for (const OffsetChange& change : changes.changes) {
    const OffsetCommitKey key{changes.group_id, change.topic, change.partition};
    records.push_back(change.value ? encode_offset(key, *change.value)
                                   : encode_offset_tombstone(key));
  }
  pending.offsets.push_back(std::move(changes));
}

// Takes the group out of the set, with tombstones for all that may be in the log of it. It comes
// back if they cannot be written.
void GroupCoordinator::begin_delete(Group& group, Pending& pending,
                                    std::vector<OffsetsRecord>& records) {
  const std::string group_id = group.core.id();
  GroupChanges changes{.group_id = group_id, .serial = group.serial, .changes = {}};
  group.offsets.begin_delete_all(changes.changes);
  add_changes(std::move(changes), pending, records);
  if (group.core.was_stored()) records.push_back(encode_group_tombstone(group_id));
  pending.deleted.push_back(take_out(group));
}

void GroupCoordinator::settle(Group& group, GroupEffects effects,
                              std::optional<GroupCompletion> held, GroupTime now) {
  group.core.tick(now, effects);  // a delay of zero is over at once
  for (GroupCompletion& done : effects.completed) completed_.push_back(std::move(done));
  for (GroupWrite& write : effects.writes) {
    Pending pending;
    pending.generation = write.id;
    pending.generation_of = group.core.id();
    pending.generation_serial = group.serial;
    if (&write == &effects.writes.back()) pending.reply = std::exchange(held, std::nullopt);
    add_pending(std::move(pending), {encode_group(group.core.id(), write.record)});
  }
  if (held) completed_.push_back(std::move(*held));
  schedule(group);
  account(group);
  drop_if_unused(group);
}

void GroupCoordinator::on_durable(std::uint64_t write, GroupTime now) {
  while (!pending_.empty() && pending_.front().id <= write) {
    Pending done = std::move(pending_.front());
    pending_.pop_front();
    finish(std::move(done), ErrorCode::none, now);
  }
}

void GroupCoordinator::on_failed(std::uint64_t write, ErrorCode error, GroupTime now) {
  const auto found = std::ranges::find(pending_, write, &Pending::id);
  if (found == pending_.end()) return;
  Pending failed = std::move(*found);
  pending_.erase(found);
  finish(std::move(failed), answer_to_failed_append(error), now);
}

void GroupCoordinator::finish(Pending pending, ErrorCode error, GroupTime now) {
  if (error != ErrorCode::none) {
    for (auto& group : pending.deleted) put_back(std::move(group));
    if (pending.reply) std::visit(FailReply{error}, pending.reply->reply);
  }
  pending.deleted.clear();
  for (const GroupChanges& changed : pending.offsets) {
    // Gone, or another group of that name: deleted since, with a tombstone after this write.
    Group* group = find(changed.group_id, changed.serial);
    if (group == nullptr) continue;
    if (error == ErrorCode::none) {
      group->offsets.apply(changed.changes);
    } else {
      group->offsets.forget(changed.changes);
    }
    account(*group);
    drop_if_unused(*group);
  }
  if (pending.reply) completed_.push_back(std::move(*pending.reply));
  if (!pending.generation) return;
  Group* group = find(pending.generation_of, pending.generation_serial);
  if (group == nullptr) return;
  GroupEffects effects;
  group->core.written(*pending.generation, error, now, effects);
  settle(*group, std::move(effects), std::nullopt, now);
}

void GroupCoordinator::abandon(ErrorCode error) {
  for (auto& [group_id, group] : groups_) {
    GroupEffects effects;
    group->core.abandon(error, effects);
    for (GroupCompletion& done : effects.completed) completed_.push_back(std::move(done));
  }
  for (Pending& pending : pending_) {
    if (!pending.reply) continue;
    std::visit(FailReply{error}, pending.reply->reply);
    completed_.push_back(std::move(*pending.reply));
    pending.reply.reset();
  }
}

// ------------------------------------------------------------------------------------------ time

std::optional<TimePoint> GroupCoordinator::next_deadline() const {
  if (wakes_.empty()) return next_expiry_;
  const TimePoint wake = wakes_.begin()->first;
  return next_expiry_ && *next_expiry_ < wake ? next_expiry_ : wake;
}

void GroupCoordinator::tick(GroupTime now) {
  while (!wakes_.empty() && wakes_.begin()->first <= now.steady) {
    Group& group = *wakes_.begin()->second;
    settle(group, {}, std::nullopt, now);
  }
  if (next_expiry_ && *next_expiry_ <= now.steady) {
    next_expiry_ = now.steady + options_.retention_check_interval;
    expire(now);
  }
}

void GroupCoordinator::expire(GroupTime now) {
  std::vector<Group*> all;
  all.reserve(groups_.size());
  for (auto& [group_id, group] : groups_) all.push_back(group.get());
  Pending pending;
  std::vector<OffsetsRecord> records;
  const auto flush = [&] {
    if (!records.empty()) add_pending(std::exchange(pending, {}), std::exchange(records, {}));
    pending = {};
  };
  for (Group* group : all) {
    GroupChanges changes{.group_id = group->core.id(), .serial = group->serial, .changes = {}};
    const bool none_left =
        group->offsets.begin_expiry(group->core, options_, now.wall_ms, changes.changes);
    add_changes(std::move(changes), pending, records);
    const bool idle =
        group->core.state() == GroupState::empty && !group->core.has_pending_members();
    if (none_left && idle) {
      if (group->core.was_stored()) records.push_back(encode_group_tombstone(group->core.id()));
      pending.deleted.push_back(take_out(*group));
    }
    if (records.size() >= expiry_records_max) flush();
  }
  flush();
}

void GroupCoordinator::schedule(Group& group) {
  const auto wake = group.core.next_deadline();
  if (wake == group.wake) return;
  if (group.wake) wakes_.erase({*group.wake, &group});
  if (wake) wakes_.emplace(*wake, &group);
  group.wake = wake;
}

// -------------------------------------------------------------------------------- set of groups

GroupCoordinator::Group* GroupCoordinator::find(std::string_view group_id) {
  const auto found = groups_.find(group_id);
  return found == groups_.end() ? nullptr : found->second.get();
}

const GroupCoordinator::Group* GroupCoordinator::find(std::string_view group_id) const {
  const auto found = groups_.find(group_id);
  return found == groups_.end() ? nullptr : found->second.get();
}

GroupCoordinator::Group* GroupCoordinator::find(std::string_view group_id, std::uint64_t serial) {
  Group* group = find(group_id);
  return group != nullptr && group->serial == serial ? group : nullptr;
}

GroupCoordinator::Group& GroupCoordinator::create(std::string_view group_id, std::int64_t wall_ms) {
  std::string id(group_id);
  auto group = std::make_unique<Group>(next_serial_++, id, options_, random_, wall_ms);
  Group& created = *group;
  groups_.emplace(std::move(id), std::move(group));
  account(created);
  return created;
}

std::unique_ptr<GroupCoordinator::Group> GroupCoordinator::take_out(Group& group) {
  if (group.wake) wakes_.erase({*group.wake, &group});
  group.wake.reset();
  state_bytes_ -= std::exchange(group.counted_bytes, 0);
  const auto found = groups_.find(group.core.id());
  SLUICE_CHECK(found != groups_.end());
  auto taken = std::move(found->second);
  groups_.erase(found);
  return taken;
}

// A group whose deletion failed; unless another one has taken its name.
void GroupCoordinator::put_back(std::unique_ptr<Group> group) {
  const auto [at, inserted] = groups_.try_emplace(group->core.id());
  if (!inserted) return;
  at->second = std::move(group);
  schedule(*at->second);
  account(*at->second);
}

// Of a group that nobody is in, that has no offsets and of which the log knows nothing, nothing
// is kept.
void GroupCoordinator::drop_if_unused(Group& group) {
  const bool unused = group.core.state() == GroupState::empty && !group.core.was_stored() &&
                      !group.core.has_pending_members() && group.offsets.empty();
  if (unused) take_out(group);
}

void GroupCoordinator::account(Group& group) {
  const std::size_t bytes = group.core.bytes() + group.offsets.bytes();
  state_bytes_ = state_bytes_ - group.counted_bytes + bytes;
  group.counted_bytes = bytes;
}

}  // namespace sluice::broker
