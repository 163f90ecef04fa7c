// Where recovery begins when the saved frontier and the file do not fit together, as tools that
// were killed leave them, and when damage makes it look so.
#include "protocol/crc32c.hpp"
#include "storage/format.hpp"
#include "tests/support/log_bench.hpp"

#include <gtest/gtest.h>

namespace sluice::storage {
namespace {

using testing::append_some;
using testing::file_of;
using testing::LogBench;
using testing::make_batch;
using testing::save_frontier;

constexpr std::string_view first_log = "00000000000000000000.log";

// What `sluice log repair` leaves when it is killed before it moves the frontier: `count` batches
// of one record and `one` byte each, from offset `first` on, have given way to one without records,
// and everything behind it lies nearer to the start.
std::vector<std::byte> with_a_filler(std::vector<std::byte> content, std::size_t one,
                                     std::size_t first, std::size_t count = 1) {
  const protocol::BatchHeader header{.base_offset = static_cast<Offset>(first),
                                     .partition_leader_epoch = 0,
                                     .last_offset_delta = static_cast<std::int32_t>(count - 1)};
  std::vector<std::byte> filler(protocol::batch_header_size);
  protocol::write_batch_header(header, filler);
  protocol::refresh_batch_crc(filler);
  const auto begin = content.begin() + static_cast<std::ptrdiff_t>(first * one);
  const auto at = content.erase(begin, begin + static_cast<std::ptrdiff_t>(count * one));
  content.insert(at, filler.begin(), filler.end());
  return content;
}

TEST(RecoveryStart, AFrontierInsideOfABatchCutsNothing) {
  for (const bool clean : {false, true}) {
    for (const int behind : {0, 1, 5}) {
      SCOPED_TRACE((clean ? "clean " : "killed ") + std::to_string(behind));
      LogBench bench;
      bench.open();
      append_some(bench, 10);
      save_frontier(bench);
      append_some(bench, behind);
      clean ? bench.close() : bench.crash();
      const std::size_t one = make_batch("0", 1, 1000).size();
      auto content = file_of(bench, first_log);
      content.resize(one * static_cast<std::size_t>(10 + behind));
      bench.disk().put(bench.file(first_log), with_a_filler(content, one, 3));
      bench.open();
      EXPECT_EQ(bench.log().high_watermark(), 10 + behind);
      EXPECT_TRUE(bench.log().recovery().findings.empty());
      EXPECT_EQ(bench.must_read_all().size(), static_cast<std::size_t>(9 + behind));
      append_some(bench, 2);
      bench.crash();
      bench.open();
      EXPECT_EQ(bench.log().high_watermark(), 12 + behind);
      EXPECT_TRUE(bench.log().recovery().findings.empty());
    }
  }
}

// The same, and what the frontier names now is another batch's start.
TEST(RecoveryStart, AFrontierAtALaterBatchCutsNothing) {
  LogBench bench;
  bench.open();
  const auto filler_size = protocol::batch_header_size;
  const std::size_t one = make_batch("0", 1, 1000).size();
  append_some(bench, 10);
  save_frontier(bench);
  // Its size is what the repaired log is shorter by.
  std::vector<std::byte> filling;
  for (std::size_t size = one; filling.size() != one - filler_size; --size)
    filling = make_batch("x", 1, size);
  must(bench.append_durable(filling));
  append_some(bench, 3);
  bench.crash();
  auto content = file_of(bench, first_log);
  content.resize(one * 13 + filling.size());
  bench.disk().put(bench.file(first_log), with_a_filler(content, one, 3));
  bench.open();
  EXPECT_EQ(bench.log().high_watermark(), 14);
  EXPECT_TRUE(bench.log().recovery().findings.empty());
  EXPECT_EQ(bench.must_read_all().size(), 13u);
}

// Damage took records on both sides of the frontier: its offset lies inside of what stands for
// them.
TEST(RecoveryStart, AFrontierInsideOfAFillerGoesOnBehindIt) {
  LogBench bench;
  bench.open();
  append_some(bench, 10);
  save_frontier(bench);
  append_some(bench, 5);
  bench.crash();
  const std::size_t one = make_batch("0", 1, 1000).size();
  auto content = file_of(bench, first_log);
  content.resize(one * 15);
  bench.disk().put(bench.file(first_log), with_a_filler(content, one, 8, 4));
  bench.open();
  EXPECT_EQ(bench.log().high_watermark(), 15);
  EXPECT_TRUE(bench.log().recovery().findings.empty());
  EXPECT_EQ(bench.must_read_all().size(), 11u);
}

// Below the frontier a length is wrong: the walk over headers does not arrive, the frontier is
// right.
TEST(RecoveryStart, DamageBelowTheFrontierDoesNotMoveIt) {
  for (const int behind : {0, 3}) {
    LogBench bench;
    bench.open();
    append_some(bench, 10);
    save_frontier(bench);
    append_some(bench, behind);
    bench.crash();
    const std::size_t one = make_batch("0", 1, 1000).size();
    auto content = file_of(bench, first_log);
    content.resize(one * static_cast<std::size_t>(10 + behind));
    content[one * 4 + 10] ^= std::byte{1};
    bench.disk().put(bench.file(first_log), content);
    bench.open();
    EXPECT_EQ(bench.log().high_watermark(), 10 + behind);
    ASSERT_EQ(bench.log().recovery().findings.size(), 1u);
    EXPECT_EQ(bench.log().recovery().findings[0].kind, Finding::Kind::damage);
    EXPECT_EQ(file_of(bench, first_log).size() / one, static_cast<std::size_t>(10 + behind));
    EXPECT_EQ(must(bench.append_durable(make_batch("next", 1))).base_offset, 10 + behind);
    bench.crash();
    bench.open();
    EXPECT_EQ(bench.log().high_watermark(), 11 + behind);
  }
}

// A leader epoch that begins behind the end, as a cut leaves it when it is killed: what comes would
// contradict it.
TEST(RecoveryStart, AnEpochThatBeginsBehindACleanEndGoes) {
  LogBench bench;
  bench.open();
  append_some(bench, 3);
  bench.close();
  bench.disk().put(bench.file(epoch_checkpoint_name), as_bytes("0\n2\n0 0\n4 7\n"));
  auto frontier = bench.disk().content("meta/frontier-0");
  for (const std::size_t half : {std::size_t{0}, frontier.size() / 2}) {
    if (load_big_endian<std::uint32_t>(frontier.data() + half) != 0x534c4652) continue;
    store_big_endian(frontier.data() + half + 32 + 48, std::int64_t{-1});  // not known
    store_big_endian(frontier.data() + half + 4,
                     protocol::crc32c(Bytes(frontier).subspan(half + 8, 24 + 64)));
  }
  bench.disk().put("meta/frontier-0", frontier);
  bench.open();
  EXPECT_EQ(bench.log().high_watermark(), 3);
  append_some(bench, 2);
  EXPECT_EQ(bench.must_read_all().back().epoch, 5);
  bench.close();
  bench.open();
  EXPECT_EQ(bench.must_read_all().size(), 5u);
}

}  // namespace
}  // namespace sluice::storage
