#include "tools/sluice/internal_records.hpp"

#include "broker/offsets_records.hpp"
#include "broker/queue/schedule_records.hpp"
#include "broker/share/share_records.hpp"
#include "tools/sluice/json.hpp"

namespace sluice::cli {
namespace {

using OptionalBytes = std::optional<Bytes>;

void append_offset(JsonWriter& json, const broker::OffsetCommitKey& key,
                   const OptionalBytes& value) {
  json.field("type", "offset-commit")
      .field("group", key.group_id)
      .field("topic", key.topic)
      .field("partition", key.partition);
  const auto decoded = value ? broker::decode_offset_value(*value) : std::nullopt;
  json.field("tombstone", !value);
  if (!decoded) return;
  json.field("offset", decoded->offset)
      .field("leader_epoch", decoded->leader_epoch)
      .field("metadata", decoded->metadata)
      .field("commit_timestamp", decoded->commit_ms)
      .field("expire_timestamp", decoded->expire_ms);
}

void append_group(JsonWriter& json, const broker::GroupMetadataKey& key,
                  const OptionalBytes& value) {
  json.field("type", "group-metadata").field("group", key.group_id).field("tombstone", !value);
  const auto decoded = value ? broker::decode_group_value(*value) : std::nullopt;
  if (!decoded) return;
  json.field("protocol_type", decoded->protocol_type)
      .field("generation", decoded->generation)
      .field("protocol", decoded->protocol)
      .field("leader", decoded->leader);
  json.key("members").begin_array();
  for (const auto& member : decoded->members)
    json.begin_object()
        .field("member_id", member.member_id)
        .field("instance_id", member.instance_id)
        .field("client_id", member.client_id)
        .field("client_host", member.client_host)
        .end_object();
  json.end_array();
}

bool append_offsets_record(JsonWriter& json, const OptionalBytes& key, const OptionalBytes& value) {
  const auto decoded = key ? broker::decode_offsets_key(*key) : std::nullopt;
  if (!decoded) return false;
  if (const auto* commit = std::get_if<broker::OffsetCommitKey>(&*decoded))
    append_offset(json, *commit, value);
  else if (const auto* group = std::get_if<broker::GroupMetadataKey>(&*decoded))
    append_group(json, *group, value);
  else
    json.field("type", "unknown").field("key_type", std::get<broker::UnknownKey>(*decoded).type);
  return true;
}

void append_batches(JsonWriter& json, const std::vector<broker::StateBatch>& batches) {
  json.key("batches").begin_array();
  for (const auto& batch : batches)
    json.begin_object()
        .field("first_offset", batch.first)
        .field("last_offset", batch.last)
        .field("state", static_cast<int>(batch.state))
        .field("deliveries", batch.deliveries)
        .end_object();
  json.end_array();
}

bool append_share_record(JsonWriter& json, const OptionalBytes& key, const OptionalBytes& value) {
  const auto decoded = key ? broker::decode_share_key(*key) : std::nullopt;
  if (!decoded) return false;
  const bool snapshot = decoded->kind == broker::ShareRecordKind::snapshot;
  json.field("type", snapshot ? "share-snapshot" : "share-update")
      .field("group", decoded->key.group)
      .field("topic_id", decoded->key.topic.to_string())
      .field("partition", decoded->key.partition)
      .field("tombstone", !value);
  if (!value) return true;
  if (snapshot) {
    if (const auto state = broker::decode_share_snapshot(*value)) {
      json.field("start_offset", state->start).field("snapshot_epoch", state->snapshot_epoch);
      append_batches(json, state->batches);
    }
  } else if (const auto update = broker::decode_share_update(*value)) {
    json.field("start_offset", update->start).field("snapshot_epoch", update->snapshot_epoch);
    append_batches(json, update->batches);
  }
  return true;
}

bool append_schedule_record(JsonWriter& json, const OptionalBytes& key,
                            const OptionalBytes& value) {
  const auto kind = key ? broker::schedule_record_kind(*key) : std::nullopt;
  if (!kind) return false;
  if (*kind == broker::ScheduleRecordKind::done) {
    json.field("type", "schedules-done");
    const auto offsets = value ? broker::decode_done(*value) : std::nullopt;
    json.field("offsets", offsets.value_or(std::vector<Offset>{}));
    return true;
  }
  const auto entry = broker::decode_schedule_entry(*key);
  if (!entry) return false;
  json.field("type", "schedule")
      .field("topic_id", entry->target.topic.to_string())
      .field("partition", entry->target.partition)
      .field("due_timestamp", entry->due_ms)
      .field("timestamp", entry->timestamp_ms)
      .field("origin", entry->origin)
      .field("replaces", entry->replaces);
  if (entry->key)
    json.field("key", as_text(*entry->key));
  else
    json.field("key", std::optional<std::string>{});
  return true;
}

}  // namespace

std::optional<std::string> decode_internal(std::string_view topic, const OptionalBytes& key,
                                           const OptionalBytes& value) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  bool known = false;
  if (topic == "__consumer_offsets") known = append_offsets_record(json, key, value);
  if (topic == "__share_group_state") known = append_share_record(json, key, value);
  if (topic == "__sluice_schedules") known = append_schedule_record(json, key, value);
  json.end_object();
  return known ? std::optional(out) : std::nullopt;
}

}  // namespace sluice::cli
