#include "broker/share/share_store.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

constexpr std::int64_t wall_ms = 1'700'000'000'000;

// A store and the log it writes to.
class ShareStoreTest : public testing::Test {
 protected:
  void append(const ShareStoreWrite& write) {
    store_.on_durable(write.id, static_cast<Offset>(log_.size()));
    log_.insert(log_.end(), write.records.begin(), write.records.end());
  }
  ShareStoreWrite finish(const ShareKey& key, Offset first, Offset last, std::int32_t epoch = 1) {
    auto made =
        store_.change(key, epoch, {-1, {{first, last, StoredState::acknowledged, 1}}}, wall_ms);
    EXPECT_TRUE(made);
    return *made;
  }
  // What a restart makes of the log from `from` on.
  ShareStore replay(std::size_t from = 0) const {
    ShareStore fresh;
    for (std::size_t i = from; i < log_.size(); ++i) {
      std::optional<Bytes> value;
      if (log_[i].value) value = Bytes{*log_[i].value};
      EXPECT_TRUE(fresh.load(log_[i].key, value, static_cast<Offset>(i)));
    }
    return fresh;
  }
  static void expect_same(const StoredShare& a, const StoredShare& b) {
    EXPECT_EQ(a.state_epoch, b.state_epoch);
    EXPECT_EQ(a.state.start(), b.state.start());
    EXPECT_EQ(a.state.batches(), b.state.batches());
  }

  ShareStore store_;
  std::vector<OffsetsRecord> log_;
  const ShareKey a_{"a", {}, 0};
  const ShareKey b_{"b", {}, 3};
};

TEST_F(ShareStoreTest, AChangeIsSeenOnceItIsDurable) {
  append(store_.begin(a_, 10, wall_ms));
  const auto write = finish(a_, 10, 14);
  EXPECT_EQ(store_.find(a_).state.start(), 10);
  append(write);
  EXPECT_EQ(store_.find(a_).state.start(), 15);
  expect_same(replay().find(a_), store_.find(a_));
}

TEST_F(ShareStoreTest, SnapshotsComeInTimeAndHoldWhatIsOnItsWay) {
  append(store_.begin(a_, 0, wall_ms));
  std::vector<ShareStoreWrite> writes;
  for (Offset offset = 1; offset <= 2 * ShareStore::updates_max; ++offset)
    writes.push_back(finish(a_, 2 * offset, 2 * offset));
  for (const auto& write : writes) append(write);
  const Offset needed = *store_.oldest_needed();
  EXPECT_GT(needed, 0);
  expect_same(replay().find(a_), store_.find(a_));
  expect_same(replay(static_cast<std::size_t>(needed)).find(a_), store_.find(a_));
}

TEST_F(ShareStoreTest, ARefreshedStateLetsTheLogBeCut) {
  append(store_.begin(a_, 0, wall_ms));
  append(store_.begin(b_, 5, wall_ms));
  append(finish(a_, 3, 4));
  EXPECT_EQ(store_.oldest_needed(), 0);
  append(*store_.refresh_oldest(wall_ms));
  EXPECT_EQ(store_.oldest_needed(), 1);
  append(*store_.refresh_oldest(wall_ms));
  EXPECT_EQ(store_.oldest_needed(), 3);
  expect_same(replay(3).find(a_), store_.find(a_));
  expect_same(replay(3).find(b_), store_.find(b_));
}

TEST_F(ShareStoreTest, AFormerEpochIsFenced) {
  append(store_.begin(a_, 0, wall_ms));
  append(store_.begin(a_, 100, wall_ms));
  EXPECT_EQ(store_.change(a_, 1, {}, wall_ms).error(), ErrorCode::fenced_state_epoch);
  append(finish(a_, 100, 100, 2));
  EXPECT_EQ(replay().find(a_).state.start(), 101);
  append(store_.forget(a_));
  EXPECT_EQ(store_.change(a_, 2, {}, wall_ms).error(), ErrorCode::fenced_state_epoch);
  EXPECT_EQ(store_.size(), 0u);
  EXPECT_EQ(replay().size(), 0u);
}

TEST_F(ShareStoreTest, AfterAFailedWriteTheNextOneSaysEverything) {
  append(store_.begin(a_, 0, wall_ms));
  append(finish(a_, 5, 5));
  store_.on_failed(finish(a_, 7, 7).id);
  append(finish(a_, 9, 9));
  expect_same(replay().find(a_), store_.find(a_));
  EXPECT_EQ(store_.find(a_).state.finished_count(), 2);
}

TEST_F(ShareStoreTest, GroupsAreFoundByName) {
  append(store_.begin(a_, 0, wall_ms));
  append(store_.begin(b_, 0, wall_ms));
  EXPECT_EQ(store_.groups(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(store_.keys_of("b"), std::vector<ShareKey>{b_});
  EXPECT_TRUE(store_.keys_of("c").empty());
}

}  // namespace
}  // namespace sluice::broker
