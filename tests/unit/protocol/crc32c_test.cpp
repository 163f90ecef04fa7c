#include "protocol/crc32c.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <numeric>
#include <vector>

namespace sluice::protocol {
namespace {

// One bit at a time, straight from the definition: what the fast ones are compared with.
std::uint32_t crc32c_by_definition(Bytes data) {
  std::uint32_t crc = 0xffffffffu;
  for (const std::byte byte : data) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0);
  }
  return ~crc;
}

std::vector<std::byte> random_bytes(std::size_t size, std::uint64_t seed) {
  SeededRandom random{seed};
  std::vector<std::byte> bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random.next());
  return bytes;
}

class Crc32c : public testing::TestWithParam<Crc32cMethod> {
 protected:
  void SetUp() override {
    if (!crc32c_available(GetParam())) GTEST_SKIP() << "not on this processor";
  }
  std::uint32_t crc(Bytes data) const { return extend_crc32c(GetParam(), 0, data); }
};

INSTANTIATE_TEST_SUITE_P(Methods, Crc32c, testing::Values(Crc32cMethod::table, Crc32cMethod::sse42),
                         [](const auto& parameter) {
                           return parameter.param == Crc32cMethod::table ? "table" : "sse42";
                         });

TEST_P(Crc32c, GivesTheVectorsOfRfc3720) {
  const std::array<std::byte, 32> zeros{};
  EXPECT_EQ(crc(zeros), 0x8a9136aau);

  std::array<std::byte, 32> ones;
  ones.fill(std::byte{0xff});
  EXPECT_EQ(crc(ones), 0x62a8ab43u);

  std::array<std::byte, 32> rising;
  for (std::size_t i = 0; i < 32; ++i) rising[i] = static_cast<std::byte>(i);
  EXPECT_EQ(crc(rising), 0x46dd794eu);

  std::array<std::byte, 32> falling;
  for (std::size_t i = 0; i < 32; ++i) falling[i] = static_cast<std::byte>(31 - i);
  EXPECT_EQ(crc(falling), 0x113fdb5cu);

  // An iSCSI read (10) command PDU, B.4.
  constexpr std::array<std::uint8_t, 48> pdu{
      0x01, 0xc0, 0, 0,    0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0,
      0,    0,    0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0,    0};
  EXPECT_EQ(crc(std::as_bytes(std::span{pdu})), 0xd9963a56u);
}

TEST_P(Crc32c, OfTheCheckStringIsE3069283) { EXPECT_EQ(crc(as_bytes("123456789")), 0xe3069283u); }

TEST_P(Crc32c, OfNothingIsZero) { EXPECT_EQ(crc({}), 0u); }

TEST_P(Crc32c, AgreesWithTheDefinitionAtEverySizeAndAlignment) {
  const auto bytes = random_bytes(1024, 1);
  for (std::size_t size = 0; size <= 1000; ++size) {
    const std::size_t shift = size % 13;
    const Bytes view = Bytes{bytes}.subspan(shift, size);
    ASSERT_EQ(crc(view), crc32c_by_definition(view)) << size;
  }
}

TEST_P(Crc32c, AgreesWithTheDefinitionAroundTheLaneSizes) {
  const auto bytes = random_bytes(20'000, 2);
  for (const std::size_t lane :
       {3u * 128, 6u * 128, 3u * 1024, 3u * 1024 + 3u * 128, 6u * 1024, 18u * 1024})
    for (std::size_t size = lane - 9; size <= lane + 9; ++size)
      ASSERT_EQ(crc(Bytes{bytes}.first(size)), crc32c_by_definition(Bytes{bytes}.first(size)))
          << size;
}

TEST_P(Crc32c, ExtendsOverAnySplit) {
  const auto bytes = random_bytes(9'000, 3);
  const Bytes whole{bytes};
  const std::uint32_t expected = crc(whole);
  SeededRandom random{4};
  for (int i = 0; i < 500; ++i) {
    const std::size_t cut = random.below(whole.size() + 1);
    const std::uint32_t first = extend_crc32c(GetParam(), 0, whole.first(cut));
    ASSERT_EQ(extend_crc32c(GetParam(), first, whole.subspan(cut)), expected) << cut;
  }
}

TEST(Crc32cChosen, IsTheSameWhicheverImplementationRuns) {
  const auto bytes = random_bytes(70'000, 5);
  EXPECT_EQ(crc32c(bytes), crc32c_by_definition(bytes));
  EXPECT_EQ(extend_crc32c(crc32c(Bytes{bytes}.first(33)), Bytes{bytes}.subspan(33)), crc32c(bytes));
}

}  // namespace
}  // namespace sluice::protocol
