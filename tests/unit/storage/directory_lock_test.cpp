#include "storage/directory_lock.hpp"

#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <signal.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice::storage {
namespace {

using ::testing::HasSubstr;

std::string lock_text(const TemporaryDirectory& directory) {
  std::ifstream file(directory.path() / lock_file_name);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(DirectoryLock, HoldsItsPidWhileItLasts) {
  const TemporaryDirectory directory;
  {
    const auto lock = DirectoryLock::acquire(directory.string());
    ASSERT_TRUE(lock);
    EXPECT_EQ(lock_text(directory), std::to_string(::getpid()) + "\n");
  }
  EXPECT_EQ(lock_text(directory), "");
  EXPECT_TRUE(DirectoryLock::acquire(directory.string()));
}

TEST(DirectoryLock, ExcludesWithinAProcess) {
  const TemporaryDirectory directory;
  auto lock = DirectoryLock::acquire(directory.string());
  ASSERT_TRUE(lock);
  const auto second = DirectoryLock::acquire(directory.string());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, std::errc::device_or_resource_busy);
  EXPECT_THAT(second.error().context, HasSubstr(directory.string()));
  EXPECT_THAT(second.error().context, HasSubstr("this process (pid "));
  // The failed attempt has not harmed the first.
  EXPECT_EQ(lock_text(directory), std::to_string(::getpid()) + "\n");
  DirectoryLock moved = std::move(*lock);
  EXPECT_FALSE(DirectoryLock::acquire(directory.string()));
  lock = DirectoryLock::acquire(directory.string() + "-missing");
  EXPECT_FALSE(lock);
  EXPECT_FALSE(DirectoryLock::acquire(directory.string()));
}

TEST(DirectoryLock, NamesTheOtherProcessAndEndsWithIt) {
  const TemporaryDirectory directory;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto lock = DirectoryLock::acquire(directory.string());
    const char answer = lock ? 'y' : 'n';
    if (::write(ready[1], &answer, 1) == 1) ::pause();
    ::_exit(0);
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  const auto refused = DirectoryLock::acquire(directory.string());
  EXPECT_FALSE(refused);
  if (!refused) EXPECT_THAT(refused.error().context, HasSubstr("process " + std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  // It died without tidying up: its pid is still in the file, and means nothing.
  EXPECT_EQ(lock_text(directory), std::to_string(child) + "\n");
  const auto lock = DirectoryLock::acquire(directory.string());
  ASSERT_TRUE(lock);
  EXPECT_EQ(lock_text(directory), std::to_string(::getpid()) + "\n");
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(DirectoryLock, StaleOrGarbledTextNamesNobody) {
  for (const char* text : {"", "garbage\n", "12", "-4\n", "4194999\n"}) {
    const TemporaryDirectory directory;
    const auto lock = DirectoryLock::acquire(directory.string());
    ASSERT_TRUE(lock);
    std::ofstream(directory.path() / lock_file_name) << text;
    const auto refused = DirectoryLock::acquire(directory.string());
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().context, HasSubstr("in use by another process")) << text;
  }
}

TEST(DirectoryLock, SaysWhatIsWrongWithTheDirectory) {
  const auto missing = DirectoryLock::acquire("/nonexistent/data");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, std::errc::no_such_file_or_directory);
  EXPECT_THAT(missing.error().context, HasSubstr("/nonexistent/data"));
}

}  // namespace
}  // namespace sluice::storage
