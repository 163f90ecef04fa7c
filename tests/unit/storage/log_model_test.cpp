// Random work on a log, with power cuts and failing I/O, against a model that is a vector. A
// failure prints its seed: run it alone with SLUICE_SEED=N. SLUICE_SEEDS=N runs more of them.
#include "storage/log.hpp"
#include "tests/support/log_bench.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

namespace sluice::storage {
namespace {

using testing::BatchProducer;
using testing::code_of;
using testing::LogBench;
using testing::make_batch;
using testing::StoredRecord;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

// What the log must hold: the values by offset, as accepted; those below `acknowledged` for ever.
class Model {
 public:
  Offset end() const { return static_cast<Offset>(values_.size()); }
  Offset acknowledged() const { return acknowledged_; }
  Offset start() const { return start_; }
  void accept(const std::string& tag, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) values_.push_back(tag + "/" + std::to_string(i));
  }
  void acknowledge(Offset end) { acknowledged_ = std::max(acknowledged_, end); }
  void seen(Offset end) { acknowledge(end); }
  void delete_below(Offset offset) { start_ = std::max(start_, offset); }

  // After a crash, a restart or a reopening the log may have lost what was not acknowledged.
  void check_end(Offset end) {
    ASSERT_GE(end, acknowledged_);
    ASSERT_LE(end, this->end());
    values_.resize(static_cast<std::size_t>(end));
    acknowledged_ = end;
  }
  void check(const std::vector<StoredRecord>& records, Offset from) {
    LeaderEpoch epoch = -1;
    for (const StoredRecord& record : records) {
      ASSERT_EQ(record.offset, from);
      ASSERT_LT(record.offset, end());
      const std::string& value = values_[static_cast<std::size_t>(from)];
      ASSERT_EQ(record.value.substr(0, value.size()), value) << "at " << from;
      ASSERT_GE(record.epoch, epoch);
      epoch = record.epoch;
      ++from;
    }
  }

 private:
  std::vector<std::string> values_;
  Offset acknowledged_ = 0;
  Offset start_ = 0;
};

class Scenario {
 public:
  explicit Scenario(std::uint64_t seed)
      : random_(seed * 977 + 13), bench_(seed, log_options(), store_options()) {}

  void all() {
    open();
    for (int i = 0; i < 60 && !::testing::Test::HasFatalFailure(); ++i) step();
    if (::testing::Test::HasFatalFailure()) return;
    bench_.disk().clear_faults();
    crash();
    check_all();
  }

 private:
  LogOptions log_options() {
    // Large batches: several writes in flight. Retention: segments made of old ones' files.
    large_ = random_.below(3) == 0;
    retains_ = random_.below(3) == 0;
    LogOptions options;
    options.segment_bytes =
        6000 + static_cast<std::int64_t>(random_.below(large_ ? 900'000 : 60'000));
    if (retains_)
      options.retention_bytes = static_cast<std::int64_t>(random_.below(3)) * options.segment_bytes;
    options.index_interval_bytes = 512;
    options.segment_jitter_ms = 100;
    options.unwritten_bytes_max =
        20'000 + static_cast<std::int64_t>(random_.below(large_ ? 2'000'000 : 200'000));
    return options;
  }
  StoreOptions store_options() {
    StoreOptions options;
    options.tail_cache_bytes = 16 << random_.below(14);
    if (large_) options.tail_cache_bytes *= 16;
    options.index_cache_bytes = 100 << random_.below(10);
    options.descriptors_max = 2;
    options.frontier_interval_ms = 1 << random_.below(12);
    options.idle_ms = 50;
    return options;
  }

  // A crash during recovery is a crash as any other.
  void come_up() {
    for (int tries = 0; tries < 20; ++tries) {
      if (bench_.try_open()) {
        crashes_ = bench_.disk().crashes();
        return;
      }
      bench_.drop();
    }
    FAIL() << "does not open";
  }
  void open() {
    ASSERT_NO_FATAL_FAILURE(come_up());
    const Offset end = bench_.log().high_watermark();
    ASSERT_NO_FATAL_FAILURE(model_.check_end(end));
    ASSERT_EQ(bench_.log().log_end_offset(), end);
    ASSERT_NO_FATAL_FAILURE(check_start());
    ASSERT_GE(bench_.log().leader_epoch(), epoch_);
    epoch_ = bench_.log().leader_epoch();
    for (const Finding& finding : bench_.log().recovery().findings)
      ASSERT_EQ(finding.kind, Finding::Kind::tail_cut) << finding.path << finding.position;
  }
  // Only deletions move the start, and retention where there is one.
  void check_start() {
    const Offset start = bench_.log().log_start_offset();
    if (retains_) {
      ASSERT_GE(start, model_.start());
      ASSERT_LE(start, bench_.log().high_watermark());
      model_.delete_below(start);
    }
    ASSERT_EQ(start, model_.start());
  }
  void crash() {
    bench_.crash();
    open();
  }
  bool went_down() {
    if (bench_.disk().crashes() == crashes_) return false;
    crashes_ = bench_.disk().crashes();
    return true;
  }

  void append_some(bool wait) {
    const std::size_t batches = 1 + random_.below(5);
    Offset end = -1;
    for (std::size_t i = 0; i < batches; ++i) {
      const std::size_t count = 1 + random_.below(4);
      std::size_t size = random_.below(8) == 0 ? random_.below(5000) : random_.below(300);
      if (large_ && random_.below(2) == 0) size = random_.below(40'000);
      const std::string tag = std::to_string(++tag_);
      BatchProducer producer;
      if (random_.below(2) == 0)
        producer = {
            .id = 5, .epoch = static_cast<ProducerEpoch>(producer_epoch_), .sequence = sequence_};
      const auto info = bench_.append(make_batch(tag, count, size, producer));
      if (!info) {
        // Whether the producer's state still holds is for the next incarnation to say.
        ++producer_epoch_;
        sequence_ = 0;
        return;
      }
      ASSERT_FALSE(info->duplicate);
      ASSERT_EQ(info->base_offset, model_.end());
      if (producer.id >= 0) sequence_ += static_cast<Sequence>(count);
      model_.accept(tag, count);
      end = info->durable_end();
    }
    if (wait && bench_.sim().run(bench_.log().wait_durable(end))) model_.acknowledge(end);
  }

  void check_some() {
    const Offset start = bench_.log().log_start_offset();
    const Offset hw = bench_.log().high_watermark();
    if (start == hw) return;
    const Offset from =
        start + static_cast<Offset>(random_.below(static_cast<std::uint64_t>(hw - start)));
    const auto got = bench_.read(from, random_.below(20'000));
    if (!got) {
      // Only I/O may fail here.
      ASSERT_NE(code_of(got), Errc::damaged) << got.error().message();
      // … or retention has come first.
      if (code_of(got) == Errc::offset_out_of_range)
        ASSERT_TRUE(retains_ && bench_.log().log_start_offset() > from);
      return;
    }
    ASSERT_FALSE(got->empty());
    ReadResult copy = *got;
    const Slice slice = contiguous(std::move(copy));
    auto records = testing::decode_records(slice.bytes);
    std::erase_if(records, [from](const StoredRecord& r) { return r.offset < from; });
    ASSERT_NO_FATAL_FAILURE(model_.check(records, from));
    if (!records.empty()) model_.seen(records.back().offset + 1);
  }

  void check_all() {
    bench_.sim().run_until_idle();  // retention, if it is at work
    const auto records = bench_.read_all(bench_.log().log_start_offset());
    if (!records && went_down()) return;
    ASSERT_TRUE(records) << records.error().message();
    ASSERT_NO_FATAL_FAILURE(model_.check(*records, bench_.log().log_start_offset()));
    ASSERT_EQ(static_cast<Offset>(records->size()),
              bench_.log().high_watermark() - bench_.log().log_start_offset());
  }

  void restart() {
    const bool closed = bench_.try_close().has_value();
    bench_.disk().clear_faults();
    if (!closed) bench_.drop();
    open();
  }

  void maintain() {
    bench_.sim().run_for(std::chrono::milliseconds(random_.below(300)));
    (void)bench_.sim().run(bench_.store().maintain());
    const bool fenced = bench_.log().fenced();
    (void)bench_.sim().run(bench_.log().maintain());
    bench_.sim().run_until_idle();
    if (fenced && !bench_.log().fenced()) {
      ASSERT_NO_FATAL_FAILURE(model_.check_end(bench_.log().high_watermark()));
      epoch_ = bench_.log().leader_epoch();
    }
  }

  void delete_some() {
    const Offset hw = bench_.log().high_watermark();
    const Offset start = bench_.log().log_start_offset();
    if (hw == start) return;
    const Offset to =
        start + static_cast<Offset>(random_.below(static_cast<std::uint64_t>(hw - start)));
    const auto done = bench_.sim().run(bench_.log().delete_records(to));
    if (done) {
      model_.delete_below(to);
      model_.acknowledge(to);
    } else {
      // It may have become durable all the same.
      restart_unclean_ = true;
      maybe_start_ = to;
    }
  }

  void step() {
    switch (random_.below(14)) {
      case 0:
      case 1:
      case 2:
        append_some(false);
        break;
      case 3:
      case 4:
      case 5:
        append_some(true);
        break;
      case 6:
      case 7:
        check_some();
        break;
      case 8:
        maintain();
        break;
      case 9:
        restart();
        break;
      case 10:
        crash();
        break;
      case 11:
        bench_.disk().crash_at(1 + random_.below(40));
        break;
      case 12:
        bench_.disk().fail_nth(static_cast<std::uint16_t>(1u << random_.below(11)),
                               1 + random_.below(20), random_.below(3) == 0 ? EIO : ENOSPC);
        break;
      case 13:
        delete_some();
        break;
    }
    if (::testing::Test::HasFatalFailure()) return;
    if (restart_unclean_ || went_down()) {
      bench_.disk().clear_faults();
      bench_.crash();
      crashes_ = bench_.disk().crashes();
      if (restart_unclean_) {
        // Whether the log start moved is known only now.
        restart_unclean_ = false;
        ASSERT_NO_FATAL_FAILURE(come_up());
        const Offset start = bench_.log().log_start_offset();
        if (!retains_) ASSERT_TRUE(start == model_.start() || start == maybe_start_);
        model_.delete_below(start);
        bench_.crash();
      }
      open();
      check_all();
      return;
    }
    if (bench_.log().fenced() && random_.below(4) == 0) {
      bench_.disk().clear_faults();
      maintain();
      if (bench_.log().fenced()) restart();
    }
    ASSERT_EQ(bench_.disk().counters().overlapping_writes, 0u);
    ASSERT_EQ(bench_.disk().counters().changed_in_flight, 0u);
    if (retains_) model_.delete_below(bench_.log().log_start_offset());
  }

  SeededRandom random_;
  bool large_ = false;  // set while the options are made, before bench_
  bool retains_ = false;
  LogBench bench_;
  Model model_;
  LeaderEpoch epoch_ = 0;
  Sequence sequence_ = 0;
  int producer_epoch_ = 0;
  int tag_ = 0;
  std::uint64_t crashes_ = 0;
  bool restart_unclean_ = false;
  Offset maybe_start_ = 0;
};

TEST(LogModel, RandomWorkWithCrashesAndFaultsLosesNothingAcknowledged) {
  const std::uint64_t only = from_environment("SLUICE_SEED", 0);
  const std::uint64_t first = only != 0 ? only : 1;
  const std::uint64_t last = only != 0 ? only : from_environment("SLUICE_SEEDS", 150);
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("SLUICE_SEED=" + std::to_string(seed));
    Scenario run(seed);
    run.all();
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace sluice::storage
