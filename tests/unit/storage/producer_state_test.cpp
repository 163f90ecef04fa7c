#include "storage/producer_state.hpp"

#include <gtest/gtest.h>

namespace sluice::storage {
namespace {

protocol::BatchHeader batch(ProducerId id, ProducerEpoch epoch, Sequence sequence,
                            std::int32_t count, Offset base) {
  protocol::BatchHeader header;
  header.producer_id = id;
  header.producer_epoch = epoch;
  header.base_sequence = sequence;
  header.last_offset_delta = count - 1;
  header.record_count = count;
  header.base_offset = base;
  header.max_timestamp = 1000 + base;
  return header;
}

bool accepts(const ProducerStates& states, const protocol::BatchHeader& header) {
  const auto checked = states.check(header);
  return checked && !checked->has_value();
}

TEST(ProducerStates, AnUnknownProducerMayBeginAnywhere) {
  ProducerStates states;
  EXPECT_TRUE(accepts(states, batch(1, 0, 77, 3, 0)));
}

TEST(ProducerStates, TheNextSequenceIsAcceptedAlsoAcrossTheWrap) {
  ProducerStates states;
  constexpr Sequence last = std::numeric_limits<Sequence>::max();
  states.update(batch(1, 0, last - 1, 4, 0));
  EXPECT_TRUE(accepts(states, batch(1, 0, 2, 1, 4)));
  EXPECT_FALSE(accepts(states, batch(1, 0, 3, 1, 4)));
  const auto again = states.check(batch(1, 0, last - 1, 4, 0));
  ASSERT_TRUE(again && again->has_value());
  EXPECT_EQ((*again)->base_offset(), 0);
}

TEST(ProducerStates, TheLastFiveBatchesAreKnownAsDuplicates) {
  ProducerStates states;
  for (int i = 0; i < 7; ++i) states.update(batch(1, 0, i * 2, 2, i * 2));
  for (int i = 2; i < 7; ++i) {
    const auto again = states.check(batch(1, 0, i * 2, 2, 99));
    ASSERT_TRUE(again && again->has_value()) << i;
    EXPECT_EQ((*again)->base_offset(), i * 2);
  }
  EXPECT_EQ(states.check(batch(1, 0, 2, 2, 99)).error().code, Errc::out_of_order_sequence);
}

TEST(ProducerStates, ANewEpochBeginsAtZeroAndFencesTheOld) {
  ProducerStates states;
  states.update(batch(1, 3, 0, 2, 0));
  EXPECT_EQ(states.check(batch(1, 4, 2, 1, 2)).error().code, Errc::out_of_order_sequence);
  EXPECT_TRUE(accepts(states, batch(1, 4, 0, 1, 2)));
  states.update(batch(1, 4, 0, 1, 2));
  EXPECT_EQ(states.check(batch(1, 3, 2, 1, 3)).error().code, Errc::invalid_producer_epoch);
}

TEST(ProducerStates, ASnapshotHoldsEverythingAndIsReadByItsOwnRulesOnly) {
  ProducerStates states;
  for (int i = 0; i < 6; ++i) states.update(batch(9, 1, i, 1, i));
  states.update(batch(3, 0, 0, 5, 6));
  std::vector<std::byte> snapshot = states.encode();
  const auto decoded = ProducerStates::decode(snapshot);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->encode(), snapshot);
  EXPECT_TRUE(decoded->check(batch(9, 1, 1, 1, 0))->has_value());
  EXPECT_EQ(decoded->describe().size(), 2u);
  // Kafka's layout: version, CRC, count, and 46 bytes a producer.
  EXPECT_EQ(load_big_endian<std::int16_t>(snapshot.data()), 1);
  EXPECT_EQ(load_big_endian<std::int32_t>(snapshot.data() + 6), 2);
  EXPECT_EQ(load_big_endian<std::int64_t>(snapshot.data() + 10), 3);
  EXPECT_EQ(load_big_endian<std::int64_t>(snapshot.data() + 10 + 46), 9);
  for (std::size_t i = 0; i < snapshot.size(); ++i) {
    snapshot[i] ^= std::byte{0x20};
    EXPECT_FALSE(ProducerStates::decode(snapshot)) << i;
    snapshot[i] ^= std::byte{0x20};
  }
  for (std::size_t n = 0; n < snapshot.size(); ++n)
    EXPECT_FALSE(ProducerStates::decode(Bytes(snapshot).first(n)));
}

TEST(ProducerStates, IdleProducersExpire) {
  ProducerStates states;
  states.update(batch(1, 0, 0, 1, 0));
  states.update(batch(2, 0, 0, 1, 500));
  EXPECT_EQ(states.expire(1200), 1u);
  EXPECT_EQ(states.find(1), nullptr);
  EXPECT_NE(states.find(2), nullptr);
}

}  // namespace
}  // namespace sluice::storage
