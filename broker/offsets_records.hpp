// Kafka's binary records of __consumer_offsets, as Kafka 4.3 writes them and its tools decode them
// (kafka-dump-log --offsets-decoder): big-endian, each key and value begins with its version (i16);
// strings i16 length, -1 null; bytes and arrays i32 length. From value version 4 of an offset on:
// compact strings and tagged fields.
//
// Written: offset commit key 1, value 4 (1 when the client gave a retention time); group key 2,
// value 3. Read: keys 0-2, offset values 0-4, group values 0-4.
// A record without value is a tombstone. Source: GroupMetadataValue.json, OffsetCommitValue.json.
#pragma once

#include "base/bytes.hpp"
#include "broker/group_types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::broker {

// One record to append. `value` nullopt: a tombstone.
struct OffsetsRecord {
  Blob key;
  std::optional<Blob> value;

  bool operator==(const OffsetsRecord&) const = default;
};

struct OffsetCommitKey {
  std::string group_id;
  std::string topic;
  std::int32_t partition = 0;

  bool operator==(const OffsetCommitKey&) const = default;
};

struct GroupMetadataKey {
  std::string group_id;

  bool operator==(const GroupMetadataKey&) const = default;
};

// A key of a type that this broker does not keep (KIP-848 and share group records).
struct UnknownKey {
  std::int16_t type = 0;

  bool operator==(const UnknownKey&) const = default;
};

using OffsetsKey = std::variant<OffsetCommitKey, GroupMetadataKey, UnknownKey>;

// The committed position of one partition.
struct OffsetValue {
  std::int64_t offset = -1;
  std::int32_t leader_epoch = -1;
  std::string metadata;
  std::int64_t commit_ms = 0;
  std::optional<std::int64_t> expire_ms;  // only when the client gave a retention time
  TopicId topic_id{};

  bool operator==(const OffsetValue&) const = default;
};

struct MemberRecord {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  std::int32_t rebalance_timeout_ms = -1;
  std::int32_t session_timeout_ms = 0;
  Blob subscription;
  Blob assignment;

  bool operator==(const MemberRecord&) const = default;
};

// A generation of a group. Without members: the group is Empty.
struct GroupRecord {
  std::string protocol_type;
  std::int32_t generation = 0;
  std::optional<std::string> protocol;
  std::optional<std::string> leader;
  std::int64_t state_ms = -1;  // when the group got into its state; -1 unknown
  std::vector<MemberRecord> members;

  bool operator==(const GroupRecord&) const = default;
};

OffsetsRecord encode_offset(const OffsetCommitKey& key, const OffsetValue& value);
OffsetsRecord encode_offset_tombstone(const OffsetCommitKey& key);
OffsetsRecord encode_group(std::string_view group_id, const GroupRecord& group);
OffsetsRecord encode_group_tombstone(std::string_view group_id);

// nullopt: the bytes are no such record, or of a version this broker does not know.
std::optional<OffsetsKey> decode_offsets_key(Bytes key);
std::optional<OffsetValue> decode_offset_value(Bytes value);
std::optional<GroupRecord> decode_group_value(Bytes value);

// The partition of __consumer_offsets that holds a group: abs(Java's String.hashCode) modulo the
// number of partitions. Clients do not compute it, tools that read the topic do.
// Requires: partition_count > 0.
std::int32_t partition_of_group(std::string_view group_id, std::int32_t partition_count);

}  // namespace sluice::broker
