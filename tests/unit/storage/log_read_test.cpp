// Closed segments are read through the page cache: what was found intact is handed out as a range
// of the file, what was not never is.
#include "tests/support/log_bench.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace sluice::storage {
namespace {

using testing::code_of;
using testing::LogBench;
using testing::make_batch;

constexpr std::size_t value_size = 1'000;
constexpr Offset batches = 60;  // of a cold_bench()
constexpr const char* first_log = "00000000000000000000.log";

std::size_t batch_size() { return make_batch("0", 1, value_size).size(); }

// A log of several closed segments, of which nothing is in memory.
std::unique_ptr<LogBench> cold_bench(std::int64_t segment_bytes = 20'000, int count = 60) {
  LogOptions options;
  options.segment_bytes = segment_bytes;
  auto bench = std::make_unique<LogBench>(1, options);
  bench->open();
  for (int i = 0; i < count; ++i)
    must(bench->append_durable(make_batch(std::to_string(i), 1, value_size)));
  bench->close();
  bench->open();
  bench->disk().drop_page_cache();
  return bench;
}

ReadResult read(LogBench& bench, Offset from, std::size_t max_bytes = 10'000,
                Handout handout = Handout::files) {
  return must(bench.read(from, max_bytes, std::numeric_limits<Offset>::max(), AtLeastOneBatch::yes,
                         handout));
}

bool is_shared(const ReadResult& got) {
  return got.slices.size() == 1 && !got.slices[0].file.empty() && got.slices[0].bytes.empty();
}

TEST(LogRead, ASecondReadOfAClosedSegmentIsARangeOfItsFile) {
  const auto bench = cold_bench();
  const ReadResult first = read(*bench, 2);
  ASSERT_EQ(first.slices.size(), 1u);
  EXPECT_FALSE(is_shared(first));
  const ReadResult second = read(*bench, 2);
  ASSERT_TRUE(is_shared(second));
  EXPECT_EQ(second.size, first.size);
  EXPECT_EQ(second.next_offset, first.next_offset);
  const FileRange range = second.slices[0].file;
  EXPECT_EQ(range.size, second.size);
  EXPECT_EQ(range.position, static_cast<std::int64_t>(2 * batch_size()));
  const auto content = bench->disk().content(bench->file(first_log));
  const Bytes in_file = Bytes(content).subspan(2 * batch_size(), range.size);
  EXPECT_EQ(as_text(in_file), as_text(first.slices[0].bytes));
}

TEST(LogRead, RangesAreOnlyForWhoAsksForThem) {
  const auto bench = cold_bench();
  (void)read(*bench, 0);
  const ReadResult got = read(*bench, 0, 10'000, Handout::memory);
  EXPECT_FALSE(is_shared(got));
  EXPECT_EQ(got.size, got.slices[0].bytes.size());
}

TEST(LogRead, TheActiveSegmentIsNeverShared) {
  const auto bench = cold_bench();
  const Offset last = batches - 1;
  (void)read(*bench, last);
  EXPECT_FALSE(is_shared(read(*bench, last)));
}

TEST(LogRead, WhatWasFoundIntactIsSharedAsFarAsItGoes) {
  const auto bench = cold_bench();
  const std::size_t one = batch_size();
  EXPECT_EQ(read(*bench, 0, 3 * one).next_offset, 3);
  const ReadResult more = read(*bench, 1, 10 * one);
  ASSERT_TRUE(is_shared(more));
  EXPECT_EQ(more.next_offset, 3);
  EXPECT_EQ(more.size, 2 * one);
  EXPECT_FALSE(is_shared(read(*bench, 3, 3 * one)));
  EXPECT_EQ(read(*bench, 1, 10 * one).next_offset, 6);
}

TEST(LogRead, PagesThatAreGoneAreReadAndCheckedAgain) {
  const auto bench = cold_bench();
  (void)read(*bench, 0);
  ASSERT_TRUE(is_shared(read(*bench, 0)));
  bench->disk().drop_page_cache();
  EXPECT_FALSE(is_shared(read(*bench, 0)));
  EXPECT_TRUE(is_shared(read(*bench, 0)));
}

TEST(LogRead, DamageAfterTheFirstReadIsNotHandedOut) {
  const auto bench = cold_bench();
  (void)read(*bench, 0);
  ASSERT_TRUE(is_shared(read(*bench, 0)));
  bench->disk().corrupt(bench->file(first_log), batch_size() * 5 + 200, std::byte{4});
  const ReadResult before = read(*bench, 0);
  EXPECT_FALSE(is_shared(before));
  EXPECT_EQ(before.next_offset, 5);
  const auto damaged = bench->read(5, 10'000, std::numeric_limits<Offset>::max(),
                                   AtLeastOneBatch::yes, Handout::files);
  EXPECT_EQ(code_of(damaged), Errc::damaged);
  EXPECT_EQ(read(*bench, 0).next_offset, 5);  // also now that its pages are there
}

TEST(LogRead, PagesOnTheirWayCountAsUnchecked) {
  const auto bench = cold_bench(400'000, 400);
  const std::size_t step = 20 * batch_size();
  for (Offset at = 0; at < 300; at += 20) (void)read(*bench, at, step);
  ASSERT_TRUE(is_shared(read(*bench, 20, step)));
  bench->disk().drop_page_cache();
  // Sequential reads bring in what follows, so it is resident before it was read.
  const std::uint64_t brought_in = bench->disk().counters().brought_in;
  EXPECT_FALSE(is_shared(read(*bench, 0, step)));
  bench->sim().run_until_idle();
  EXPECT_GT(bench->disk().counters().brought_in, brought_in);
  EXPECT_FALSE(is_shared(read(*bench, 20, step)));
  EXPECT_TRUE(is_shared(read(*bench, 20, step)));
}

TEST(LogRead, ARangeOutlivesItsSegment) {
  const auto bench = cold_bench();
  (void)read(*bench, 0);
  const ReadResult held = read(*bench, 0);
  ASSERT_TRUE(is_shared(held));
  ASSERT_EQ(must(bench->sim().run(bench->log().delete_records(40))), 40);
  EXPECT_FALSE(bench->disk().exists(bench->file(first_log)));
  EXPECT_EQ(code_of(bench->read(0)), Errc::offset_out_of_range);
  const auto* file = static_cast<const File*>(held.slices[0].owner.get());
  EXPECT_TRUE(file->resident(0, held.size));
}

TEST(LogRead, ReadingOnAndOnNeverLeavesARecordOut) {
  const auto bench = cold_bench();
  for (int pass = 0; pass < 3; ++pass) {
    Offset next = 0;
    std::size_t shared = 0;
    while (next < batches) {
      const ReadResult got = read(*bench, next, 3 * batch_size());
      ASSERT_EQ(got.size, static_cast<std::size_t>(got.next_offset - next) * batch_size());
      shared += is_shared(got) ? 1 : 0;
      next = got.next_offset;
    }
    if (pass > 0) EXPECT_GT(shared, 10u);
  }
}

}  // namespace
}  // namespace sluice::storage
