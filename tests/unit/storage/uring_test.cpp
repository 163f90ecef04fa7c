#include "tests/support/in_child.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/storage/backend_scenarios.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace sluice::storage {
namespace {

bool refused() {
  const TemporaryDirectory root;
  asio::io_context io{1};
  FileSystemOptions options;
  options.backend = Backend::io_uring;
  return !run_task(io, open_file_system(root.string(), options));
}

class Uring : public ::testing::Test {
 protected:
  void SetUp() override {
    if (refused()) GTEST_SKIP() << "no io_uring here";
    options_.backend = Backend::io_uring;
  }
  FileSystemOptions options_;
};

TEST_F(Uring, TakesMoreThanTheRingHolds) {
  options_.ring_entries = 8;
  many_at_once(options_);
  options_.ring_entries = 256;
  many_at_once(options_);
}

TEST_F(Uring, MayBeDestroyedWithWritesInFlight) {
  for (const unsigned entries : {4u, 64u}) {
    options_.ring_entries = entries;
    destroyed_in_flight(options_);
  }
}

TEST_F(Uring, CloseWaitsForAll) { close_waits(options_); }
TEST_F(Uring, ErrorsAreReported) { errors_are_reported(options_); }
TEST_F(Uring, ShortWriteIsAnError) { EXPECT_EQ(in_child(short_write_is_an_error, "io_uring"), 0); }

TEST_F(Uring, IsChosenWhereItWorks) {
  const TemporaryDirectory root;
  asio::io_context io{1};
  const auto fs = run_task(io, open_file_system(root.string(), {}));
  ASSERT_TRUE(fs);
  EXPECT_EQ((*fs)->backend().name, "io_uring");
}

// From now on io_uring_setup fails with `error`, as in a container.
bool forbid_io_uring(unsigned error) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(filter), filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int falls_back(const char* error) {
  const unsigned number = std::string(error) == "EPERM" ? EPERM : ENOSYS;
  if (!forbid_io_uring(number)) return 77;
  const TemporaryDirectory root;
  asio::io_context io{1};
  const auto fs = run_task(io, open_file_system(root.string(), {}));
  if (!fs) return 1;
  if ((*fs)->backend().name != "threads") return 2;
  const std::string why =
      std::error_code(static_cast<int>(number), std::system_category()).message();
  if ((*fs)->backend().reason.find(why) == std::string::npos) return 3;
  FileSystemOptions insisting;
  insisting.backend = Backend::io_uring;
  const auto none = run_task(io, open_file_system(root.string(), insisting));
  if (none) return 4;
  return none.error().code.value() == static_cast<int>(number) ? 0 : 5;
}

TEST(UringRefused, ThreadsTakeOverAndSayWhy) {
  for (const char* error : {"EPERM", "ENOSYS"}) {
    const int status = in_child(falls_back, error);
    if (status == 77) GTEST_SKIP() << "no seccomp here";
    EXPECT_EQ(status, 0) << error;
  }
}

}  // namespace
}  // namespace sluice::storage
