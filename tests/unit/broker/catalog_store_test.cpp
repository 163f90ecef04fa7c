#include "broker/catalog_store.hpp"

#include "base/task_group.hpp"
#include "broker/catalog_format.hpp"
#include "tests/support/must.hpp"
#include "tests/support/sim_disk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace sluice::broker {
namespace {

Uuid id_of(std::uint32_t number) {
  Uuid id;
  store_big_endian(id.octets.data() + 12, number);
  id.octets[0] = std::byte{1};
  return id;
}

CatalogChange create(const std::string& name, std::uint32_t number, ConfigMap overrides = {}) {
  return CreateTopic{Topic{name, id_of(number), 1, 0, std::move(overrides)}};
}

// A disk, a mount of it and an open store. After a power cut or a fault, make a new one.
class Opened {
 public:
  explicit Opened(SimDisk& disk) : files_(disk.mount(sim_)) {
    opened_.emplace(sim_.run(CatalogStore::open(*files_, random_, sim_.clock(), logger_)));
  }
  ~Opened() {
    if (*opened_) sim_.run(store().close());
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  bool good() const { return opened_->has_value(); }
  const Error& error() const { return opened_->error(); }
  CatalogStore& store() { return ***opened_; }
  SimExecutor& sim() { return sim_; }

  Result<CommitOutcome> commit(std::vector<CatalogChange> changes) {
    return sim_.run(store().commit(std::move(changes)));
  }
  bool add(const std::string& name, std::uint32_t number) {
    auto outcome = commit({create(name, number)});
    return outcome && !outcome->faults[0].code;
  }
  bool has(std::string_view name) { return store().snapshot()->find(name) != nullptr; }

 private:
  SimExecutor sim_;
  SeededRandom random_{7};
  NullLogger logger_;
  std::unique_ptr<storage::FileSystem> files_;
  std::optional<Result<std::unique_ptr<CatalogStore>>> opened_;
};

TEST(CatalogStore, ANewDirectoryGetsAClusterIdThatStays) {
  SimDisk disk;
  std::string id;
  std::array<std::byte, 16> secret;
  {
    Opened opened(disk);
    ASSERT_TRUE(opened.good()) << opened.error().message();
    id = opened.store().cluster_id();
    secret = opened.store().hash_secret();
    EXPECT_EQ(id.size(), 22u);
    EXPECT_TRUE(opened.store().snapshot()->topics().empty());
  }
  disk.crash();
  Opened again(disk);
  ASSERT_TRUE(again.good()) << again.error().message();
  EXPECT_EQ(again.store().cluster_id(), id);
  EXPECT_EQ(again.store().hash_secret(), secret);
}

TEST(CatalogStore, WhatIsCommittedSurvivesAPowerCut) {
  SimDisk disk;
  {
    Opened opened(disk);
    ASSERT_TRUE(opened.add("a", 1));
    ASSERT_TRUE(opened.add("b", 2));
    auto gone = opened.commit({DeleteTopic{id_of(1)}});
    ASSERT_TRUE(gone);
    EXPECT_EQ(gone->after, opened.store().snapshot());
    disk.crash();
  }
  Opened again(disk);
  ASSERT_TRUE(again.good());
  EXPECT_FALSE(again.has("a"));
  EXPECT_TRUE(again.has("b"));
}

TEST(CatalogStore, ARefusedChangeDoesNotStopTheOthersOfItsCommit) {
  SimDisk disk;
  Opened opened(disk);
  ASSERT_TRUE(opened.add("a", 1));
  auto outcome = opened.commit({create("a", 2), create("b", 3)});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->faults[0].code, CatalogErrc::topic_exists);
  EXPECT_FALSE(outcome->faults[1].code);
  EXPECT_TRUE(opened.has("b"));
}

TEST(CatalogStore, TellsListenersOfEachDurableSnapshot) {
  SimDisk disk;
  Opened opened(disk);
  std::vector<CatalogSnapshot> told;
  opened.store().on_change([&told](CatalogSnapshot now) { told.push_back(std::move(now)); });
  ASSERT_TRUE(opened.add("a", 1));
  EXPECT_FALSE(opened.add("a", 2));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0], opened.store().snapshot());
}

Task<> commit_one(CatalogStore& store, std::uint32_t number, int& done) {
  std::vector<CatalogChange> changes;
  changes.push_back(create("t" + std::to_string(number), number));
  auto outcome = co_await store.commit(std::move(changes));
  if (outcome && !outcome->faults[0].code) ++done;
}

TEST(CatalogStore, CommitsThatArriveTogetherShareAWrite) {
  SimDisk disk;
  Opened opened(disk);
  ASSERT_TRUE(opened.good());
  const auto before = disk.counters().durable_writes;
  int done = 0;
  for (std::uint32_t i = 0; i < 20; ++i) opened.sim().spawn(commit_one(opened.store(), i, done));
  opened.sim().run_until_idle();
  EXPECT_EQ(done, 20);
  EXPECT_EQ(disk.counters().durable_writes - before, 2u);
  EXPECT_EQ(opened.store().snapshot()->topics().size(), 20u);
}

// Commits changes until something fails; returns the names that were acknowledged.
std::set<std::string> scenario(SimDisk& disk) {
  std::set<std::string> acknowledged;
  Opened opened(disk);
  if (!opened.good()) return acknowledged;
  for (std::uint32_t i = 0; i < 6; ++i) {
    const std::string name = "t" + std::to_string(i);
    if (!opened.add(name, i)) break;
    acknowledged.insert(name);
  }
  return acknowledged;
}

TEST(CatalogStore, NothingAcknowledgedIsLostWhereverThePowerGoes) {
  SimDisk counting;
  scenario(counting);
  const auto operations = counting.counters().operations;
  ASSERT_GT(operations, 20u);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    for (std::uint64_t at = 1; at <= operations; ++at) {
      SimDisk disk(SimDiskOptions{.seed = seed, .expose_stale_blocks = seed % 2 == 0});
      disk.crash_at(at);
      const auto acknowledged = scenario(disk);
      if (disk.crashes() == 0) disk.crash();
      Opened again(disk);
      ASSERT_TRUE(again.good()) << "seed " << seed << ", operation " << at << ": "
                                << again.error().message();
      for (const auto& name : acknowledged)
        EXPECT_TRUE(again.has(name)) << "seed " << seed << ", operation " << at << ": " << name;
      EXPECT_LE(again.store().snapshot()->topics().size(), acknowledged.size() + 1);
      EXPECT_TRUE(again.add("after", 100));
    }
  }
}

TEST(CatalogStore, AFailedOperationIsReportedAndNothingAcknowledgedIsLost) {
  SimDisk counting;
  scenario(counting);
  for (std::uint64_t at = 1; at <= counting.counters().operations; ++at) {
    SimDisk disk;
    disk.fail_nth(sim_any, at, EIO);
    const auto acknowledged = scenario(disk);
    disk.clear_faults();
    disk.crash();
    Opened again(disk);
    ASSERT_TRUE(again.good()) << "operation " << at << ": " << again.error().message();
    for (const auto& name : acknowledged) EXPECT_TRUE(again.has(name)) << at << ": " << name;
  }
}

TEST(CatalogStore, AfterAFailedWriteNoChangeIsAccepted) {
  SimDisk disk;
  Opened opened(disk);
  ASSERT_TRUE(opened.add("a", 1));
  disk.fail_nth(sim_write, 1, EIO);
  auto failed = opened.commit({create("b", 2)});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code.value(), EIO);
  EXPECT_FALSE(opened.has("b"));
  auto later = opened.commit({create("c", 3)});
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, CatalogErrc::fenced);
  EXPECT_TRUE(opened.has("a"));
}

// A failed write may be there for readers and not on the disk: fsyncgate. Whoever opens the file
// again builds on what it reads.
TEST(CatalogStore, WhatAFailedWriteLeftIsMadeDurableBeforeMoreIsWritten) {
  int built_upon = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SimDisk disk({.seed = seed});
    {
      Opened opened(disk);
      ASSERT_TRUE(opened.add("a", 1));
      disk.fail_nth(sim_write, 1, EIO, "catalog");
      // Larger than a sector, so that writing after it saves a part of it only.
      EXPECT_FALSE(opened.commit({create("b", 2, {{"any", std::string(700, 'x')}})}));
    }
    disk.clear_faults();
    disk.kill();
    bool shown = false;
    {
      Opened opened(disk);
      ASSERT_TRUE(opened.good()) << opened.error().message();
      shown = opened.has("b");
      ASSERT_TRUE(opened.add("c", 3));
      disk.crash(SimSurvival::lose_all);
    }
    Opened again(disk);
    ASSERT_TRUE(again.good()) << again.error().message() << ", seed " << seed;
    EXPECT_TRUE(again.has("a"));
    EXPECT_TRUE(again.has("c")) << "acknowledged, seed " << seed;
    EXPECT_EQ(again.has("b"), shown) << "seed " << seed;
    built_upon += shown ? 1 : 0;
  }
  EXPECT_GT(built_upon, 0);
}

TEST(CatalogStore, ATornTailIsCutAndKept) {
  SimDisk disk;
  {
    Opened opened(disk);
    ASSERT_TRUE(opened.add("a", 1));
  }
  auto bytes = disk.content("meta/catalog");
  const auto good = bytes.size();
  bytes.resize(good + 100, std::byte{0x5A});
  disk.put("meta/catalog", bytes);
  {
    Opened again(disk);
    ASSERT_TRUE(again.good()) << again.error().message();
    EXPECT_TRUE(again.has("a"));
    EXPECT_TRUE(again.add("b", 2));
  }
  EXPECT_EQ(disk.content("meta/catalog.torn-" + std::to_string(good)).size(), 100u);
  Opened third(disk);
  EXPECT_TRUE(third.has("a"));
  EXPECT_TRUE(third.has("b"));
}

TEST(CatalogStore, DamageIsRefusedNamingFileAndOffset) {
  SimDisk disk;
  {
    Opened opened(disk);
    ASSERT_TRUE(opened.add("a", 1));
    ASSERT_TRUE(opened.add("b", 2));
  }
  const auto first = encode_frame(FrameKind::snapshot, 1, snapshot_changes(Catalog{})).size();
  disk.corrupt("meta/catalog", first + 30, std::byte{1});
  const auto before = disk.content("meta/catalog");
  {
    Opened again(disk);
    ASSERT_FALSE(again.good());
    EXPECT_EQ(again.error().code, CatalogErrc::damaged);
    EXPECT_EQ(again.error().context, "meta/catalog: offset " + std::to_string(first));
  }
  EXPECT_EQ(disk.content("meta/catalog"), before);
}

TEST(CatalogStore, ANewerFormatIsRefusedBeforeAnythingIsWritten) {
  SimDisk disk;
  disk.put("meta/format", as_bytes("format=2\nsomething=else\n"));
  const auto paths = disk.paths();
  {
    Opened opened(disk);
    ASSERT_FALSE(opened.good());
    EXPECT_EQ(opened.error().code, CatalogErrc::unknown_format);
  }
  EXPECT_EQ(disk.paths(), paths);
  EXPECT_EQ(disk.counters().writes, 0u);
}

TEST(CatalogStore, ALostCatalogIsRebuiltFromThePartitions) {
  SimDisk disk;
  const std::string metadata = "version: 0\ntopic_id: " + id_of(5).to_string() + "\n";
  disk.put("orders-eu-0/partition.metadata", as_bytes(metadata));
  disk.put("orders-eu-2/partition.metadata", as_bytes(metadata));
  disk.put("broken-0/partition.metadata", as_bytes("?"));
  disk.put("gone-0.abc-delete/partition.metadata", as_bytes(metadata));
  Opened opened(disk);
  ASSERT_TRUE(opened.good()) << opened.error().message();
  const auto snapshot = opened.store().snapshot();
  ASSERT_EQ(snapshot->topics().size(), 1u);
  EXPECT_EQ(snapshot->find("orders-eu")->id, id_of(5));
  EXPECT_EQ(snapshot->find("orders-eu")->partition_count, 3);
  EXPECT_GT(snapshot->next_producer_id(), 1'000'000'000'000);
}

TEST(CatalogStore, TheFileIsRewrittenWhenItHasGrown) {
  SimDisk disk;
  {
    Opened opened(disk);
    const ConfigMap large{{"k", std::string(4000, 'x')}};
    for (std::uint32_t i = 0; i < 200; ++i)
      ASSERT_TRUE(opened.commit(
          {ReplaceConfigs{ResourceType::group, "g", {{"k", std::string(4000, 'a' + i % 20)}}}}));
    ASSERT_TRUE(opened.add("a", 1));
  }
  EXPECT_LT(disk.content("meta/catalog").size(), 400'000u);
  disk.crash();
  Opened again(disk);
  ASSERT_TRUE(again.good());
  EXPECT_TRUE(again.has("a"));
  EXPECT_EQ(again.store().snapshot()->configs(ResourceType::group, "g").at("k"),
            std::string(4000, 'a' + 199 % 20));
}

TEST(CatalogStore, AProducerIdIsNeverGivenTwice) {
  SimDisk disk;
  std::set<std::int64_t> seen;
  for (int round = 0; round < 3; ++round) {
    Opened opened(disk);
    ASSERT_TRUE(opened.good());
    for (int i = 0; i < 1100; ++i) {
      auto id = opened.sim().run(opened.store().next_producer_id());
      ASSERT_TRUE(id);
      EXPECT_TRUE(seen.insert(*id).second) << *id;
    }
    disk.crash();
  }
}

Task<> take_ids(CatalogStore& store, std::set<std::int64_t>& seen, int& repeated) {
  for (int i = 0; i < 50; ++i) {
    auto id = co_await store.next_producer_id();
    if (!id || !seen.insert(*id).second) ++repeated;
  }
}

TEST(CatalogStore, ProducersThatArriveTogetherGetDifferentIds) {
  SimDisk disk;
  Opened opened(disk);
  std::set<std::int64_t> seen;
  int repeated = 0;
  for (int i = 0; i < 8; ++i) opened.sim().spawn(take_ids(opened.store(), seen, repeated));
  opened.sim().run_until_idle();
  EXPECT_EQ(seen.size(), 400u);
  EXPECT_EQ(repeated, 0);
}

}  // namespace
}  // namespace sluice::broker
