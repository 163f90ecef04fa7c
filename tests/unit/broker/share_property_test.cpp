// The share partition beside a model that keeps one entry an offset: random operations, compared
// after each. SLUICE_SHARE_OPERATIONS sets how many (10^4 by default, 10^6 for a long run).
#include "broker/share/share_partition.hpp"
#include "tests/unit/broker/share_model.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <map>

namespace sluice::broker {
namespace {

using std::chrono::milliseconds;
using test::Entry;
using test::Is;
using Model = test::ShareModel;

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), model_(settings(random_)) {
    state_.reset(0);
    real_.emplace(state_, model_.settings_, random_, now_);
    model_.start_ = model_.end_ = 0;
  }

  void step() {
    switch (random_.below(16)) {
      case 0:
      case 1:
      case 2:
        acquire();
        break;
      case 3:
      case 4:
      case 5:
        acknowledge();
        break;
      case 6:
        nonsense();
        break;
      case 7:
        pass();
        break;
      case 8:
      case 9:
        complete(random_.below(8) != 0);
        break;
      case 10:
        if (random_.below(4) == 0) release();
        break;
      case 11:
        if (random_.below(10) == 0)
          log_start();
        else if (random_.below(20) == 0)
          restart();
        break;
      case 12:
        take_copies();
        break;
      case 13:
        end_copies(random_.below(3) != 0);
        break;
      case 14:
        if (random_.below(4) == 0) by_hand();
        break;
      case 15:
        if (random_.below(10) == 0) change_settings();
        break;
    }
    compare();
  }

 private:
  static ShareSettings settings(Random& random) {
    ShareSettings made;
    made.lock_duration = milliseconds{50};
    made.deliveries_max = 2 + static_cast<int>(random.below(4));
    made.locks_max = 10 + static_cast<std::int64_t>(random.below(200));
    made.retry.jitter = 0;
    made.retry.first = milliseconds{random.below(2) == 0 ? 0 : 20};
    made.retry.longest = milliseconds{60};
    made.dead_letters = random.below(3) != 0;
    return made;
  }
  static std::string name(int member) { return "member-" + std::to_string(member); }
  int member() { return static_cast<int>(random_.below(4)); }

  // Batches of a log that was compacted here and there: a pure function of the offset.
  static bool exists(Offset offset) { return offset * 7 % 31 != 3; }
  std::vector<BatchExtent> batches(Offset from, std::size_t count) {
    std::vector<BatchExtent> made;
    for (Offset first = from / 4 * 4; made.size() < count; first += 4) {
      if (first / 4 % 9 == 4) continue;  // a batch that compaction removed
      made.push_back({first, first + 3});
    }
    return made;
  }

  void acquire() {
    const int who = member();
    AcquireLimits limits;
    limits.records_max = 1 + static_cast<std::int64_t>(random_.below(12));
    limits.mode = random_.below(2) == 0 ? AcquireMode::whole_batches : AcquireMode::exact_count;
    real_->tick(now_);
    begin_call();
    model_.tick(now_.steady);
    end_call();
    const auto from = real_->next_offered(model_.start_);
    const auto held = static_cast<std::int64_t>(count(Is::acquired));
    ASSERT_EQ(from.has_value(), held < model_.settings_.locks_max);
    if (!from) return;
    const auto expected_from = [&] {
      for (const auto& [offset, entry] : model_.entries_)
        if (entry.is == Is::available && entry.at == TimePoint{}) return offset;
      return model_.end_;
    }();
    ASSERT_EQ(*from, expected_from);
    const auto read = batches(*from, 1 + random_.below(4));
    const auto got = real_->acquire(name(who), *from, read, limits, now_);
    expect_acquired(who, *from, read, limits, got);
  }

  void expect_acquired(int who, Offset from, const std::vector<BatchExtent>& read,
                       const AcquireLimits& limits, const std::vector<AcquiredRange>& got) {
    std::map<Offset, int> taken;
    for (const AcquiredRange& range : got)
      for (Offset offset = range.first; offset <= range.last; ++offset)
        taken[offset] = range.deliveries;
    std::int64_t count_now = 0;
    bool stop = false;
    Offset cursor = from;
    for (const BatchExtent& batch : read) {
      const auto room = [&] {
        return std::min(
            limits.records_max - count_now,
            model_.settings_.locks_max - static_cast<std::int64_t>(count(Is::acquired)));
      };
      if (stop || room() <= 0) break;
      for (; cursor <= batch.last; ++cursor) {
        if (cursor >= model_.end_) {
          const bool is_record = cursor >= batch.first;
          if (is_record && (stop || (limits.mode == AcquireMode::exact_count && room() <= 0)))
            break;
          model_.entries_[cursor] = {};
          model_.end_ = cursor + 1;
        }
        const auto at = model_.entries_.find(cursor);
        if (at == model_.entries_.end()) continue;
        Entry& entry = at->second;
        if (cursor < batch.first) {
          if (entry.is == Is::available) entry = {Is::finished};
          continue;
        }
        if (stop || (limits.mode == AcquireMode::exact_count && room() <= 0)) break;
        if (entry.is != Is::available || entry.at != TimePoint{}) continue;
        const bool last_attempt =
            entry.deliveries > 0 && entry.deliveries + 1 >= model_.settings_.deliveries_max;
        if (last_attempt && count_now > 0) {
          stop = true;
          break;
        }
        entry = {Is::acquired, entry.deliveries + 1, who,
                 now_.steady + model_.settings_.lock_duration};
        ++count_now;
        ASSERT_EQ(taken[cursor], entry.deliveries) << "offset " << cursor;
        taken.erase(cursor);
        if (last_attempt) {
          stop = true;
          break;
        }
      }
      cursor = batch.last + 1;
    }
    ASSERT_TRUE(taken.empty()) << "offset " << taken.begin()->first << " was not to be acquired";
    model_.trim();
    last_held_ = got;
    last_holder_ = who;
  }

  void acknowledge() {
    if (last_held_.empty()) return;
    const AcquiredRange range = last_held_[random_.below(last_held_.size())];
    const Offset first = range.first + static_cast<Offset>(random_.below(3));
    const Offset last = std::min(range.last, first + static_cast<Offset>(random_.below(12)));
    if (first > last) return;
    std::vector<std::int8_t> types{static_cast<std::int8_t>(random_.below(5))};
    if (random_.below(2) == 0) {
      types.clear();
      for (Offset offset = first; offset <= last; ++offset)
        types.push_back(static_cast<std::int8_t>(random_.below(8) < 5 ? 1 : random_.below(5)));
    }
    const milliseconds delay{random_.below(4) == 0 ? static_cast<int>(random_.below(40)) : -1};
    const AcknowledgeBatch batch{first, last, types, delay};
    const auto done = real_->acknowledge(name(last_holder_), {&batch, 1}, now_);
    begin_call();
    model_.tick(now_.steady);
    end_call();
    bool held = true;
    for (Offset offset = std::max(first, model_.start_); offset <= last; ++offset)
      held = held && model_.holds(last_holder_, offset);
    ASSERT_EQ(done.has_value(), held);
    if (!held) return;
    begin_call();
    for (Offset offset = std::max(first, model_.start_); offset <= last; ++offset) {
      const auto type = types[types.size() == 1 ? 0 : static_cast<std::size_t>(offset - first)];
      Entry& entry = model_.entries_.at(offset);
      switch (static_cast<Acknowledge>(type)) {
        case Acknowledge::release:
          model_.give_back(offset, entry, now_.steady, delay);
          break;
        case Acknowledge::reject:
          model_.give_up(offset);
          break;
        case Acknowledge::renew:
          entry.at = now_.steady + model_.settings_.lock_duration;
          break;
        default:
          model_.settle(offset);
      }
    }
    end_call();
  }

  void nonsense() {
    const Offset first =
        static_cast<Offset>(random_.below(static_cast<std::uint64_t>(model_.end_ + 10)));
    const std::int8_t types[] = {1};
    const AcknowledgeBatch batch{first, first + static_cast<Offset>(random_.below(4)), types};
    bool held = true;
    real_->tick(now_);
    begin_call();
    model_.tick(now_.steady);
    end_call();
    for (Offset offset = std::max(first, model_.start_); offset <= batch.last; ++offset)
      held = false;  // nobody of this name holds anything
    const auto done = real_->acknowledge("stranger", {&batch, 1}, now_);
    ASSERT_EQ(done.has_value(), held);
  }

  // The shell takes what is to be copied, a few records at a time.
  void take_copies() {
    const auto max = 1 + static_cast<std::int64_t>(random_.below(6));
    std::vector<Offset> expected;
    for (auto& [offset, entry] : model_.entries_) {
      if (entry.is != Is::dead_lettering || entry.at != TimePoint{}) continue;
      if (static_cast<std::int64_t>(expected.size()) == max) break;
      expected.push_back(offset);
      entry.is = Is::copying;
    }
    std::vector<Offset> got;
    for (const DeadLetter& letter : real_->take_dead_letters(max)) {
      ASSERT_TRUE(letter.failure);
      ASSERT_LE(letter.failure->first_ms, letter.failure->last_ms);
      for (Offset offset = letter.first; offset <= letter.last; ++offset) {
        ASSERT_EQ(letter.deliveries, model_.entries_.at(offset).deliveries);
        got.push_back(offset);
      }
    }
    ASSERT_EQ(got, expected);
    copying_.insert(copying_.end(), got.begin(), got.end());
  }

  // The copies of some of them are durable, or failed.
  void end_copies(bool good) {
    if (copying_.empty()) return;
    const std::size_t count = 1 + random_.below(copying_.size());
    begin_call();
    const Offset first = copying_.front();
    Offset last = first - 1;
    for (std::size_t i = 0; i < count && copying_.front() == last + 1; ++i) {
      last = copying_.front();
      copying_.pop_front();
      const auto at = model_.entries_.find(last);
      if (at == model_.entries_.end() || at->second.is != Is::copying) continue;
      if (good)
        model_.settle(last);
      else
        model_.wait_for_copy(last, Is::dead_lettering, now_.steady);
    }
    if (good)
      real_->copied(first, last);
    else
      real_->copy_failed(first, last, now_);
    end_call();
  }

  void by_hand() {
    const Offset first =
        model_.start_ + static_cast<Offset>(random_.below(
                            static_cast<std::uint64_t>(model_.end_ - model_.start_ + 5)));
    const Offset last = first + static_cast<Offset>(random_.below(8));
    const bool rejects = random_.below(2) == 0;
    const Offset log_end = model_.end_ + 3;
    real_->tick(now_);
    begin_call();
    model_.tick(now_.steady);
    end_call();
    const HandChange change{first, last, rejects ? Acknowledge::reject : Acknowledge::release};
    const auto done = real_->change_by_hand({&change, 1}, log_end, now_);
    ASSERT_TRUE(done);
    begin_call();
    const Offset stop = std::min(last, log_end - 1);
    if (rejects)
      for (; model_.end_ <= stop; ++model_.end_) model_.entries_[model_.end_] = {};
    std::int64_t changed = 0;
    for (Offset offset = first; offset <= stop && offset < model_.end_; ++offset)
      changed += change_one(offset, rejects) ? 1 : 0;
    end_call();
    ASSERT_EQ(done->records, changed);
  }
  bool change_one(Offset offset, bool rejects) {
    Entry& entry = model_.entries_.at(offset);
    const bool dead = entry.is == Is::dead_lettering;
    if (entry.is != Is::available && entry.is != Is::acquired && !dead) return false;
    if (rejects && dead && model_.settings_.dead_letters) return false;
    if (!rejects && entry.is == Is::available && entry.at == TimePoint{}) return false;
    if (rejects && dead) {
      model_.settle(offset);
    } else if (rejects) {
      model_.give_up(offset);
    } else {
      entry = {Is::available, entry.deliveries};
      model_.changes_[offset] = {Is::available, entry.deliveries};
    }
    return true;
  }

  // The dead-letter topic is set or taken away; what waits for its copy is due again.
  void change_settings() {
    model_.settings_.dead_letters = !model_.settings_.dead_letters;
    real_->set_settings(model_.settings_);
    real_->retry_dead_letters();
    for (auto& [offset, entry] : model_.entries_) {
      if (entry.is != Is::dead_lettering || entry.at == TimePoint{}) continue;
      entry.at = {};
      entry.copies_failed = 0;
    }
  }

  void pass() {
    const milliseconds time{static_cast<int>(random_.below(30) * (random_.below(8) == 0 ? 50 : 1))};
    now_.steady += time;
    now_.wall_ms += time.count();
    real_->tick(now_);
    begin_call();
    model_.tick(now_.steady);
    end_call();
  }

  void release() {
    const int who = member();
    real_->release_member(name(who), now_);
    begin_call();
    for (auto& [offset, entry] : model_.entries_)
      if (entry.is == Is::acquired && entry.owner == who)
        model_.give_back(offset, entry, now_.steady);
    end_call();
  }

  void log_start() {
    const Offset to = model_.start_ + static_cast<Offset>(random_.below(30));
    real_->log_start_moved(to);
    if (to <= model_.start_) return;
    model_.entries_.erase(model_.entries_.begin(), model_.entries_.lower_bound(to));
    model_.start_ = to;
    model_.end_ = std::max(model_.end_, to);
    model_.trim();
    writes_.push_back({});
  }

  // The oldest write ends; the state takes it, or loses it.
  void complete(bool good) {
    if (writes_.empty()) return;
    for (ShareWrite& write : real_->take_writes()) real_writes_.push_back(std::move(write));
    ASSERT_EQ(real_writes_.size(), writes_.size());
    const ShareWrite write = std::move(real_writes_.front());
    real_writes_.pop_front();
    const Write mine = std::move(writes_.front());
    writes_.pop_front();
    if (good) {
      state_.apply(write.change);
      real_->on_durable(write.id);
      for (const auto& [offset, stored] : mine.changes) model_.stored_[offset] = stored;
    } else {
      real_->on_failed(write.id, now_);
    }
    for (const Offset offset : mine.settled) {
      const auto at = model_.entries_.find(offset);
      if (at == model_.entries_.end()) continue;
      Entry& entry = at->second;
      ASSERT_EQ(entry.is, Is::settling);
      const Is is = good ? entry.durable : entry.failed;
      if (is == Is::archiving) {
        model_.wait_for_copy(offset, is, now_.steady);
        continue;
      }
      entry = {is, entry.deliveries};
      if (!good && model_.settings_.retry.first.count() > 0)
        entry.at = now_.steady + model_.settings_.retry.first;
    }
    model_.trim();
  }

  // Power is cut: what was not durable is forgotten, and so is who held what.
  void restart() {
    real_writes_.clear();
    writes_.clear();
    last_held_.clear();
    copying_.clear();
    const Offset start = state_.start();
    ASSERT_LE(start, model_.start_);
    real_.emplace(state_, model_.settings_, random_, now_);
    // What was finished durably stays finished, anything else is there again.
    std::map<Offset, Entry> entries;
    Offset last = start - 1;
    for (const StateBatch& batch : state_.batches()) last = batch.last;
    for (Offset offset = start; offset <= last; ++offset) {
      const auto stored = model_.stored_.find(offset);
      Entry entry;
      if (stored != model_.stored_.end()) {
        entry.is = stored->second.is;
        entry.deliveries = stored->second.deliveries;
        if (entry.is == Is::available && stored->second.at > now_.steady)
          entry.at = stored->second.at;
      }
      entries[offset] = entry;
    }
    for (const auto& [offset, stored] : model_.stored_)
      if (stored.is == Is::finished)
        ASSERT_TRUE(offset < start || entries.at(offset).is == Is::finished);
    model_.entries_ = std::move(entries);
    model_.start_ = start;
    model_.end_ = std::max(start, last + 1);
    model_.trim();
  }

  void compare() {
    if (testing::Test::HasFatalFailure()) return;
    ASSERT_EQ(real_->start(), model_.start_);
    ASSERT_EQ(real_->end(), model_.end_);
    const ShareCounts counts = real_->counts();
    ASSERT_EQ(counts.acquired, static_cast<std::int64_t>(count(Is::acquired)));
    ASSERT_EQ(counts.settling, static_cast<std::int64_t>(count(Is::settling)));
    ASSERT_EQ(counts.finished, static_cast<std::int64_t>(count(Is::finished)));
    ASSERT_EQ(counts.dead_lettering,
              static_cast<std::int64_t>(count(Is::dead_lettering) + count(Is::copying) +
                                        count(Is::archiving)));
    std::int64_t waiting = 0;
    bool due = false;
    std::optional<TimePoint> deadline;
    std::size_t unfinished = 0;
    for (const auto& [offset, entry] : model_.entries_) {
      const bool waits = entry.is == Is::available && entry.at != TimePoint{};
      if (entry.is != Is::finished) ++unfinished;
      if (waits) ++waiting;
      const bool later = entry.is == Is::dead_lettering && entry.at != TimePoint{};
      due = due || (entry.is == Is::dead_lettering && !later);
      if (waits || later || entry.is == Is::acquired || entry.is == Is::archiving)
        if (!deadline || entry.at < *deadline) deadline = entry.at;
    }
    ASSERT_EQ(counts.waiting, waiting);
    ASSERT_EQ(real_->has_dead_letters(), due);
    ASSERT_EQ(real_->next_deadline(), deadline);
    ASSERT_LE(counts.ranges, 2 * unfinished + 1);
    // Old offsets are of no interest.
    model_.stored_.erase(model_.stored_.begin(), model_.stored_.lower_bound(state_.start()));
  }

  std::size_t count(Is is) const {
    std::size_t found = 0;
    for (const auto& [offset, entry] : model_.entries_) found += entry.is == is ? 1 : 0;
    return found;
  }
  struct Write {
    std::vector<Offset> settled;
    std::map<Offset, Model::Stored> changes;
  };
  void begin_call() {
    model_.settled_.clear();
    model_.changes_.clear();
  }
  void end_call() {
    if (!model_.changes_.empty())
      writes_.push_back({std::exchange(model_.settled_, {}), std::exchange(model_.changes_, {})});
  }

  SeededRandom random_;
  Model model_;
  GroupTime now_{TimePoint{} + std::chrono::hours(1), 1'700'000'000'000};
  ShareState state_;
  std::optional<SharePartition> real_;
  std::deque<ShareWrite> real_writes_;
  std::deque<Write> writes_;  // of the model, in the same order
  std::deque<Offset> copying_;
  std::vector<AcquiredRange> last_held_;
  int last_holder_ = 0;
};

TEST(SharePropertyTest, a_share_partition_does_what_its_model_does) {
  const char* wanted = std::getenv("SLUICE_SHARE_OPERATIONS");
  const std::uint64_t operations = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 10'000;
  constexpr std::uint64_t steps = 500;
  for (std::uint64_t seed = 1; seed <= operations / steps; ++seed) {
    World world{seed};
    for (std::uint64_t step = 0; step < steps; ++step) {
      world.step();
      if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace sluice::broker
