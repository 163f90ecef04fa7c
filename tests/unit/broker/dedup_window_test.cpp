#include "broker/queue/dedup_window.hpp"

#include "base/random.hpp"
#include "broker/partition_dedup.hpp"
#include "broker/queue/message_ids.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/queue_headers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <map>
#include <string>

namespace sluice::broker {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

MessageIdHash id(std::uint64_t number) {
  return hash_message_id(as_bytes("id " + std::to_string(number)));
}

TEST(DedupWindow, KnowsAnIdForItsWindow) {
  DedupWindow window(100ms, 10);
  TimePoint now{};
  EXPECT_FALSE(window.find(id(1), now));
  window.add(id(1), 7, now);
  EXPECT_EQ(window.find(id(1), now + 99ms), 7);
  EXPECT_FALSE(window.find(id(1), now + 100ms));
  EXPECT_FALSE(window.find(id(2), now));
  window.add(id(1), 9, now + 100ms);
  EXPECT_EQ(window.find(id(1), now + 150ms), 9);
  EXPECT_EQ(window.size(), 1u);
  EXPECT_EQ(window.forgotten_early(), 0u);
}

TEST(DedupWindow, ForgetsTheOldestAtItsBound) {
  DedupWindow window(1h, 3);
  const TimePoint now{};
  for (int i = 0; i < 5; ++i) window.add(id(static_cast<std::uint64_t>(i)), i, now);
  EXPECT_EQ(window.size(), 3u);
  EXPECT_EQ(window.forgotten_early(), 2u);
  EXPECT_FALSE(window.find(id(1), now));
  EXPECT_EQ(window.find(id(2), now), 2);
  EXPECT_EQ(window.find(id(4), now), 4);
}

// Beside a list that is searched from end to end. Hashes that begin at few slots collide much.
TEST(DedupWindow, EqualsASimpleModel) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRandom random(seed);
    constexpr std::size_t bound = 200;
    DedupWindow window(1s, bound);
    struct Entry {
      MessageIdHash hash;
      Offset offset;
      TimePoint added;
    };
    std::deque<Entry> model;
    TimePoint now{};
    std::uint64_t early = 0;
    for (Offset offset = 0; offset < 5000; ++offset) {
      now += std::chrono::milliseconds(random.below(seed % 4 == 0 ? 40 : 6));
      const MessageIdHash hash{random.below(32) * 7, random.below(40)};
      std::optional<Offset> expected;
      for (const Entry& entry : model)
        if (entry.hash == hash && now < entry.added + 1s) expected = entry.offset;
      ASSERT_EQ(window.find(hash, now), expected) << "seed " << seed << " offset " << offset;
      if (expected) continue;
      while (!model.empty() && model.front().added + 1s <= now) model.pop_front();
      if (model.size() == bound) {
        model.pop_front();
        ++early;
      }
      model.push_back({hash, offset, now});
      window.add(hash, offset, now);
      ASSERT_EQ(window.size(), model.size());
    }
    EXPECT_EQ(window.forgotten_early(), early);
  }
}

TEST(PartitionDedup, NoticesALogThatLostItsEnd) {
  PartitionDedup dedup(1h, 10);
  dedup.on_append(0, 5);
  dedup.on_append(5, 6);
  EXPECT_FALSE(dedup.stale);
  dedup.on_append(4, 5);  // 4 and 5 were not durable
  EXPECT_TRUE(dedup.stale);
  dedup.on_append(5, 9);
  EXPECT_TRUE(dedup.stale);
}

// ---- What a batch says ----

class Batch {
 public:
  Batch& add(std::vector<std::optional<std::string>> ids) {
    protocol::NewRecord record;
    std::vector<Header> headers;
    const auto& kept = kept_.emplace_back(std::move(ids));
    for (const auto& one : kept)
      headers.push_back(
          {protocol::message_id_header, one ? std::optional(as_bytes(*one)) : std::nullopt});
    record.headers = headers;
    builder_.append(record);
    return *this;
  }
  MessageIds ids() {
    const auto bytes = builder_.finish();
    const auto batch = protocol::parse_batch(bytes);
    MessageIds ids;
    EXPECT_TRUE(read_message_ids(batch->records(), batch->header.record_count, ids));
    return ids;
  }

 private:
  protocol::BatchBuilder builder_;
  std::deque<std::vector<std::optional<std::string>>> kept_;
};

TEST(MessageIds, AreReadFromHeaders) {
  const auto ids = Batch().add({"a"}).add({}).add({std::string(255, 'x')}).ids();
  EXPECT_THAT(ids.faults, IsEmpty());
  ASSERT_EQ(ids.ids.size(), 2u);
  EXPECT_EQ(ids.ids[0].offset_delta, 0);
  EXPECT_EQ(ids.ids[0].hash, hash_message_id(as_bytes("a")));
  EXPECT_EQ(ids.ids[1].offset_delta, 2);
}

TEST(MessageIds, OfARecordThatWasSentBackAreNew) {
  const Bytes id = as_bytes("a");
  EXPECT_FALSE(hash_message_id(id) == hash_message_id(id, as_bytes("1")));
  EXPECT_FALSE(hash_message_id(id, as_bytes("1")) == hash_message_id(id, as_bytes("2")));
  protocol::BatchBuilder builder;
  const std::array headers{Header{protocol::message_id_header, id},
                           Header{protocol::redrive_count_header, as_bytes("2")}};
  builder.append({.headers = headers});
  const auto bytes = builder.finish();
  const auto batch = protocol::parse_batch(bytes);
  MessageIds ids;
  ASSERT_TRUE(read_message_ids(batch->records(), 1, ids));
  EXPECT_EQ(ids.ids.at(0).hash, hash_message_id(id, as_bytes("2")));
}

TEST(MessageIds, OfADeliveredRecordAreMarked) {
  protocol::BatchBuilder builder;
  const std::array headers{Header{protocol::message_id_header, as_bytes("a")},
                           Header{"sluice-schedule-id", as_bytes("0:1")}};
  builder.append({.headers = headers});
  const auto bytes = builder.finish();
  MessageIds ids;
  ASSERT_TRUE(read_message_ids(protocol::parse_batch(bytes)->records(), 1, ids));
  EXPECT_TRUE(ids.ids.at(0).delivered);
}

TEST(MessageIds, ThatCannotBeAreFaults) {
  const auto ids = Batch()
                       .add({"good"})
                       .add({""})
                       .add({std::nullopt})
                       .add({std::string(256, 'x')})
                       .add({"a", "a"})
                       .ids();
  ASSERT_EQ(ids.faults.size(), 4u);
  EXPECT_EQ(ids.faults[0].batch_index, 1);
  EXPECT_THAT(ids.faults[0].message, HasSubstr("empty"));
  EXPECT_THAT(ids.faults[1].message, HasSubstr("empty"));
  EXPECT_THAT(ids.faults[2].message, HasSubstr("255"));
  EXPECT_THAT(ids.faults[3].message, HasSubstr("twice"));
}

TEST(MessageIds, AreComparedWithTheWindowAndWithEachOther) {
  DedupWindow window(1h, 10);
  const TimePoint now{};
  window.add(hash_message_id(as_bytes("a")), 10, now);
  window.add(hash_message_id(as_bytes("b")), 11, now);
  auto found = find_duplicates(window, Batch().add({"a"}).add({"b"}).ids(), now);
  EXPECT_THAT(found.deltas, ElementsAre(0, 1));
  EXPECT_EQ(found.base_offset, 10);
  EXPECT_EQ(found.last_copy, 11);
  found = find_duplicates(window, Batch().add({"b"}).add({"a"}).ids(), now);
  EXPECT_THAT(found.deltas, ElementsAre(0, 1));
  EXPECT_EQ(found.base_offset, -1);
  found = find_duplicates(window, Batch().add({"c"}).add({"a"}).add({"c"}).add({"c"}).ids(), now);
  EXPECT_THAT(found.deltas, ElementsAre(1, 2, 3));
  EXPECT_EQ(found.last_copy, 10);
  found = find_duplicates(window, Batch().add({"c"}).add({}).ids(), now);
  EXPECT_THAT(found.deltas, IsEmpty());
}

}  // namespace
}  // namespace sluice::broker
