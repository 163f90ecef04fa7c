// The simulated disk loses what it may lose and keeps what it must: if it did not, crash tests on
// it would prove nothing. Each property is looked at over many seeds.
#include "tests/support/sim_disk.hpp"

#include "storage/aligned_buffer.hpp"
#include "tests/support/must.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>

namespace sluice {
namespace {

using storage::AlignedBuffer;
using storage::Allocation;
using storage::block_size;
using storage::Durability;
using storage::File;
using storage::FileSystem;
using storage::OpenMode;

constexpr std::uint64_t seeds = 300;

SimDiskOptions seeded(std::uint64_t seed) {
  SimDiskOptions options;
  options.seed = seed;
  return options;
}

AlignedBuffer filled(std::size_t size, char fill) {
  auto buffer = AlignedBuffer::allocate(size);
  std::memset(buffer.data(), fill, buffer.size());
  return buffer;
}

std::string text_of(const SimDisk& disk, const std::string& path) {
  return std::string(as_text(disk.content(path)));
}

Task<std::unique_ptr<File>> open(FileSystem& fs, std::string path, OpenMode mode,
                                 bool direct = false) {
  co_return must(co_await fs.open(std::move(path), {.mode = mode, .direct = direct}));
}

Task<> write_durably(FileSystem& fs, std::string path) {
  const auto file = co_await open(fs, std::move(path), OpenMode::create, true);
  const auto data = filled(2 * block_size, 'd');
  must(co_await file->write(data.bytes(), 0, Durability::durable));
}

Task<> write_volatile(FileSystem& fs, std::string path, bool sync) {
  const auto file = co_await open(fs, std::move(path), OpenMode::create, true);
  const auto data = filled(2 * block_size, 'v');
  must(co_await file->write(data.bytes(), 0, Durability::none));
  if (sync) must(co_await file->sync());
}

Task<> make_name(FileSystem& fs, std::string path, bool sync) {
  const auto file = co_await open(fs, path, OpenMode::create_new);
  const auto slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : path.substr(0, slash);
  if (sync) must(co_await fs.sync_directory(directory));
}

TEST(SimDisk, DurableWritesSurvive) {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SimDisk disk(seeded(seed));
    disk.put("f", {});
    SimExecutor sim;
    sim.run(write_durably(*disk.mount(sim), "f"));
    disk.crash();
    ASSERT_EQ(text_of(disk, "f"), std::string(2 * block_size, 'd')) << "seed " << seed;
  }
}

TEST(SimDisk, SyncedWritesSurvive) {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SimDisk disk(seeded(seed));
    disk.put("f", {});
    SimExecutor sim;
    sim.run(write_volatile(*disk.mount(sim), "f", true));
    disk.crash();
    ASSERT_EQ(text_of(disk, "f"), std::string(2 * block_size, 'v')) << "seed " << seed;
  }
}

TEST(SimDisk, UnsyncedWritesAreLostTornOrKept) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SimDisk disk(seeded(seed));
    disk.put("f", filled(2 * block_size, 'o').bytes());
    SimExecutor sim;
    sim.run(write_volatile(*disk.mount(sim), "f", false));
    EXPECT_EQ(text_of(disk, "f"), std::string(2 * block_size, 'v'));
    disk.crash();
    const std::string left = text_of(disk, "f");
    ASSERT_EQ(left.size(), 2 * block_size);
    for (std::size_t at = 0; at < left.size(); at += SimPlatter::sector_size) {
      const std::string sector = left.substr(at, SimPlatter::sector_size);
      ASSERT_TRUE(sector == std::string(sector.size(), 'o') ||
                  sector == std::string(sector.size(), 'v'));
    }
    seen.insert(left);
  }
  EXPECT_TRUE(seen.contains(std::string(2 * block_size, 'o')));
  EXPECT_TRUE(seen.contains(std::string(2 * block_size, 'v')));
  EXPECT_GT(seen.size(), 20u);
}

TEST(SimDisk, LoseAllAndKeepAllAreExact) {
  for (const auto survival : {SimSurvival::lose_all, SimSurvival::keep_all}) {
    SimDisk disk;
    disk.put("f", filled(2 * block_size, 'o').bytes());
    SimExecutor sim;
    const auto fs = disk.mount(sim);
    sim.run(write_volatile(*fs, "f", false));
    sim.run(make_name(*fs, "new", false));
    disk.crash(survival);
    const bool kept = survival == SimSurvival::keep_all;
    EXPECT_EQ(text_of(disk, "f"), std::string(2 * block_size, kept ? 'v' : 'o'));
    EXPECT_EQ(disk.exists("new"), kept);
  }
}

TEST(SimDisk, SizesMayBeLost) {
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SimDisk disk(seeded(seed));
    disk.put("f", filled(block_size, 'o').bytes());
    SimExecutor sim;
    sim.run(write_volatile(*disk.mount(sim), "f", false));
    disk.crash();
    sizes.insert(disk.content("f").size());
  }
  EXPECT_THAT(sizes, ::testing::ElementsAre(block_size, 2 * block_size));
}

TEST(SimDisk, NamesNeedTheirDirectorySynced) {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SimDisk disk(seeded(seed));
    SimExecutor sim;
    const auto fs = disk.mount(sim);
    sim.run(make_name(*fs, "synced", true));
    sim.run(make_name(*fs, "loose", false));
    disk.crash();
    ASSERT_TRUE(disk.exists("synced")) << "seed " << seed;
    lost += disk.exists("loose") ? 0 : 1;
  }
  EXPECT_GT(lost, 30);
  EXPECT_LT(lost, 270);
}

Task<> replace_by_rename(FileSystem& fs, bool sync_data, bool sync_name) {
  const auto file = co_await open(fs, "f.tmp", OpenMode::create_new);
  must(co_await file->write(as_bytes("new"), 0, Durability::none));
  if (sync_data) must(co_await file->sync());
  must(co_await fs.rename("f.tmp", "f"));
  if (sync_name) must(co_await fs.sync_directory(""));
}

TEST(SimDisk, RenameIsOldOrNew) {
  std::set<std::string> careful;
  std::set<std::string> careless;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    for (const bool sync_data : {false, true}) {
      SimDisk disk(seeded(seed));
      disk.put("f", as_bytes("old"));
      SimExecutor sim;
      sim.run(replace_by_rename(*disk.mount(sim), sync_data, false));
      disk.crash();
      ASSERT_TRUE(disk.exists("f"));
      (sync_data ? careful : careless).insert(text_of(disk, "f"));
    }
    SimDisk disk(seeded(seed));
    disk.put("f", as_bytes("old"));
    SimExecutor sim;
    sim.run(replace_by_rename(*disk.mount(sim), true, true));
    disk.crash();
    ASSERT_EQ(text_of(disk, "f"), "new");
    ASSERT_FALSE(disk.exists("f.tmp"));
  }
  EXPECT_THAT(careful, ::testing::ElementsAre("new", "old"));
  EXPECT_TRUE(careless.contains(""));  // the name arrived, the data did not
}

Task<> move_directory(FileSystem& fs) {
  must(co_await fs.make_directories("d"));
  co_await make_name(fs, "d/synced", true);
  co_await make_name(fs, "d/loose", false);
  must(co_await fs.rename("d", "e"));
  must(co_await fs.sync_directory(""));
}

TEST(SimDisk, DirectoriesMoveWithWhatTheyHold) {
  std::set<bool> loose;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SimDisk disk(seeded(seed));
    SimExecutor sim;
    sim.run(move_directory(*disk.mount(sim)));
    disk.crash();
    ASSERT_TRUE(disk.exists("e/synced")) << "seed " << seed;
    ASSERT_FALSE(disk.exists("d"));
    ASSERT_FALSE(disk.exists("d/loose"));
    loose.insert(disk.exists("e/loose"));
  }
  EXPECT_EQ(loose.size(), 2u);
}

Task<> write_two_in_flight(FileSystem& fs) {
  const auto file = co_await open(fs, "f", OpenMode::read_write, true);
  const auto data = filled(4 * block_size, 'n');
  must(co_await file->write(data.bytes(), 0, Durability::durable));
}

TEST(SimDisk, DurableWritesInFlightMayTear) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SimDisk disk(seeded(seed));
    disk.put("f", filled(4 * block_size, 'o').bytes());
    SimExecutor sim;
    const auto fs = disk.mount(sim);
    sim.spawn(write_two_in_flight(*fs));
    disk.crash_at(2);  // open, then the write
    while (disk.crashes() == 0) ASSERT_TRUE(sim.step());
    seen.insert(text_of(disk, "f"));
  }
  EXPECT_TRUE(seen.contains(std::string(4 * block_size, 'o')));
  EXPECT_TRUE(seen.contains(std::string(4 * block_size, 'n')));
  EXPECT_GT(seen.size(), 20u);
}

Task<Result<>> sync_twice(FileSystem& fs) {
  const auto file = co_await open(fs, "f", OpenMode::read_write, true);
  const auto data = filled(2 * block_size, 'n');
  must(co_await file->write(data.bytes(), 0, Durability::none));
  const auto first = co_await file->sync();
  EXPECT_FALSE(first);
  co_return co_await file->sync();
}

TEST(SimDisk, SecondSyncSucceedsThoughTheDataIsGone) {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SimDisk disk(seeded(seed));
    disk.put("f", filled(2 * block_size, 'o').bytes());
    SimExecutor sim;
    const auto fs = disk.mount(sim);
    disk.fail_nth(sim_sync, 1, EIO);
    ASSERT_TRUE(sim.run(sync_twice(*fs)));
    EXPECT_EQ(text_of(disk, "f"), std::string(2 * block_size, 'n'));
    disk.crash();
    lost += text_of(disk, "f") == std::string(2 * block_size, 'n') ? 0 : 1;
  }
  EXPECT_GT(lost, 250);
}

Task<int> count_failures(FileSystem& fs, int attempts) {
  const auto file = co_await open(fs, "f", OpenMode::create);
  int failures = 0;
  for (int i = 0; i < attempts; ++i) {
    const auto written = co_await file->write(as_bytes("x"), 0, Durability::none);
    if (!written) {
      EXPECT_EQ(written.error().code.value(), ENOSPC);
      ++failures;
    }
  }
  co_return failures;
}

TEST(SimDisk, FaultsHitTheNthOperation) {
  SimDisk disk;
  SimExecutor sim;
  const auto fs = disk.mount(sim);
  disk.inject({.ops = sim_write, .nth = 3, .count = 2, .error = ENOSPC, .path = "f"});
  EXPECT_EQ(sim.run(count_failures(*fs, 10)), 2);
  EXPECT_EQ(disk.counters().faults, 2u);
  disk.clear_faults();
  disk.inject({.ops = sim_write, .nth = 3, .count = 0, .error = ENOSPC});
  EXPECT_EQ(sim.run(count_failures(*fs, 10)), 8);
  disk.inject({.ops = sim_write, .nth = 1, .error = EIO, .path = "other"});
  disk.clear_faults();
  EXPECT_EQ(sim.run(count_failures(*fs, 10)), 0);
}

Task<> fill_up(FileSystem& fs) {
  const auto file = co_await open(fs, "f", OpenMode::create, true);
  const auto data = filled(2 * block_size, 'x');
  must(co_await file->allocate(0, 4 * block_size, Allocation::keep_size));
  must(co_await file->write(data.bytes(), 2 * block_size, Durability::durable));
  const auto more = co_await file->allocate(0, 5 * block_size, Allocation::keep_size);
  EXPECT_TRUE(storage::is_out_of_space(more.error()));
  const auto beyond = co_await file->write(data.bytes(), 3 * block_size, Durability::durable);
  EXPECT_TRUE(storage::is_out_of_space(beyond.error()));
  EXPECT_EQ(must(co_await fs.space()).free_bytes, 0u);
  must(co_await fs.remove("f"));
  must(co_await file->close());
  EXPECT_EQ(must(co_await fs.space()).free_bytes, 4 * block_size);
}

TEST(SimDisk, SpaceRunsOut) {
  SimDiskOptions options;
  options.capacity = 4 * block_size;
  SimDisk disk(options);
  SimExecutor sim;
  sim.run(fill_up(*disk.mount(sim)));
}

Task<> write_one(std::shared_ptr<File> file, std::uint64_t position) {
  const auto data = filled(block_size, 'x');
  must(co_await file->write(data.bytes(), position, Durability::none));
}

Task<> change_while_writing(std::shared_ptr<File> file, AlignedBuffer data) {
  must(co_await file->write(data.bytes(), 0, Durability::none));
}

TEST(SimDisk, MistakesAreCounted) {
  SimDisk disk;
  SimExecutor sim;
  const auto fs = disk.mount(sim);
  const std::shared_ptr<File> file = sim.run(open(*fs, "f", OpenMode::create, true));
  sim.spawn(write_one(file, 0));
  sim.spawn(write_one(file, block_size));
  sim.run_until_idle();
  EXPECT_EQ(disk.counters().overlapping_writes, 0u);
  EXPECT_EQ(disk.counters().in_flight_max, 2u);
  sim.spawn(write_one(file, 0));
  sim.spawn(write_one(file, 0));
  sim.run_until_idle();
  EXPECT_EQ(disk.counters().overlapping_writes, 1u);
  const auto data = filled(block_size, 'x');
  sim.spawn(change_while_writing(file, data));
  while (disk.counters().writes < 5) ASSERT_TRUE(sim.step());
  data.data()[7] = std::byte{'y'};
  sim.run_until_idle();
  EXPECT_EQ(disk.counters().changed_in_flight, 1u);
}

Task<Result<>> write_to(std::shared_ptr<File> file) {
  co_return co_await file->write(as_bytes("late"), 0, Durability::none);
}

TEST(SimDisk, WhatWasOpenBeforeThePowerCutIsDead) {
  SimDisk disk;
  SimExecutor sim;
  const auto before = disk.mount(sim);
  const std::shared_ptr<File> file = sim.run(open(*before, "f", OpenMode::create));
  disk.crash(SimSurvival::keep_all);
  const auto after = disk.mount(sim);
  EXPECT_FALSE(sim.run(write_to(file)));
  EXPECT_FALSE(sim.run(before->exists("f")));
  EXPECT_TRUE(must(sim.run(after->exists("f"))));
  EXPECT_EQ(text_of(disk, "f"), "");
}

TEST(SimDisk, ForksGoTheirOwnWays) {
  SimDisk disk;
  disk.put("f", filled(2 * block_size, 'o').bytes());
  SimExecutor sim;
  const auto fs = disk.mount(sim);
  sim.run(write_volatile(*fs, "f", false));
  std::set<std::string> ends;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimDisk fork = disk.fork(seed);
    fork.crash();
    ends.insert(text_of(fork, "f"));
  }
  EXPECT_GT(ends.size(), 10u);
  EXPECT_EQ(text_of(disk, "f"), std::string(2 * block_size, 'v'));
}

Task<> remove_then_grow(FileSystem& fs) {
  must(co_await fs.remove("victim"));
  must(co_await fs.sync_directory(""));
  const auto file = co_await open(fs, "f", OpenMode::read_write);
  const auto data = filled(4 * block_size, 'n');
  must(co_await file->write(data.bytes(), 0, Durability::none));
}

TEST(SimDisk, StaleBlocksShowWhenAsked) {
  for (const bool expose : {false, true}) {
    int stale = 0;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      SimDiskOptions options = seeded(seed);
      options.expose_stale_blocks = expose;
      SimDisk disk(options);
      disk.put("victim", filled(8 * block_size, 'S').bytes());
      disk.put("f", {});
      SimExecutor sim;
      sim.run(remove_then_grow(*disk.mount(sim)));
      disk.crash();
      stale += text_of(disk, "f").find('S') == std::string::npos ? 0 : 1;
    }
    EXPECT_EQ(stale > 0, expose);
  }
}

Task<std::string> random_history(FileSystem& fs) {
  const auto file = co_await open(fs, "f", OpenMode::create, true);
  const auto data = filled(block_size, 'x');
  for (int i = 0; i < 20; ++i)
    must(co_await file->write(data.bytes(), i * block_size, Durability::none));
  co_return "";
}

TEST(SimDisk, SameSeedSameHistory) {
  const auto run = [](std::uint64_t seed) {
    SimDisk disk(seeded(seed));
    SimExecutor sim;
    sim.run(random_history(*disk.mount(sim)));
    const auto took = sim.clock().now().time_since_epoch().count();
    disk.crash();
    return std::pair(took, disk.exists("f") ? text_of(disk, "f") : "none");
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

}  // namespace
}  // namespace sluice
