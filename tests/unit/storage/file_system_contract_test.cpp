// The same contract on io_uring and on threads, on the disk of the test directory and on
// tmpfs, where direct I/O does not exist; and on the simulated disk.
#include "tests/unit/storage/file_system_contract.hpp"

#include "storage/open_file_system.hpp"
#include "tests/support/must.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/sim_disk.hpp"
#include "tests/support/sim_executor.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <tuple>

namespace sluice::storage {
namespace {

constexpr const char* memory_disk = "/dev/shm";

struct Place {
  const char* name;
  Backend backend;
  bool in_memory;
};

constexpr Place places[] = {
    {"UringOnDisk", Backend::io_uring, false},
    {"UringOnTmpfs", Backend::io_uring, true},
    {"ThreadsOnDisk", Backend::threads, false},
    {"ThreadsOnTmpfs", Backend::threads, true},
};

class FileSystemContract : public ::testing::TestWithParam<std::tuple<Place, contract::Named>> {};

Task<Result<>> run_scenario(std::string root, FileSystemOptions options,
                            contract::Scenario scenario) {
  auto fs = co_await open_file_system(std::move(root), options);
  if (!fs) co_return std::unexpected(fs.error());
  co_await scenario(**fs);
  co_await (*fs)->close();
  co_return Result<>{};
}

TEST_P(FileSystemContract, Holds) {
  const auto& [place, scenario] = GetParam();
  if (place.in_memory && !std::filesystem::is_directory(memory_disk)) GTEST_SKIP();
  const TemporaryDirectory root(place.in_memory ? std::filesystem::path(memory_disk)
                                                : test_directory());
  asio::io_context io{1};
  FileSystemOptions options;
  options.backend = place.backend;
  const auto ran = run_task(io, run_scenario(root.string(), options, scenario.run));
  if (!ran && place.backend == Backend::io_uring) {
    GTEST_SKIP() << "no io_uring here: " << ran.error().message();
  }
  ASSERT_TRUE(ran) << ran.error().message();
}

INSTANTIATE_TEST_SUITE_P(
    All, FileSystemContract,
    ::testing::Combine(::testing::ValuesIn(places),
                       ::testing::ValuesIn(contract::scenarios,
                                           contract::scenarios + contract::scenario_count)),
    [](const auto& info) {
      return std::string(std::get<0>(info.param).name) + "_" + std::get<1>(info.param).name;
    });

class SimFileSystemContract : public ::testing::TestWithParam<contract::Named> {};

TEST_P(SimFileSystemContract, Holds) {
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{512}, std::size_t{4096}}) {
    SimDiskOptions options;
    options.alignment = alignment;
    SimDisk disk(options);
    SimExecutor sim;
    const auto fs = disk.mount(sim);
    sim.run(GetParam().run(*fs));
    EXPECT_EQ(disk.counters().overlapping_writes, 0u);
    EXPECT_EQ(disk.counters().changed_in_flight, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(All, SimFileSystemContract,
                         ::testing::ValuesIn(contract::scenarios,
                                             contract::scenarios + contract::scenario_count),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace sluice::storage
