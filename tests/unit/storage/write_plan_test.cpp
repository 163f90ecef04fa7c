#include "storage/write_plan.hpp"

#include <gtest/gtest.h>

namespace sluice::storage {
namespace {

constexpr std::int64_t kib = 1024;

TEST(WritePlan, NothingToWriteIsNoWrite) {
  EXPECT_EQ(next_write_end({.issued = 100, .end = 100}), std::nullopt);
}

TEST(WritePlan, ALoneWriteTakesEverything) {
  EXPECT_EQ(next_write_end({.issued = 100, .end = 300}), 300);
  EXPECT_EQ(next_write_end({.issued = 100, .end = 500 * kib + 1}), 500 * kib + 1);
}

TEST(WritePlan, AStreamIsCutAtItsLastWholeBlockSoThatTheNextWriteCanStart) {
  EXPECT_EQ(next_write_end({.issued = 100, .end = 80 * kib + 5, .streaming = true}), 80 * kib);
  EXPECT_EQ(next_write_end({.issued = 100, .end = 3 * kib, .streaming = true}), 3 * kib);
}

TEST(WritePlan, NothingStartsBehindAWriteThatEndsInsideABlock) {
  const WriteState state{
      .issued = 4100, .end = 500 * kib, .in_flight = 1, .edge_in_flight = true, .streaming = true};
  EXPECT_EQ(next_write_end(state), std::nullopt);
}

TEST(WritePlan, ASecondWriteMustBeWorthIt) {
  const WriteState state{.issued = 64 * kib, .end = 95 * kib, .in_flight = 1};
  EXPECT_EQ(next_write_end(state), std::nullopt);
  const WriteState more{.issued = 64 * kib, .end = 97 * kib, .in_flight = 1};
  EXPECT_EQ(next_write_end(more), 96 * kib);
}

TEST(WritePlan, ARestThatNothingFillsUpDoesNotWaitForAllWritesToLand) {
  WriteState state{.issued = 64 * kib, .end = 65 * kib, .in_flight = 2, .streaming = true};
  EXPECT_EQ(next_write_end(state), std::nullopt);
  state.landed = true;
  EXPECT_EQ(next_write_end(state), std::nullopt);
  state.streaming = false;
  EXPECT_EQ(next_write_end(state), 65 * kib);
  state.edge_in_flight = true;
  EXPECT_EQ(next_write_end(state), std::nullopt);
}

TEST(WritePlan, WritesInFlightAreBounded) {
  const WriteState state{.issued = 0, .end = 500 * kib, .in_flight = writes_in_flight_max};
  EXPECT_EQ(next_write_end(state), std::nullopt);
}

TEST(WritePlan, ZerosGoAheadOfSmallWritesOnly) {
  WriteSize size;
  size.add(4 * kib);
  EXPECT_TRUE(size.wants_zeros_ahead());
  for (int i = 0; i < 100; ++i) size.add(1024 * kib);
  EXPECT_FALSE(size.wants_zeros_ahead());
}

TEST(WritePlan, StepsOfZerosGrowWithTheRate) {
  EXPECT_EQ(WriteSize::next_step(0, true), zero_step_min);
  EXPECT_EQ(WriteSize::next_step(zero_step_min, true), 2 * zero_step_min);
  EXPECT_EQ(WriteSize::next_step(zero_step_max, true), zero_step_max);
  EXPECT_EQ(WriteSize::next_step(zero_step_max, false), zero_step_min);
}

}  // namespace
}  // namespace sluice::storage
