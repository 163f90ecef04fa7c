#include "broker/catalog_format.hpp"

#include "broker/catalog_rebuild.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

Uuid id_of(int number) {
  Uuid id;
  id.octets[0] = static_cast<std::byte>(number);
  return id;
}

std::vector<CatalogChange> sample_changes() {
  return {
      CreateTopic{Topic{"orders", id_of(1), 3, 17, {{"retention.ms", "5"}, {"segment.ms", "6"}}}},
      CreateTopic{Topic{"gone", id_of(2), 1, 18, {}}},
      DeleteTopic{id_of(2)},
      GrowTopic{id_of(1), 8},
      ReplaceConfigs{ResourceType::broker, "", {{"message.max.bytes", "9"}}},
      ReplaceConfigs{ResourceType::group, "g", {{"share.session.timeout.ms", "10"}}},
      ReserveProducerIds{3000}};
}

void append(std::vector<std::byte>& file, const std::vector<std::byte>& frame) {
  file.insert(file.end(), frame.begin(), frame.end());
}

std::vector<std::byte> sample_file() {
  std::vector<std::byte> file = encode_frame(FrameKind::snapshot, 1, {});
  std::uint64_t sequence = 2;
  for (const auto& change : sample_changes())
    append(file, encode_frame(FrameKind::changes, sequence++, {&change, 1}));
  return file;
}

std::error_code error_of(Bytes file) {
  auto image = read_catalog(file);
  return image ? std::error_code{} : image.error().code;
}

TEST(CatalogFormat, ReadsBackEveryChange) {
  const auto file = sample_file();
  auto image = read_catalog(file);
  ASSERT_TRUE(image) << image.error().message();
  EXPECT_EQ(image->good_size, file.size());
  EXPECT_FALSE(image->torn);
  EXPECT_EQ(image->next_sequence, 9u);
  const Topic* orders = image->catalog.find("orders");
  ASSERT_NE(orders, nullptr);
  EXPECT_EQ(orders->id, id_of(1));
  EXPECT_EQ(orders->partition_count, 8);
  EXPECT_EQ(orders->created_ms, 17);
  EXPECT_EQ(orders->overrides, (ConfigMap{{"retention.ms", "5"}, {"segment.ms", "6"}}));
  EXPECT_EQ(image->catalog.find("gone"), nullptr);
  EXPECT_EQ(image->catalog.configs(ResourceType::broker, ""),
            (ConfigMap{{"message.max.bytes", "9"}}));
  EXPECT_EQ(image->catalog.configs(ResourceType::group, "g").size(), 1u);
  EXPECT_EQ(image->catalog.next_producer_id(), 3000);
}

TEST(CatalogFormat, ASnapshotHoldsTheWholeState) {
  auto image = read_catalog(sample_file());
  ASSERT_TRUE(image);
  const auto changes = snapshot_changes(image->catalog);
  auto again = read_catalog(encode_frame(FrameKind::snapshot, 1, changes));
  ASSERT_TRUE(again);
  EXPECT_EQ(encode_frame(FrameKind::snapshot, 1, snapshot_changes(again->catalog)),
            encode_frame(FrameKind::snapshot, 1, changes));
}

TEST(CatalogFormat, AFileCutAnywhereInItsLastFrameIsTorn) {
  const auto file = sample_file();
  const CatalogChange last = sample_changes().back();
  const std::size_t before = file.size() - encode_frame(FrameKind::changes, 8, {&last, 1}).size();
  for (std::size_t size = before + 1; size < file.size(); ++size) {
    auto image = read_catalog(Bytes(file).first(size));
    ASSERT_TRUE(image) << size;
    EXPECT_TRUE(image->torn) << size;
    EXPECT_EQ(image->good_size, before) << size;
    EXPECT_EQ(image->catalog.next_producer_id(), 0) << size;
  }
}

TEST(CatalogFormat, ZerosAfterTheLastFrameAreTorn) {
  auto file = sample_file();
  const auto size = file.size();
  file.resize(size + 512);
  auto image = read_catalog(file);
  ASSERT_TRUE(image);
  EXPECT_TRUE(image->torn);
  EXPECT_EQ(image->good_size, size);
}

TEST(CatalogFormat, AFlippedBitIsDamageWhereGoodFramesFollowAndAtTheStart) {
  const auto good = sample_file();
  const auto first = encode_frame(FrameKind::snapshot, 1, {}).size();
  const CatalogChange last = sample_changes().back();
  const std::size_t last_at = good.size() - encode_frame(FrameKind::changes, 8, {&last, 1}).size();
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto file = good;
    file[at] ^= std::byte{0x10};
    if (at < last_at) {
      EXPECT_EQ(error_of(file), CatalogErrc::damaged) << at << " of " << first;
    } else {
      auto image = read_catalog(file);
      ASSERT_TRUE(image) << at;
      EXPECT_TRUE(image->torn) << at;
    }
  }
}

TEST(CatalogFormat, AnEmptyFileOrAMissingFrameIsDamage) {
  EXPECT_EQ(error_of({}), CatalogErrc::damaged);
  auto file = encode_frame(FrameKind::snapshot, 1, {});
  append(file, encode_frame(FrameKind::changes, 3, {}));
  EXPECT_EQ(error_of(file), CatalogErrc::damaged);
}

TEST(CatalogFormat, AChangeOfANewerVersionIsRefused) {
  const CatalogChange change = ReserveProducerIds{1};
  auto frame = encode_frame(FrameKind::snapshot, 1, {&change, 1});
  EXPECT_EQ(error_of(encode_frame(static_cast<FrameKind>(9), 1, {})), CatalogErrc::unknown_format);
  EXPECT_FALSE(error_of(frame));
}

TEST(FormatFile, ReadsBackWhatIsWritten) {
  const FormatFile format{"MkU3OEVBNTcwNTJENDM2Qg", id_of(7).octets, 99};
  auto again = parse_format(format_text(format));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->cluster_id, format.cluster_id);
  EXPECT_EQ(again->hash_secret, format.hash_secret);
  EXPECT_EQ(again->created_ms, 99);
}

TEST(FormatFile, RefusesNewerFormatsUnknownFeaturesAndDamage) {
  const auto code = [](std::string text) {
    auto format = parse_format(text);
    return format ? std::error_code{} : format.error().code;
  };
  const auto good = format_text({"MkU3OEVBNTcwNTJENDM2Qg", {}, 1});
  EXPECT_EQ(code("format=2\nwhatever"), CatalogErrc::unknown_format);
  EXPECT_EQ(code(""), CatalogErrc::damaged);
  EXPECT_EQ(code(good.substr(0, good.size() / 2)), CatalogErrc::damaged);
  auto flipped = good;
  flipped[good.find("cluster.id=") + 12] ^= 1;
  EXPECT_EQ(code(flipped), CatalogErrc::damaged);
}

TEST(PartitionMetadata, ReadsKafkasTextOnly) {
  const auto id = id_of(3);
  EXPECT_EQ(parse_partition_metadata("version: 0\ntopic_id: " + id.to_string() + "\n"), id);
  EXPECT_EQ(parse_partition_metadata("version: 1\ntopic_id: " + id.to_string() + "\n"),
            std::nullopt);
  EXPECT_EQ(parse_partition_metadata("version: 0\n"), std::nullopt);
  EXPECT_EQ(parse_partition_metadata(""), std::nullopt);
}

TEST(PartitionDirectory, IsTopicDashNumber) {
  const auto directory = parse_partition_directory("orders-eu-12");
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->topic, "orders-eu");
  EXPECT_EQ(directory->partition, 12);
  for (const auto* other :
       {"meta", "orders-", "orders-01", "orders--1x", "orders-0.x-delete", "-3"})
    EXPECT_FALSE(parse_partition_directory(other)) << other;
}

}  // namespace
}  // namespace sluice::broker
