#include "broker/offsets_records.hpp"

#include "broker/record_bytes.hpp"

#include <utility>

namespace sluice::broker {
namespace {

constexpr std::int16_t key_offset_oldest = 0;
constexpr std::int16_t key_offset = 1;
constexpr std::int16_t key_group = 2;
constexpr std::int16_t offset_value_with_expiry = 1;
constexpr std::int16_t offset_value_newest = 4;
constexpr std::int16_t group_value_written = 3;
constexpr std::int16_t group_value_newest = 4;
constexpr std::uint32_t tag_topic_id = 0;

Blob encode_key(const OffsetCommitKey& key) {
  RecordWriter out;
  out.put(key_offset);
  out.put_string(key.group_id);
  out.put_string(key.topic);
  out.put(key.partition);
  return out.take();
}

Blob encode_group_key(std::string_view group_id) {
  RecordWriter out;
  out.put(key_group);
  out.put_string(group_id);
  return out.take();
}

MemberRecord decode_member(RecordReader& in, std::int16_t version) {
  const bool compact = version >= 4;
  MemberRecord member;
  member.member_id = in.get_string(compact);
  if (version >= 3) member.instance_id = in.get_nullable(compact);
  member.client_id = in.get_string(compact);
  member.client_host = in.get_string(compact);
  if (version >= 1) member.rebalance_timeout_ms = in.get<std::int32_t>();
  member.session_timeout_ms = in.get<std::int32_t>();
  member.subscription = in.get_blob(compact);
  member.assignment = in.get_blob(compact);
  if (compact) in.skip_tagged();
  return member;
}

// The UTF-16 units of UTF-8 text, one call each; broken text gives U+FFFD as Java's decoder does.
template <class Unit>
void for_each_utf16(std::string_view text, Unit unit) {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    bool broken = (first >= 0x80 && first < 0xc2) || first > 0xf4 || i + size > text.size();
    std::uint32_t point = size == 1 ? first : first & (0xffu >> (size + 1));
    for (std::size_t k = 1; !broken && k < size; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      broken = (next & 0xc0) != 0x80;
      point = (point << 6) | (next & 0x3fu);
    }
    if (broken) {
      unit(std::uint16_t{0xfffd});
      ++i;
      continue;
    }
    i += size;
    if (point < 0x10000) {
      unit(static_cast<std::uint16_t>(point));
    } else {
      unit(static_cast<std::uint16_t>(0xd800 + ((point - 0x10000) >> 10)));
      unit(static_cast<std::uint16_t>(0xdc00 + ((point - 0x10000) & 0x3ff)));
    }
  }
}

}  // namespace

OffsetsRecord encode_offset(const OffsetCommitKey& key, const OffsetValue& value) {
  RecordWriter out;
  if (value.expire_ms) {
    out.put(offset_value_with_expiry);
    out.put(value.offset);
    out.put_string(value.metadata);
    out.put(value.commit_ms);
    out.put(*value.expire_ms);
    return {encode_key(key), out.take()};
  }
  out.put(offset_value_newest);
  out.put(value.offset);
  out.put(value.leader_epoch);
  out.put_compact_string(value.metadata);
  out.put(value.commit_ms);
  if (value.topic_id.is_zero()) {
    out.put_varint(0);
  } else {
    out.put_varint(1);
    out.put_varint(tag_topic_id);
    out.put_varint(static_cast<std::uint32_t>(value.topic_id.octets.size()));
    out.put_raw(value.topic_id.octets);
  }
  return {encode_key(key), out.take()};
}

OffsetsRecord encode_offset_tombstone(const OffsetCommitKey& key) {
  return {encode_key(key), std::nullopt};
}

OffsetsRecord encode_group(std::string_view group_id, const GroupRecord& group) {
  RecordWriter out;
  out.put(group_value_written);
  out.put_string(group.protocol_type);
  out.put(group.generation);
  out.put_nullable(group.protocol);
  out.put_nullable(group.leader);
  out.put(group.state_ms);
  out.put(static_cast<std::int32_t>(group.members.size()));
  for (const MemberRecord& member : group.members) {
    out.put_string(member.member_id);
    out.put_nullable(member.instance_id);
    out.put_string(member.client_id);
    out.put_string(member.client_host);
    out.put(member.rebalance_timeout_ms);
    out.put(member.session_timeout_ms);
    out.put_bytes(member.subscription);
    out.put_bytes(member.assignment);
  }
  return {encode_group_key(group_id), out.take()};
}

OffsetsRecord encode_group_tombstone(std::string_view group_id) {
  return {encode_group_key(group_id), std::nullopt};
}

std::optional<OffsetsKey> decode_offsets_key(Bytes key) {
  RecordReader in(key);
  const auto type = in.get<std::int16_t>();
  if (!in.ok() || type < key_offset_oldest) return std::nullopt;
  if (type > key_group) return UnknownKey{type};
  if (type == key_group) {
    GroupMetadataKey group{in.get_string(false)};
    if (!in.ok()) return std::nullopt;
    return group;
  }
  OffsetCommitKey offset;
  offset.group_id = in.get_string(false);
  offset.topic = in.get_string(false);
  offset.partition = in.get<std::int32_t>();
  if (!in.ok()) return std::nullopt;
  return offset;
}

std::optional<OffsetValue> decode_offset_value(Bytes bytes) {
  RecordReader in(bytes);
  const auto version = in.get<std::int16_t>();
  if (!in.ok() || version < 0 || version > offset_value_newest) return std::nullopt;
  OffsetValue value;
  value.offset = in.get<std::int64_t>();
  if (version >= 3) value.leader_epoch = in.get<std::int32_t>();
  value.metadata = in.get_string(version >= 4);
  value.commit_ms = in.get<std::int64_t>();
  if (version == offset_value_with_expiry) {
    const auto expire_ms = in.get<std::int64_t>();
    if (expire_ms != -1) value.expire_ms = expire_ms;
  }
  if (version >= 4) {
    in.get_tagged([&](std::uint32_t tag, Bytes field) {
      if (tag != tag_topic_id) return;
      if (field.size() != value.topic_id.octets.size()) return in.fail();
      std::copy(field.begin(), field.end(), value.topic_id.octets.begin());
    });
  }
  if (!in.ok()) return std::nullopt;
  return value;
}

std::optional<GroupRecord> decode_group_value(Bytes bytes) {
  RecordReader in(bytes);
  const auto version = in.get<std::int16_t>();
  if (!in.ok() || version < 0 || version > group_value_newest) return std::nullopt;
  const bool compact = version >= 4;
  GroupRecord group;
  group.protocol_type = in.get_string(compact);
  group.generation = in.get<std::int32_t>();
  group.protocol = in.get_nullable(compact);
  group.leader = in.get_nullable(compact);
  if (version >= 2) group.state_ms = in.get<std::int64_t>();
  const std::int64_t count = in.get_size(compact);
  if (count < 0 || static_cast<std::size_t>(count) > in.left()) return std::nullopt;
  for (std::int64_t i = 0; in.ok() && i < count; ++i) {
    group.members.push_back(decode_member(in, version));
  }
  if (compact) in.skip_tagged();
  if (!in.ok()) return std::nullopt;
  return group;
}

std::int32_t partition_of_group(std::string_view group_id, std::int32_t partition_count) {
  std::uint32_t hash = 0;
  for_each_utf16(group_id, [&](std::uint16_t unit) { hash = 31 * hash + unit; });
  const auto signed_hash = static_cast<std::int32_t>(hash);
  if (signed_hash == std::numeric_limits<std::int32_t>::min()) return 0;
  return (signed_hash < 0 ? -signed_hash : signed_hash) % partition_count;
}

}  // namespace sluice::broker
