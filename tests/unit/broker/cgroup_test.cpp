#include "broker/cgroup.hpp"

#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace sluice::broker {
namespace {

class CgroupTest : public ::testing::Test {
 protected:
  void put(const std::string& path, const std::string& text) {
    const std::filesystem::path whole = root() / path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
  }
  std::optional<CgroupMemory> look() {
    return cgroup_memory(root() / "groups", root() / "membership");
  }
  std::filesystem::path root() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
};

TEST_F(CgroupTest, NothingIsLimitedWhereNoFileSaysSo) {
  EXPECT_FALSE(look());
  put("membership", "0::/user.slice\n");
  put("groups/user.slice/memory.max", "max\n");
  EXPECT_FALSE(look());
}

TEST_F(CgroupTest, TheGroupOfAUnitLimitsIt) {
  put("membership", "0::/system.slice/sluiced.service\n");
  put("groups/system.slice/memory.max", "max\n");
  put("groups/system.slice/sluiced.service/memory.max", "268435456\n");
  put("groups/system.slice/sluiced.service/memory.current", "1000\n");
  put("groups/system.slice/sluiced.service/memory.stat",
      "anon 700\nfile 300\ninactive_file 200\nactive_file 50\n");
  put("groups/system.slice/sluiced.service/memory.pressure", "some avg10=1.50\n");
  const auto memory = look();
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->limit, 268435456);
  EXPECT_EQ(memory->used, 1000);
  EXPECT_EQ(memory->file_pages, 250);
  EXPECT_EQ(memory->pressure, "some avg10=1.50\n");
}

TEST_F(CgroupTest, TheNarrowestOfTheGroupsAboveCounts) {
  put("membership", "0::/a/b/c\n");
  put("groups/a/memory.max", "100\n");
  put("groups/a/memory.current", "60\n");
  put("groups/a/b/memory.max", "max\n");
  put("groups/a/b/c/memory.max", "200\n");
  ASSERT_TRUE(look());
  EXPECT_EQ(look()->limit, 100);
  EXPECT_EQ(look()->used, 60);
}

TEST_F(CgroupTest, Version1IsReadWhereItHasTheMemory) {
  put("membership", "3:cpu,cpuacct:/x\n2:memory:/jobs/1\n0::/elsewhere\n");
  put("groups/elsewhere/memory.max", "1\n");
  put("groups/memory/memory.limit_in_bytes", "9223372036854771712\n");
  put("groups/memory/jobs/1/memory.limit_in_bytes", "5000\n");
  put("groups/memory/jobs/1/memory.usage_in_bytes", "400\n");
  put("groups/memory/jobs/1/memory.stat",
      "inactive_file 1\nactive_file 1\ntotal_inactive_file 30\ntotal_active_file 12\n");
  ASSERT_TRUE(look());
  EXPECT_EQ(look()->limit, 5000);
  EXPECT_EQ(look()->used, 400);
  EXPECT_EQ(look()->file_pages, 42);
}

TEST_F(CgroupTest, AContainerSeesItsOwnGroupAsTheRoot) {
  put("membership", "0::/docker/4711\n");  // the host's path: it is not mounted here
  put("groups/memory.max", "7000\n");
  ASSERT_TRUE(look());
  EXPECT_EQ(look()->limit, 7000);
}

}  // namespace
}  // namespace sluice::broker
