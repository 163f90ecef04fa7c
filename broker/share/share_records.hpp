// Kafka's records of __share_group_state, as Kafka 4.3 writes them and its tools decode them:
// ShareSnapshot (key type 0) is the whole state of one share partition, ShareUpdate (key type 1)
// a change since its snapshot. Keys: type i16, group (i16 length), topic id, partition i32. Values:
// version i16, then flexible fields (KIP-482). A record without value is a tombstone.
//
// Tags of a state batch from 10000 on are ours, and Kafka's tools skip them:
//   10000 i64     wall clock in ms before which the records are not offered
//   10001 i64     when their first delivery failed, wall clock in ms; with it always
//   10002 i64     when the latest failed
//   10003 i8      why (FailureReason)
//   10004 string  what the client said of it (UTF-8, without a length); absent: nothing
// Source: ShareSnapshotValue.json, ShareUpdateValue.json.
#pragma once

#include "base/bytes.hpp"
#include "broker/group_types.hpp"
#include "broker/share/share_state.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::broker {

// One group on one partition.
struct ShareKey {
  std::string group;
  TopicId topic{};
  std::int32_t partition = 0;
  auto operator<=>(const ShareKey&) const = default;
  bool operator==(const ShareKey&) const = default;
};

enum class ShareRecordKind : std::int16_t { snapshot = 0, update = 1 };

struct ShareRecordKey {
  ShareRecordKind kind = ShareRecordKind::snapshot;
  ShareKey key;
};

struct ShareSnapshotRecord {
  std::int32_t snapshot_epoch = 0;
  std::int32_t state_epoch = 0;
  std::int32_t leader_epoch = 0;
  Offset start = -1;
  std::int32_t finished = -1;  // DeliveryCompleteCount
  std::int64_t created_ms = 0;
  std::int64_t written_ms = 0;
  std::vector<StateBatch> batches;
  bool operator==(const ShareSnapshotRecord&) const = default;
};

struct ShareUpdateRecord {
  std::int32_t snapshot_epoch = 0;
  std::int32_t leader_epoch = 0;
  Offset start = -1;
  std::int32_t finished = -1;
  std::vector<StateBatch> batches;
  bool operator==(const ShareUpdateRecord&) const = default;
};

Blob encode_share_key(const ShareRecordKey& key);
Blob encode_share_snapshot(const ShareSnapshotRecord& record);
Blob encode_share_update(const ShareUpdateRecord& record);

// nullopt: the bytes are no such record, or of a version this broker does not know.
std::optional<ShareRecordKey> decode_share_key(Bytes key);
std::optional<ShareSnapshotRecord> decode_share_snapshot(Bytes value);
std::optional<ShareUpdateRecord> decode_share_update(Bytes value);

// The partition of __share_group_state that holds it: abs(Java's hash of
// "GROUP:TOPIC-ID:PARTITION") modulo the number of partitions, as Kafka. Requires: partition_count
// > 0.
std::int32_t partition_of_share(const ShareKey& key, std::int32_t partition_count);

}  // namespace sluice::broker
