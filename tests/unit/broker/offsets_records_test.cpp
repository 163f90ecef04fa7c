#include "broker/offsets_records.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace sluice::broker {
namespace {

struct Golden {
  Blob key;
  std::optional<Blob> value;
};

Blob from_hex(std::string_view hex) {
  Blob bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::ifstream open_golden() {
  std::ifstream in(SLUICE_GOLDEN_DIR "/groups/records.hex");
  EXPECT_TRUE(in.is_open());
  return in;
}

// Bytes that Apache Kafka 4.3 itself wrote (tests/golden/groups/MakeGolden.java).
std::map<std::string, Golden> read_golden() {
  std::map<std::string, Golden> golden;
  auto in = open_golden();
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name, key, value;
    words >> name >> key >> value;
    if (name == "partition") continue;
    Golden& g = golden[name];
    g.key = from_hex(key);
    if (value != "-") g.value = from_hex(value);
  }
  return golden;
}

OffsetCommitKey offset_key() { return {"payments", "orders", 7}; }

OffsetValue offset_value() {
  OffsetValue value;
  value.offset = 123456789012;
  value.metadata = "n\xc3\xa4h";
  value.commit_ms = 1700000000123;
  return value;
}

GroupRecord group_record() {
  GroupRecord group;
  group.protocol_type = "consumer";
  group.generation = 42;
  group.protocol = "cooperative-sticky";
  group.leader = "client-1-4a6ff4dd";
  group.state_ms = 1700000000999;
  group.members.push_back({.member_id = "client-1-4a6ff4dd",
                           .instance_id = std::nullopt,
                           .client_id = "client-1",
                           .client_host = "/127.0.0.1",
                           .rebalance_timeout_ms = 300000,
                           .session_timeout_ms = 45000,
                           .subscription = {std::byte{0}, std::byte{1}, std::byte{2}},
                           .assignment = {std::byte{3}, std::byte{4}}});
  group.members.push_back({.member_id = "static-2-77",
                           .instance_id = "static-2",
                           .client_id = "client-2",
                           .client_host = "/10.0.0.2",
                           .rebalance_timeout_ms = 60000,
                           .session_timeout_ms = 6000,
                           .subscription = {},
                           .assignment = {}});
  return group;
}

TEST(OffsetsRecords, AreByteForByteWhatKafkaWrites) {
  const auto golden = read_golden();
  const auto equal = [&](const std::string& name, const OffsetsRecord& record) {
    SCOPED_TRACE(name);
    EXPECT_EQ(record.key, golden.at(name).key);
    EXPECT_EQ(record.value, golden.at(name).value);
  };
  OffsetValue value = offset_value();
  value.leader_epoch = 5;
  equal("offset-v4", encode_offset(offset_key(), value));
  for (int i = 0; i < 16; ++i) value.topic_id.octets[i] = static_cast<std::byte>(i + 1);
  equal("offset-v4-topic-id", encode_offset(offset_key(), value));
  value = offset_value();
  value.expire_ms = 1700000600123;
  equal("offset-v1-expiry", encode_offset(offset_key(), value));
  equal("offset-tombstone", encode_offset_tombstone(offset_key()));

  equal("group-v3", encode_group("payments", group_record()));
  GroupRecord empty;
  empty.protocol_type = "consumer";
  empty.generation = 43;
  empty.state_ms = 1700000001000;
  equal("group-empty", encode_group("payments", empty));
  equal("group-tombstone", encode_group_tombstone("payments"));
}

TEST(OffsetsRecords, OffsetValuesOfEveryVersionAreRead) {
  const auto golden = read_golden();
  const auto read = [&](const std::string& name) {
    return decode_offset_value(*golden.at(name).value);
  };
  OffsetValue value = offset_value();
  EXPECT_EQ(read("offset-v0"), value);
  EXPECT_EQ(read("offset-v2"), value);
  value.expire_ms = 1700000600123;
  EXPECT_EQ(read("offset-v1-expiry"), value);
  value.expire_ms.reset();
  value.leader_epoch = 5;
  EXPECT_EQ(read("offset-v3"), value);
  EXPECT_EQ(read("offset-v4"), value);
  for (int i = 0; i < 16; ++i) value.topic_id.octets[i] = static_cast<std::byte>(i + 1);
  EXPECT_EQ(read("offset-v4-topic-id"), value);
}

TEST(OffsetsRecords, GroupValuesOfEveryVersionAreRead) {
  const auto golden = read_golden();
  const auto read = [&](const std::string& name) {
    return decode_group_value(*golden.at(name).value);
  };
  GroupRecord group = group_record();
  EXPECT_EQ(read("group-v4"), group);
  EXPECT_EQ(read("group-v3"), group);
  group.members[1].instance_id.reset();
  EXPECT_EQ(read("group-v2"), group);
  group.state_ms = -1;
  EXPECT_EQ(read("group-v1"), group);
  for (MemberRecord& member : group.members) member.rebalance_timeout_ms = -1;
  EXPECT_EQ(read("group-v0"), group);
}

TEST(OffsetsRecords, KeysAreRead) {
  const auto golden = read_golden();
  EXPECT_EQ(decode_offsets_key(golden.at("offset-v4").key), OffsetsKey(offset_key()));
  EXPECT_EQ(decode_offsets_key(golden.at("group-v3").key),
            OffsetsKey(GroupMetadataKey{"payments"}));
  EXPECT_EQ(decode_offsets_key(golden.at("other-type").key), OffsetsKey(UnknownKey{3}));
  Blob oldest = golden.at("offset-v4").key;
  oldest[1] = std::byte{0};
  EXPECT_EQ(decode_offsets_key(oldest), OffsetsKey(offset_key()));
}

TEST(OffsetsRecords, WhatIsCutShortIsRefused) {
  for (const auto& [name, golden] : read_golden()) {
    SCOPED_TRACE(name);
    for (std::size_t size = 0; size < golden.key.size(); ++size) {
      const auto key = decode_offsets_key(Bytes(golden.key).first(size));
      if (name != "other-type") EXPECT_FALSE(key.has_value()) << size;
    }
    if (!golden.value) continue;
    for (std::size_t size = 0; size < golden.value->size(); ++size) {
      const Bytes cut = Bytes(*golden.value).first(size);
      if (name.starts_with("offset")) EXPECT_FALSE(decode_offset_value(cut).has_value()) << size;
      if (name.starts_with("group")) EXPECT_FALSE(decode_group_value(cut).has_value()) << size;
    }
  }
}

TEST(OffsetsRecords, NewerVersionsAndAbsurdCountsAreRefused) {
  const auto golden = read_golden();
  Blob newer = *golden.at("offset-v4").value;
  newer[1] = std::byte{5};
  EXPECT_FALSE(decode_offset_value(newer).has_value());
  newer = *golden.at("group-v4").value;
  newer[1] = std::byte{5};
  EXPECT_FALSE(decode_group_value(newer).has_value());
  Blob members = *golden.at("group-empty").value;
  members[members.size() - 4] = std::byte{0x7f};
  EXPECT_FALSE(decode_group_value(members).has_value());
}

TEST(OffsetsRecords, GroupsLieInThePartitionKafkaComputes) {
  auto in = open_golden();
  int checked = 0;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string kind, group;
    int of_50 = 0, of_7 = 0;
    words >> kind >> group >> of_50 >> of_7;
    if (kind != "partition") continue;
    const Blob text = group == "-" ? Blob{} : from_hex(group);
    EXPECT_EQ(partition_of_group(as_text(text), 50), of_50) << group;
    EXPECT_EQ(partition_of_group(as_text(text), 7), of_7) << group;
    ++checked;
  }
  EXPECT_EQ(checked, 5);
}

}  // namespace
}  // namespace sluice::broker
