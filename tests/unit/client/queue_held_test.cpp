#include "client/queue_held.hpp"

#include "base/random.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace sluice::client {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Offset> offsets(const std::vector<Ack>& acks) {
  std::vector<Offset> all;
  for (const auto& ack : acks) all.push_back(ack.offset);
  return all;
}

TEST(HeldRecords, GoFromBufferToUserToAcknowledged) {
  HeldRecords held;
  const TimePoint now{};
  held.add(10, 12, 2, now + 1s);
  EXPECT_EQ(held.count(), 3u);
  EXPECT_EQ(held.deliveries(11), 2);
  EXPECT_TRUE(held.give(11, now));
  EXPECT_FALSE(held.give(11, now));
  EXPECT_FALSE(held.give(13, now));
  EXPECT_TRUE(held.acknowledge(11));
  EXPECT_FALSE(held.acknowledge(11));
  EXPECT_FALSE(held.holds(11));
  EXPECT_THAT(held.ending_before(now + 2s), ElementsAre(10, 12));
  held.finish(11);
  EXPECT_EQ(held.count(), 2u);
}

TEST(HeldRecords, AreNotGivenWhenTheirLockRanOut) {
  HeldRecords held;
  const TimePoint now{};
  held.add(0, 1, 1, now + 1s);
  held.renewed(0, now + 3s);
  EXPECT_TRUE(held.give(0, now + 2s));
  EXPECT_FALSE(held.give(1, now + 3s));
  EXPECT_EQ(held.count(), 1u);
}

// A record that comes back leaves those around it as they were.
TEST(HeldRecords, AcquiredAgainCountAnew) {
  HeldRecords held;
  const TimePoint now{};
  held.add(0, 9, 1, now + 1s);
  for (const Offset offset : {4, 5, 6}) EXPECT_TRUE(held.give(offset, now));
  held.add(5, 5, 2, now + 2s);
  EXPECT_EQ(held.count(), 10u);
  EXPECT_EQ(held.deliveries(5), 2);
  EXPECT_EQ(held.deliveries(6), 1);
  EXPECT_TRUE(held.give(5, now));
  EXPECT_FALSE(held.give(6, now));
  EXPECT_TRUE(held.acknowledge(6));
  EXPECT_TRUE(held.give(0, now));
  held.add(8, 12, 3, now + 2s);
  EXPECT_EQ(held.count(), 13u);
}

// Beside a map with one entry an offset.
TEST(HeldRecords, EqualASimpleModel) {
  using State = HeldRecords::State;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SeededRandom random(seed);
    HeldRecords held;
    std::map<Offset, std::pair<State, std::int16_t>> model;
    const TimePoint now{};
    const auto some = [&] { return static_cast<Offset>(random.below(60)); };
    for (int step = 0; step < 3000; ++step) {
      const Offset offset = some();
      const auto at = model.find(offset);
      switch (random.below(5)) {
        case 0: {
          const Offset last = offset + static_cast<Offset>(random.below(8));
          const auto deliveries = static_cast<std::int16_t>(step % 5 + 1);
          held.add(offset, last, deliveries, now + 1s);
          for (Offset one = offset; one <= last; ++one) model[one] = {State::buffered, deliveries};
          break;
        }
        case 1: {
          const bool expected = at != model.end() && at->second.first == State::buffered;
          ASSERT_EQ(held.give(offset, now), expected) << "seed " << seed << " step " << step;
          if (expected) at->second.first = State::given;
          break;
        }
        case 2: {
          const bool expected = at != model.end() && at->second.first != State::acknowledged;
          ASSERT_EQ(held.acknowledge(offset), expected) << "seed " << seed << " step " << step;
          if (expected) at->second.first = State::acknowledged;
          break;
        }
        default:
          held.finish(offset);
          model.erase(offset);
      }
      ASSERT_EQ(held.count(), model.size()) << "seed " << seed << " step " << step;
      const Offset other = some();
      const auto known = model.find(other);
      ASSERT_EQ(held.holds(other),
                known != model.end() && known->second.first != State::acknowledged);
      if (known != model.end()) {
        ASSERT_EQ(held.deliveries(other), known->second.second);
      }
    }
    std::vector<Offset> ending;
    for (const auto& [offset, entry] : model)
      if (entry.first != State::acknowledged) ending.push_back(offset);
    EXPECT_EQ(held.ending_before(now + 2s), ending);
  }
}

TEST(AckQueue, GivesThemInOrderAndOnce) {
  AckQueue queue;
  EXPECT_TRUE(queue.empty());
  for (const Offset offset : {5, 3, 4, 3}) queue.push({.offset = offset});
  EXPECT_THAT(offsets(queue.take()), ElementsAre(3, 4, 5));
  EXPECT_TRUE(queue.empty());
}

// The one that is not ours is found, and costs no other.
TEST(AckQueue, HalvesUntilOneIsLeft) {
  AckQueue queue;
  for (Offset offset = 0; offset < 100; ++offset) queue.push({.offset = offset});
  std::vector<Offset> accepted;
  std::vector<Offset> refused;
  int requests = 0;
  while (!queue.empty()) {
    auto sent = queue.take();
    ++requests;
    const bool bad = std::ranges::count(offsets(sent), 37) != 0;
    if (!bad) {
      for (const auto& ack : sent) accepted.push_back(ack.offset);
    } else if (!queue.halve(sent)) {
      refused = offsets(sent);
    }
  }
  EXPECT_THAT(refused, ElementsAre(37));
  EXPECT_EQ(accepted.size(), 99u);
  EXPECT_LE(requests, 2 * 7 + 1);
}

}  // namespace
}  // namespace sluice::client
