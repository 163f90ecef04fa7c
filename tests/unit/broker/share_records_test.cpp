#include "broker/share/share_records.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

namespace sluice::broker {
namespace {

struct Golden {
  Blob key;
  Blob value;
};

Blob from_hex(std::string_view hex) {
  Blob bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

// Bytes that Apache Kafka 4.3 itself wrote (tests/golden/share/MakeGolden.java).
std::map<std::string, Golden> read_golden() {
  std::map<std::string, Golden> golden;
  std::ifstream in(SLUICE_GOLDEN_DIR "/share/records.hex");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name, key, value;
    words >> name >> key >> value;
    if (name != "partition") golden[name] = {from_hex(key), from_hex(value == "-" ? "" : value)};
  }
  return golden;
}

ShareKey share_key() {
  ShareKey key{"payments", {}, 7};
  for (std::size_t i = 0; i < 16; ++i) key.topic.octets[i] = static_cast<std::byte>(i + 1);
  return key;
}

ShareSnapshotRecord snapshot() {
  return {3,
          2,
          1,
          100,
          5,
          1'700'000'000'123,
          1'700'000'000'456,
          {{100, 100, StoredState::available, 2}, {101, 105, StoredState::acknowledged, 0}}};
}
ShareUpdateRecord update() { return {3, 1, -1, 6, {{100, 100, StoredState::archived, 5}}}; }

ShareUpdateRecord archiving() {
  ShareUpdateRecord record = update();
  const Failure failure{1'700'000'000'001, 1'700'000'000'002, FailureReason::rejected, "näh"};
  record.batches.front() = {100, 100, StoredState::dead_lettering,
                            5,   0,   std::make_shared<const Failure>(failure)};
  return record;
}

TEST(ShareRecordsTest, RecordsAreKafkasByteForByte) {
  const auto golden = read_golden();
  ASSERT_EQ(golden.size(), 5u);
  EXPECT_EQ(encode_share_key({ShareRecordKind::snapshot, share_key()}), golden.at("snapshot").key);
  EXPECT_EQ(encode_share_key({ShareRecordKind::update, share_key()}), golden.at("update").key);
  EXPECT_EQ(encode_share_snapshot(snapshot()), golden.at("snapshot").value);
  EXPECT_EQ(encode_share_snapshot({1, 1, 0, 9, -1, 5, 6, {}}), golden.at("snapshot-empty").value);
  EXPECT_EQ(encode_share_update(update()), golden.at("update").value);
  EXPECT_EQ(encode_share_update(archiving()), golden.at("update-archiving").value);
  EXPECT_EQ(partition_of_share(share_key(), 50), 49);
  EXPECT_EQ(partition_of_share(share_key(), 7), 4);
}

TEST(ShareRecordsTest, RecordsReadBack) {
  const auto golden = read_golden();
  const auto key = decode_share_key(golden.at("update").key);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->kind, ShareRecordKind::update);
  EXPECT_EQ(key->key, share_key());
  EXPECT_EQ(decode_share_snapshot(golden.at("snapshot").value), snapshot());
  EXPECT_EQ(decode_share_update(golden.at("update").value), update());
  EXPECT_EQ(decode_share_update(golden.at("update-archiving").value), archiving());
  ShareUpdateRecord waits = update();
  waits.batches.front() = {100, 100, StoredState::available, 1, 1'700'000'000'999};
  EXPECT_EQ(decode_share_update(encode_share_update(waits)), waits);
}

TEST(ShareRecordsTest, CutBytesAreNoRecord) {
  const Blob key = encode_share_key({ShareRecordKind::snapshot, share_key()});
  const Blob value = encode_share_snapshot(snapshot());
  for (std::size_t size = 0; size < key.size(); ++size)
    EXPECT_FALSE(decode_share_key(Bytes{key}.first(size)));
  for (std::size_t size = 0; size < value.size(); ++size)
    EXPECT_FALSE(decode_share_snapshot(Bytes{value}.first(size)));
}

}  // namespace
}  // namespace sluice::broker
