// What recovery does about damage, lost files, torn tails and orphans.
#include "protocol/crc32c.hpp"
#include "storage/format.hpp"
#include "storage/frontier.hpp"
#include "tests/support/log_bench.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace sluice::storage {
namespace {

using testing::append_some;
using testing::code_of;
using testing::file_of;
using testing::LogBench;
using testing::make_batch;
using testing::save_frontier;
using testing::StoredRecord;

constexpr std::string_view first_log = "00000000000000000000.log";

TEST(Recovery, ScansOnlyWhatCameAfterTheSavedFrontier) {
  LogBench bench;
  bench.open();
  append_some(bench, 100);
  save_frontier(bench);
  append_some(bench, 3);
  bench.crash();
  bench.open();
  EXPECT_EQ(bench.log().recovery().batches_kept, 3);
  EXPECT_EQ(bench.log().high_watermark(), 103);
}

// The making of a log that failed at any operation is taken up by the next open, in the same
// process or in another. What is acknowledged after that survives a power cut: names that the first
// attempt left to a later sync included.
TEST(Recovery, ALogWhoseMakingFailedKeepsWhatIsAcknowledgedLater) {
  for (const bool dies : {false, true}) {
    int failed = 0;
    for (std::uint64_t nth = 1; nth < 60; ++nth) {
      LogBench bench(nth);
      bench.disk().fail_nth(sim_any, nth, EIO);
      if (bench.try_open()) continue;
      ++failed;
      bench.disk().clear_faults();
      if (dies) bench.kill();
      bench.open();
      append_some(bench, 3);
      bench.crash(SimSurvival::lose_all);
      bench.open();
      EXPECT_EQ(bench.log().high_watermark(), 3) << "operation " << nth << (dies ? ", dies" : "");
    }
    EXPECT_GT(failed, 10);
  }
}

TEST(Recovery, ATornTailIsCutAndKeptAside) {
  LogBench bench;
  bench.open();
  append_some(bench, 10);
  bench.crash();
  const std::size_t one = make_batch("0", 1, 1000).size();
  std::vector<std::byte> content = file_of(bench, first_log);
  content.resize(one * 10);
  const auto torn = make_batch("torn", 1, 1000);
  content.insert(content.end(), torn.begin(), torn.begin() + 700);
  bench.disk().put(bench.file(first_log), content);
  bench.open();
  EXPECT_EQ(bench.log().high_watermark(), 10);
  ASSERT_EQ(bench.log().recovery().findings.size(), 1u);
  const Finding& finding = bench.log().recovery().findings[0];
  EXPECT_EQ(finding.kind, Finding::Kind::tail_cut);
  EXPECT_EQ(finding.position, static_cast<std::int64_t>(one * 10));
  EXPECT_EQ(finding.first_offset, 10);
  EXPECT_EQ(bench.disk().content(finding.kept_as),
            std::vector<std::byte>(torn.begin(), torn.begin() + 700));
  EXPECT_EQ(file_of(bench, first_log).size(), one * 10);
}

TEST(Recovery, AnOrphanDoesNotComeBack) {
  // Batch N is lost, N+1 landed behind the gap; a new N of the same size is written; then the
  // second crash must not find the old N+1 behind it.
  LogBench bench;
  bench.open();
  append_some(bench, 5);
  save_frontier(bench);
  const std::size_t one = make_batch("0", 1, 1000).size();
  bench.crash();
  std::vector<std::byte> content = file_of(bench, first_log);
  content.resize(one * 7);
  auto orphan = make_batch("orphan", 1, 1000);
  protocol::set_base_offset(orphan, 6);
  protocol::set_partition_leader_epoch(orphan, 0);
  std::ranges::copy(orphan, content.begin() + static_cast<std::ptrdiff_t>(one * 6));
  bench.disk().put(bench.file(first_log), content);
  bench.open();
  EXPECT_EQ(bench.log().high_watermark(), 5);
  must(bench.append_durable(make_batch("new", 1, 1000)));
  bench.crash();
  bench.open();
  EXPECT_EQ(bench.log().high_watermark(), 6);
  EXPECT_EQ(bench.must_read_all().back().value.substr(0, 3), "new");
}

TEST(Recovery, ABatchWithALowerEpochThanItsPredecessorEndsTheLog) {
  LogBench bench;
  bench.open();
  append_some(bench, 3);
  bench.crash();
  bench.open();
  must(bench.append_durable(make_batch("epoch1", 1, 1000)));
  ASSERT_EQ(bench.log().leader_epoch(), 1);
  bench.crash();
  const std::size_t one = make_batch("0", 1, 1000).size();
  std::vector<std::byte> content = file_of(bench, first_log);
  content.resize(one * 5);
  auto stale = make_batch("stale", 1, 1000);
  protocol::set_base_offset(stale, 4);
  protocol::set_partition_leader_epoch(stale, 0);
  std::ranges::copy(stale, content.begin() + static_cast<std::ptrdiff_t>(one * 4));
  bench.disk().put(bench.file(first_log), content);
  bench.open();
  EXPECT_EQ(bench.log().high_watermark(), 4);
  EXPECT_EQ(bench.log().recovery().findings.size(), 1u);
}

TEST(Recovery, ABatchThatIsNotOfItsOffsetsEpochEndsTheLog) {
  // A new epoch began and its first write failed; where it should be lies a batch of the old one.
  LogBench bench;
  bench.open();
  append_some(bench, 3);
  bench.crash();
  bench.open();
  bench.disk().fail_nth(sim_write, 1, EIO, bench.file(first_log));
  EXPECT_FALSE(bench.append_durable(make_batch("epoch1", 1, 1000)));
  bench.crash();
  bench.disk().clear_faults();
  const std::size_t one = make_batch("0", 1, 1000).size();
  std::vector<std::byte> content = file_of(bench, first_log);
  content.resize(one * 4);
  auto stale = make_batch("stale", 1, 1000);
  protocol::set_base_offset(stale, 3);
  protocol::set_partition_leader_epoch(stale, 0);
  std::ranges::copy(stale, content.begin() + static_cast<std::ptrdiff_t>(one * 3));
  bench.disk().put(bench.file(first_log), content);
  bench.open();
  EXPECT_EQ(bench.log().high_watermark(), 3);
  must(bench.append_durable(make_batch("epoch2", 1, 1000)));
  EXPECT_EQ(bench.must_read_all().back().value.substr(0, 6), "epoch2");
}

TEST(Recovery, AcknowledgedRecordsThatAreGoneAreReportedAndTheirOffsetsNotUsedAgain) {
  LogBench bench;
  bench.open();
  append_some(bench, 20);
  save_frontier(bench);
  bench.crash();
  const std::size_t one = make_batch("0", 1, 1000).size();
  std::vector<std::byte> content = file_of(bench, first_log);
  content.resize(one * 12);
  bench.disk().put(bench.file(first_log), content);
  bench.open();
  ASSERT_EQ(bench.log().recovery().findings.size(), 1u);
  EXPECT_EQ(bench.log().recovery().findings[0].kind, Finding::Kind::damage);
  EXPECT_EQ(bench.log().high_watermark(), 20);
  EXPECT_EQ(must(bench.append_durable(make_batch("next", 1))).base_offset, 20);
  EXPECT_EQ(file_of(bench, first_log).size(), one * 12);
  EXPECT_EQ(must(bench.read(0)).next_offset, 12);
  EXPECT_FALSE(must(bench.read(20)).empty());
}

TEST(Recovery, ALostSegmentIsReported) {
  LogOptions options;
  options.segment_bytes = 10'000;
  LogBench bench(1, options);
  bench.open();
  append_some(bench, 30);
  save_frontier(bench);
  append_some(bench, 1);
  bench.crash();
  std::string newest;
  for (const std::string& path : bench.disk().paths())
    if (path.ends_with(".log")) newest = path;
  auto files = bench.disk().mount(bench.sim());
  must(bench.sim().run(files->remove(newest)));
  must(bench.sim().run(files->sync_directory("orders-0")));
  files.reset();
  bench.open();
  ASSERT_FALSE(bench.log().recovery().findings.empty());
  EXPECT_EQ(bench.log().recovery().findings[0].kind, Finding::Kind::file_missing);
  EXPECT_GE(bench.log().high_watermark(), 30);
}

TEST(Recovery, IndexesThatAreMissingOrGarbledAreRebuilt) {
  LogOptions options;
  options.segment_bytes = 20'000;
  options.index_interval_bytes = 1000;
  LogBench bench(1, options);
  bench.open();
  append_some(bench, 100, 300);
  const auto all = bench.must_read_all();
  const auto index = file_of(bench, "00000000000000000000.index");
  const auto times = file_of(bench, "00000000000000000000.timeindex");
  for (const int how : {0, 1, 2, 3}) {
    bench.close();
    std::vector<std::byte> garbled = index;
    if (how == 0) garbled.clear();
    if (how == 1) garbled.resize(garbled.size() - 3);
    if (how == 2) std::ranges::fill(garbled, std::byte{0x11});
    // Plausible, and wrong: positions that begin no batch.
    if (how == 3)
      for (std::size_t i = 7; i < garbled.size(); i += 8) garbled[i] ^= std::byte{1};
    bench.disk().put(bench.file("00000000000000000000.index"), garbled);
    if (how == 0) bench.disk().put(bench.file("00000000000000000000.timeindex"), {});
    bench.open();
    EXPECT_EQ(must(bench.read_all(17)).size(), all.size() - 17) << how;
    EXPECT_EQ(bench.must_read_all(), all) << how;
    if (how != 0) continue;
    EXPECT_EQ(must(bench.sim().run(bench.log().max_timestamp())).timestamp, all[0].timestamp);
    EXPECT_EQ(file_of(bench, "00000000000000000000.index"), index);
    EXPECT_EQ(file_of(bench, "00000000000000000000.timeindex"), times);
  }
}

Task<> read_once(storage::Log& log, Offset from) { must(co_await log.read(from, 1 << 20)); }

TEST(Recovery, ReadersThatMissIndexesAtOnceWriteThemOnce) {
  LogOptions options;
  options.segment_bytes = 20'000;
  options.index_interval_bytes = 1000;
  LogBench bench(1, options);
  bench.open();
  append_some(bench, 100, 300);
  const auto index = file_of(bench, "00000000000000000000.index");
  bench.close();
  bench.disk().put(bench.file("00000000000000000000.index"), {});
  bench.disk().put(bench.file("00000000000000000000.timeindex"), {});
  bench.open();
  for (const Offset from : {3, 5, 17}) bench.sim().spawn(read_once(bench.log(), from));
  EXPECT_FALSE(bench.must_read_all().empty());
  bench.close();
  EXPECT_EQ(bench.disk().counters().overlapping_writes, 0u);
  EXPECT_EQ(file_of(bench, "00000000000000000000.index"), index);
}

// Every bit of an index: what it leads to is checked, in closed segments, in the active one, and by
// recovery, which begins where the frontier lies.
TEST(Recovery, AFlippedBitInAnIndexChangesNothing) {
  LogOptions options;
  options.segment_bytes = 6'000;
  options.index_interval_bytes = 700;
  const auto lives = [&](std::size_t bit, bool crashes, int appended) {
    LogBench bench(1, options);
    bench.open();
    const testing::BatchProducer producer{.id = 4, .epoch = 1, .sequence = 0};
    for (int i = 0; i < appended; ++i) {
      auto numbered = producer;
      numbered.sequence = i;
      must(bench.append_durable(make_batch(std::to_string(i), 1, 500, numbered)));
    }
    const auto all = bench.must_read_all();
    save_frontier(bench);
    bench.close();
    if (crashes) {
      bench.open();
      save_frontier(bench);
      bench.crash(SimSurvival::keep_all);  // its name is not made durable: it is rebuilt
      // Without it the producers' state comes from the batches.
      for (const std::string& path : bench.disk().paths())
        if (path.ends_with(".snapshot")) bench.disk().corrupt(path, 20, std::byte{1});
    }
    const std::string index = bench.file("00000000000000000000.index");
    const std::size_t size = bench.disk().content(index).size();
    if (bit / 8 >= size) return false;
    bench.disk().corrupt(index, bit / 8, std::byte{1} << bit % 8);
    bench.open();
    EXPECT_TRUE(bench.log().recovery().findings.empty());
    EXPECT_EQ(bench.log().high_watermark(), appended);
    for (int from = appended - 1; from >= 0; --from) {
      const auto got = must(bench.read_all(from));
      EXPECT_EQ(got, std::vector<StoredRecord>(all.begin() + from, all.end())) << from;
    }
    auto last = producer;
    last.sequence = appended - 1;
    EXPECT_TRUE(must(bench.append_durable(make_batch("again", 1, 500, last))).duplicate);
    return true;
  };
  for (const bool crashes : {false, true}) {
    for (const int appended : {8, 20}) {
      std::size_t bit = 0;
      while (!::testing::Test::HasFailure() && lives(bit, crashes, appended)) {
        ++bit;
        SCOPED_TRACE(std::to_string(bit) + " " + std::to_string(appended));
      }
      EXPECT_GT(bit, 100u);
    }
  }
}

TEST(Recovery, ALostOrGarbledFrontierMeansAFullScan) {
  LogOptions options;
  options.segment_bytes = 20'000;
  LogBench bench(1, options);
  bench.open();
  append_some(bench, 50);
  const auto all = bench.must_read_all();
  for (const bool lost : {true, false}) {
    bench.close();
    std::vector<std::byte> content = bench.disk().content("meta/frontier-0");
    if (lost) {
      content.clear();
    } else {
      for (std::size_t i = 40; i < content.size(); i += 64) content[i] ^= std::byte{0x40};
    }
    bench.disk().put("meta/frontier-0", content);
    bench.open();
    EXPECT_FALSE(bench.log().recovery().clean);
    EXPECT_TRUE(bench.log().recovery().findings.empty());
    EXPECT_EQ(bench.must_read_all(), all);
  }
}

// Where the durable content of a file ends, in offsets.
Offset durable_end(LogBench& bench, std::string_view name) {
  const auto content = bench.disk().durable_content(bench.file(name));
  protocol::BatchIterator batches{Bytes(content)};
  Offset end = 0;
  while (const auto batch = batches.next()) end = batch->header.next_offset();
  return end;
}

// A sync that failed may have lost what reads go on showing, and the next one says nothing of it.
TEST(Recovery, WithoutAFrontierEitherWhatIsKeptAfterAFailedSyncIsOnTheDisk) {
  int kept = 0;
  for (int after = 0; after < 200; after += 5) {
    LogBench bench(1 + static_cast<std::uint64_t>(after));
    bench.open();
    append_some(bench, 3, 5000);
    must(bench.append(make_batch("on its way", 1, 5000)));
    bench.sim().run_for(std::chrono::microseconds(after));
    bench.kill();
    bench.disk().fail_nth(sim_sync, 1, EIO, ".log");
    EXPECT_FALSE(bench.try_open());
    bench.drop();
    bench.disk().clear_faults();
    bench.open();
    EXPECT_EQ(durable_end(bench, first_log), bench.log().high_watermark()) << after;
    kept += bench.log().high_watermark() == 4 ? 1 : 0;
  }
  EXPECT_GT(kept, 0);
}

TEST(Recovery, AFrontierOfANewerVersionIsRefusedUntouched) {
  LogBench bench;
  bench.open();
  append_some(bench, 1);
  bench.close();
  // A slot of version 9 with a good checksum.
  auto files = bench.disk().mount(bench.sim());
  std::vector<std::byte> content = bench.disk().content("meta/frontier-0");
  const std::size_t half = content.size() / 2;
  for (const std::size_t at : {std::size_t{0}, half}) {
    store_big_endian(content.data() + at, std::uint32_t{0x534c4652});
    store_big_endian(content.data() + at + 8, std::uint16_t{9});
    store_big_endian(content.data() + at + 20, std::uint32_t{0});
    store_big_endian(content.data() + at + 4, protocol::crc32c(Bytes(content).subspan(at + 8, 24)));
  }
  bench.disk().put("meta/frontier-0", content);
  EXPECT_EQ(code_of(bench.try_open()), Errc::unknown_format);
  EXPECT_EQ(bench.disk().content("meta/frontier-0"), content);
}

TEST(Recovery, LostEpochsBeginANewOneAboveAllInTheLog) {
  LogBench bench;
  bench.open();
  append_some(bench, 2);
  for (int i = 0; i < 3; ++i) {
    bench.crash();
    bench.open();
    append_some(bench, 1);
  }
  const LeaderEpoch before = bench.log().leader_epoch();
  const auto all = bench.must_read_all();
  bench.close();
  bench.disk().put(bench.file(epoch_checkpoint_name), as_bytes("0\nnonsense"));
  bench.open();
  EXPECT_GT(bench.log().leader_epoch(), before);
  EXPECT_EQ(bench.must_read_all(), all);
}

TEST(Recovery, AGarbledSnapshotIsReplacedByAScan) {
  LogBench bench;
  bench.open();
  const auto batch = make_batch("p", 2, 16, {.id = 4, .epoch = 1, .sequence = 0});
  must(bench.append_durable(batch));
  bench.close();
  for (const std::string& path : bench.disk().paths())
    if (path.ends_with(".snapshot")) bench.disk().corrupt(path, 20, std::byte{1});
  bench.open();
  EXPECT_TRUE(must(bench.append_durable(batch)).duplicate);
}

TEST(Recovery, ZerosPreparedAheadAreNoDamage) {
  LogBench bench;
  bench.open();
  append_some(bench, 5);
  bench.crash();
  std::vector<std::byte> content = file_of(bench, first_log);
  content.resize(1 << 20);
  bench.disk().put(bench.file(first_log), content);
  bench.open();
  EXPECT_TRUE(bench.log().recovery().findings.empty());
  EXPECT_EQ(bench.log().high_watermark(), 5);
}

TEST(Recovery, ADeletedPartitionIsGoneForGood) {
  LogBench bench;
  bench.open();
  append_some(bench, 5);
  must(bench.sim().run(bench.log().close()));
  must(bench.sim().run(bench.store().delete_log(bench.name())));
  for (const std::string& path : bench.disk().paths()) EXPECT_FALSE(path.starts_with("orders"));
}

}  // namespace
}  // namespace sluice::storage
