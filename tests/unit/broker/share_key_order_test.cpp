// sluice.share.order=key in the core: one record of a key at a time, in order.
#include "broker/share/share_partition.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <map>

namespace sluice::broker {
namespace {

using std::chrono::milliseconds;
using Offsets = std::vector<Offset>;

constexpr std::int8_t accept = 1, release = 2, reject = 3;

// ---- Records by hand ----

class ShareKeyOrderTest : public testing::Test {
 protected:
  ShareKeyOrderTest() {
    settings_.order_by_key = true;
    state_.reset(0);
    restart();
  }
  void restart() { partition_.emplace(state_, settings_, random_, now_); }
  // One batch whose records have these keys; '-' is none.
  Offsets acquire(std::string_view keys, std::int64_t records_max = 100) {
    Offsets got;
    const auto from = partition_->next_offered(0);
    if (!from || *from >= static_cast<Offset>(keys.size())) return got;
    std::vector<RecordKey> of_batch;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      RecordKey& key = of_batch.emplace_back(static_cast<Offset>(i), std::nullopt);
      if (keys[i] != '-') key.key_hash = static_cast<std::uint64_t>(keys[i]);
    }
    const BatchExtent batch{0, static_cast<Offset>(keys.size()) - 1, of_batch};
    const AcquireLimits limits{records_max, AcquireMode::exact_count};
    for (const auto& range : partition_->acquire("a", *from, {&batch, 1}, limits, now_))
      for (Offset offset = range.first; offset <= range.last; ++offset) got.push_back(offset);
    return got;
  }
  void end(Offset offset, std::int8_t type) {
    const AcknowledgeBatch batch{offset, offset, {&type, 1}};
    ASSERT_TRUE(partition_->acknowledge("a", {&batch, 1}, now_));
    for (const ShareWrite& write : partition_->take_writes()) {
      state_.apply(write.change);
      partition_->on_durable(write.id);
    }
  }

  ShareSettings settings_;
  SeededRandom random_{1};
  GroupTime now_{TimePoint{} + std::chrono::hours(1), 1'700'000'000'000};
  ShareState state_;
  std::optional<SharePartition> partition_;
};

TEST_F(ShareKeyOrderTest, OneRecordOfAKeyIsInFlightAndOthersPass) {
  EXPECT_EQ(acquire("aab-ab-"), (Offsets{0, 2, 3, 6}));
  EXPECT_EQ(partition_->counts().waiting, 3);
  EXPECT_TRUE(acquire("aab-ab-").empty());
  (void)partition_->take_news();
  end(3, accept);
  EXPECT_FALSE(partition_->take_news());  // it had no key
  end(0, accept);
  EXPECT_TRUE(partition_->take_news());
  EXPECT_EQ(acquire("aab-ab-"), (Offsets{1}));
  end(2, accept);
  end(1, accept);
  EXPECT_EQ(acquire("aab-ab-"), (Offsets{4, 5}));
}

TEST_F(ShareKeyOrderTest, AWaitingRecordHoldsUpItsKeyAlone) {
  settings_.retry = {.first = milliseconds{100}, .jitter = 0};
  restart();
  EXPECT_EQ(acquire("aab"), (Offsets{0, 2}));
  end(0, release);
  EXPECT_EQ(acquire("aabc"), (Offsets{3}));
  now_.steady += milliseconds{100};
  partition_->tick(now_);
  EXPECT_EQ(acquire("aabc"), (Offsets{0}));
  end(0, accept);
  EXPECT_EQ(acquire("aabc"), (Offsets{1}));
}

TEST_F(ShareKeyOrderTest, ARestartLearnsTheKeysOfWhatIsUnfinishedFirst) {
  settings_.retry = {.first = milliseconds{100}, .jitter = 0};
  restart();
  EXPECT_EQ(acquire("aba"), (Offsets{0, 1}));
  end(0, release);
  end(1, accept);
  restart();
  EXPECT_EQ(partition_->next_offered(0), 0);  // to be read, although it waits
  EXPECT_TRUE(acquire("abaa").empty());
  EXPECT_EQ(acquire("abaac"), (Offsets{4}));
}

TEST_F(ShareKeyOrderTest, ADeadLetterFreesItsKeyAndComesBackBehindWhatIsInFlight) {
  settings_.dead_letters = true;
  restart();
  EXPECT_EQ(acquire("aaa"), (Offsets{0}));
  end(0, reject);
  EXPECT_EQ(acquire("aaa"), (Offsets{1}));
  const HandChange released{0, 0, Acknowledge::release};
  EXPECT_EQ(partition_->change_by_hand({&released, 1}, 3, now_)->records, 1);
  EXPECT_TRUE(acquire("aaa").empty());
  end(1, accept);
  EXPECT_EQ(acquire("aaa"), (Offsets{0}));
  end(0, accept);
  EXPECT_EQ(acquire("aaa"), (Offsets{2}));
}

TEST_F(ShareKeyOrderTest, TheOrderChangesOnceNothingIsInFlight) {
  settings_.order_by_key = false;
  partition_->set_settings(settings_);
  EXPECT_EQ(acquire("aaab", 2), (Offsets{0, 1}));
  settings_.order_by_key = true;
  partition_->set_settings(settings_);
  EXPECT_EQ(partition_->next_offered(0), std::nullopt);
  end(0, accept);
  (void)partition_->take_news();
  end(1, release);
  EXPECT_TRUE(partition_->take_news());
  EXPECT_EQ(acquire("aaab"), (Offsets{1, 3}));
  settings_.order_by_key = false;
  partition_->set_settings(settings_);
  end(1, accept);
  end(3, accept);
  EXPECT_EQ(acquire("aaab"), (Offsets{2}));
}

TEST_F(ShareKeyOrderTest, ReadingAheadIsBounded) {
  settings_.blocked_max = 3;
  restart();
  EXPECT_EQ(acquire("aaaaab"), (Offsets{0}));
  EXPECT_EQ(partition_->next_offered(0), std::nullopt);
  EXPECT_EQ(partition_->end(), 4);
  (void)partition_->take_news();
  end(0, accept);
  EXPECT_TRUE(partition_->take_news());
  EXPECT_EQ(acquire("aaaaab"), (Offsets{1}));
}

TEST_F(ShareKeyOrderTest, RecordsThatAreGoneFreeTheirKeys) {
  EXPECT_EQ(acquire("aab"), (Offsets{0, 2}));
  partition_->log_start_moved(1);
  EXPECT_EQ(acquire("aab"), (Offsets{1}));
}

// ---- Random operations ----

// What must hold whatever happens: of each key one record is acquired at a time, none while an
// earlier one of it is unfinished, and in the end every record is finished.
class KeyedWorld {
 public:
  explicit KeyedWorld(std::uint64_t seed) : random_(seed) {
    settings_.lock_duration = milliseconds{50};
    settings_.deliveries_max = 3;
    settings_.order_by_key = random_.below(4) != 0;
    settings_.blocked_max = 5 + static_cast<std::int64_t>(random_.below(40));
    settings_.retry = {.first = milliseconds{random_.below(2) * 20}, .jitter = 0};
    state_.reset(0);
    real_.emplace(state_, settings_, random_, now_);
  }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) step();
    settings_.order_by_key = true;
    real_->set_settings(settings_);
    for (int i = 0; i < 4000 && real_->start() < log_end; ++i) {
      pass(5);
      acquire();
      acknowledge(accept);
      complete(true);
      if (testing::Test::HasFatalFailure()) return;
    }
    ASSERT_EQ(real_->start(), log_end) << "records are stuck";
  }

 private:
  static constexpr Offset log_end = 400;

  static std::optional<std::uint64_t> key(Offset offset) {
    const auto key = static_cast<std::uint64_t>(offset * 13 % 17 % 6);
    return key == 0 ? std::nullopt : std::optional(key);
  }
  static bool exists(Offset offset) { return offset % 23 != 7; }

  void step() {
    switch (random_.below(10)) {
      case 0:
      case 1:
      case 2:
        return acquire();
      case 3:
      case 4:
        return acknowledge(static_cast<std::int8_t>(1 + random_.below(3)));
      case 5:
      case 6:
        return complete(random_.below(6) != 0);
      case 7:
        return pass(static_cast<int>(random_.below(30)));
      case 8:
        if (random_.below(20) == 0) restart();
        return;
      default:
        if (random_.below(30) == 0) {
          settings_.order_by_key = !settings_.order_by_key;
          real_->set_settings(settings_);
        }
    }
  }

  void acquire() {
    real_->tick(now_);
    const auto from = real_->next_offered(real_->start());
    if (!from || *from >= log_end) return;
    std::deque<std::vector<RecordKey>> keys;
    std::vector<BatchExtent> read;
    for (Offset first = *from / 8 * 8; read.size() < 3 && first < log_end; first += 8) {
      auto& of_batch = keys.emplace_back();
      for (Offset offset = first; offset < first + 8; ++offset)
        if (exists(offset)) of_batch.push_back({offset, key(offset)});
      read.push_back({first, first + 7, of_batch});
    }
    AcquireLimits limits;
    limits.records_max = 1 + static_cast<std::int64_t>(random_.below(12));
    limits.mode = AcquireMode::exact_count;
    refresh();
    const bool ordered = settings_.order_by_key;
    const std::string member = "m" + std::to_string(random_.below(3));
    for (const auto& range : real_->acquire(member, *from, read, limits, now_))
      for (Offset offset = range.first; offset <= range.last; ++offset)
        take(offset, member, ordered);
  }
  void take(Offset offset, const std::string& member, bool ordered) {
    if (ordered && key(offset))
      for (const auto& [other, holder] : held_)
        ASSERT_NE(key(other), key(offset)) << offset << " beside " << other;
    held_[offset] = member;
    if (!ordered || !key(offset)) return;
    for (Offset earlier = real_->start(); earlier < offset; ++earlier)
      if (exists(earlier) && key(earlier) == key(offset))
        ASSERT_TRUE(finished(earlier)) << offset << " before " << earlier;
  }
  bool finished(Offset offset) const {
    if (offset < real_->start()) return true;
    for (const QueueRange& range : real_->describe(10'000, now_))
      if (range.first <= offset && offset <= range.last) return range.state == QueueState::finished;
    return false;
  }
  // Only what is acquired is held still.
  void refresh() {
    std::map<Offset, std::string> now;
    for (const QueueRange& range : real_->describe(10'000, now_))
      if (range.state == QueueState::acquired)
        for (Offset offset = range.first; offset <= range.last; ++offset)
          if (const auto at = held_.find(offset); at != held_.end()) now.insert(*at);
    held_ = std::move(now);
  }

  void acknowledge(std::int8_t type) {
    real_->tick(now_);
    refresh();
    if (held_.empty()) return;
    auto at = held_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_.below(held_.size())));
    const AcknowledgeBatch batch{at->first, at->first, {&type, 1}};
    ASSERT_TRUE(real_->acknowledge(at->second, {&batch, 1}, now_));
  }
  void complete(bool good) {
    for (ShareWrite& write : real_->take_writes()) writes_.push_back(std::move(write));
    if (writes_.empty()) return;
    const ShareWrite write = std::move(writes_.front());
    writes_.pop_front();
    if (!good) return real_->on_failed(write.id, now_);
    state_.apply(write.change);
    real_->on_durable(write.id);
  }
  void pass(int ms) {
    now_.steady += milliseconds{ms};
    now_.wall_ms += ms;
    real_->tick(now_);
  }
  void restart() {
    writes_.clear();
    held_.clear();
    real_.emplace(state_, settings_, random_, now_);
  }

  SeededRandom random_;
  ShareSettings settings_;
  GroupTime now_{TimePoint{} + std::chrono::hours(1), 1'700'000'000'000};
  ShareState state_;
  std::optional<SharePartition> real_;
  std::deque<ShareWrite> writes_;
  std::map<Offset, std::string> held_;
};

TEST(ShareKeyOrderPropertyTest, RecordsOfAKeyAreNeverInFlightTogetherAndAllAreFinished) {
  const char* wanted = std::getenv("SLUICE_SHARE_OPERATIONS");
  const std::uint64_t operations = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 20'000;
  constexpr int steps = 400;
  for (std::uint64_t seed = 1; seed <= operations / steps; ++seed) {
    KeyedWorld world{seed};
    world.run(steps);
    if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice::broker
