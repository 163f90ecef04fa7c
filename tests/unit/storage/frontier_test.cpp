#include "storage/frontier.hpp"

#include "protocol/crc32c.hpp"
#include "storage/error.hpp"
#include "tests/support/log_bench.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::storage {
namespace {

using testing::LogBench;
using testing::make_batch;

constexpr std::size_t version_at = 8;

class FrontierTest : public ::testing::Test {
 protected:
  static constexpr const char* path = "meta/frontier-0";

  Result<std::unique_ptr<FrontierFile>> open() {
    return sim_.run(FrontierFile::open(*files_, path));
  }
  // Saves `count` frontiers, of offsets 1 to `count`.
  void save(int count) {
    const auto file = must(open());
    for (Offset offset = 1; offset <= count; ++offset) {
      file->set(key_, {.offset = offset}, 0);
      must(sim_.run(file->save(FrontierFile::Mark::running)));
    }
  }
  std::vector<std::byte> content() { return disk_.content(path); }
  static std::size_t other_slot(Bytes file) { return file.size() / 2; }

  SimExecutor sim_;
  SimDisk disk_;
  std::unique_ptr<FileSystem> files_ = disk_.mount(sim_);
  FrontierKey key_{.topic_id = {}, .partition = 3};
};

TEST_F(FrontierTest, AFlippedBitInAVersionLeavesTheOtherSlot) {
  save(2);
  const auto good = content();
  for (const std::size_t slot : {std::size_t{0}, other_slot(good)}) {
    for (std::size_t bit = 0; bit < 16; ++bit) {
      SCOPED_TRACE(bit);
      disk_.put(path, good);
      disk_.corrupt(path, slot + version_at + bit / 8, std::byte{1} << (bit % 8));
      const auto file = must(open());
      // Saves alternate: the second one, of sequence 2, is in the first slot.
      EXPECT_EQ(file->find(key_)->offset, slot == 0 ? 1 : 2);
    }
  }
}

TEST_F(FrontierTest, AFlippedBitInTheOnlyVersionIsDamage) {
  save(1);
  const auto good = content();
  for (std::size_t bit = 0; bit < 16; ++bit) {
    SCOPED_TRACE(bit);
    disk_.put(path, good);
    disk_.corrupt(path, other_slot(good) + version_at + bit / 8, std::byte{1} << (bit % 8));
    EXPECT_FALSE(must(open())->find(key_));
  }
}

TEST_F(FrontierTest, ANewerVersionIsRefusedAndStaysAsItIs) {
  save(2);
  auto newer = content();
  for (const std::size_t slot : {std::size_t{0}, other_slot(newer)}) {
    newer[slot + version_at + 1] = std::byte{3};
    constexpr std::size_t slot_bytes = 32 + 64;
    store_big_endian(newer.data() + slot + 4,
                     protocol::crc32c(Bytes(newer).subspan(slot + 8, slot_bytes - 8)));
  }
  disk_.put(path, newer);
  EXPECT_EQ(testing::code_of(open()), Errc::unknown_format);
  EXPECT_EQ(content(), newer);
}

// A log that did not open while its neighbours were closed cleanly: what is saved of it is older
// than what is on the disk.
TEST(Frontier, OfALogThatDidNotOpenIsNoExactEndAfterACleanClose) {
  LogBench bench;
  bench.open();
  for (int i = 0; i < 20; ++i) must(bench.append_durable(make_batch("a", 1, 1000)));
  must(bench.sim().run(bench.store().maintain()));
  must(bench.sim().run(bench.log().delete_records(15)));
  bench.kill();
  bench.disk().fail_nth(sim_any, 1, EMFILE, "leader-epoch-checkpoint");
  EXPECT_FALSE(bench.try_open());
  must(bench.sim().run(bench.store().close()));
  bench.kill();
  bench.disk().clear_faults();
  bench.open();
  EXPECT_EQ(bench.log().log_start_offset(), 15);
  EXPECT_EQ(bench.log().high_watermark(), 20);
  EXPECT_FALSE(bench.log().recovery().clean);
}

TEST(Frontier, OfALogThatNobodyOpenedStaysExactAfterACleanClose) {
  LogBench bench;
  bench.open();
  must(bench.append_durable(make_batch("a", 3)));
  bench.close();
  {
    const auto files = bench.disk().mount(bench.sim());
    SeededRandom random(1);
    NullLogger logger;
    auto store = must(bench.sim().run(
        Store::open(*files, 0, {}, bench.clock(), random, logger, bench.sim().executor())));
    must(bench.sim().run(store->close()));
  }
  bench.open();
  EXPECT_TRUE(bench.log().recovery().clean);
  EXPECT_EQ(bench.must_read_all().size(), 3u);
}

}  // namespace
}  // namespace sluice::storage
