#include "storage/read_ahead.hpp"

#include <gtest/gtest.h>

namespace sluice::storage {
namespace {

constexpr std::int64_t window = 1'000;
constexpr std::int64_t file_end = 100'000;

TEST(ReadAhead, AReadThatFollowsNoOtherAsksForNothing) {
  ReadAhead ahead;
  EXPECT_TRUE(ahead.after(5'000, 5'100, file_end, window).empty());
  EXPECT_TRUE(ahead.after(9'000, 9'100, file_end, window).empty());
}

TEST(ReadAhead, TheStartOfAFileIsTakenForAContinuation) {
  ReadAhead ahead;
  EXPECT_FALSE(ahead.after(0, 100, file_end, window).empty());
}

TEST(ReadAhead, AStreamIsServedWithoutGapsWithinItsWindow) {
  ReadAhead ahead;
  std::int64_t asked = 5'100;
  (void)ahead.after(5'000, 5'100, file_end, window);
  for (std::int64_t at = 5'100; at < 20'000; at += 100) {
    const ReadAhead::Ask ask = ahead.after(at, at + 100, file_end, window);
    if (!ask.empty()) {
      EXPECT_EQ(ask.begin, std::max(asked, at + 100));
      asked = ask.end;
    }
    EXPECT_LE(asked, at + 100 + window);
    EXPECT_GT(asked, at + 100);  // something of it is always on its way
  }
  EXPECT_GE(asked, 20'000 + window / 2);
}

TEST(ReadAhead, NothingIsAskedBeyondTheEndOfTheFile) {
  ReadAhead ahead;
  (void)ahead.after(file_end - 300, file_end - 200, file_end, window);
  EXPECT_EQ(ahead.after(file_end - 200, file_end - 100, file_end, window).end, file_end);
  EXPECT_TRUE(ahead.after(file_end - 100, file_end, file_end, window).empty());
}

TEST(ReadAhead, StreamsBesideEachOtherKeepTheirPlaces) {
  ReadAhead ahead;
  for (const std::int64_t start : {10'000, 20'000, 30'000})
    (void)ahead.after(start, start + 100, file_end, window);
  for (const std::int64_t start : {10'000, 20'000, 30'000})
    EXPECT_FALSE(ahead.after(start + 100, start + 200, file_end, window).empty());
}

}  // namespace
}  // namespace sluice::storage
