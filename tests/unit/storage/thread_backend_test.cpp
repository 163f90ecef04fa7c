#include "storage/thread_backend.hpp"

#include "tests/support/in_child.hpp"
#include "tests/unit/storage/backend_scenarios.hpp"

#include <gtest/gtest.h>

namespace sluice::storage {
namespace {

FileSystemOptions with_threads(unsigned threads) {
  FileSystemOptions options;
  options.backend = Backend::threads;
  options.threads = threads;
  return options;
}

TEST(ThreadBackend, TakesMoreThanThereAreThreads) {
  many_at_once(with_threads(1));
  many_at_once(with_threads(4));
}

TEST(ThreadBackend, MayBeDestroyedWithWritesInFlight) {
  destroyed_in_flight(with_threads(1));
  destroyed_in_flight(with_threads(4));
}

TEST(ThreadBackend, CloseWaitsForAll) { close_waits(with_threads(2)); }
TEST(ThreadBackend, ErrorsAreReported) { errors_are_reported(with_threads(2)); }
TEST(ThreadBackend, ShortWriteIsAnError) {
  EXPECT_EQ(in_child(short_write_is_an_error, "threads"), 0);
}

}  // namespace
}  // namespace sluice::storage
