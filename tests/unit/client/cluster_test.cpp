#include "client/cluster.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace sluice::client {
namespace {

TEST(Cluster, TimesThatAreForEverFitWhereTheyGo) {
  constexpr auto for_ever = std::chrono::milliseconds::max();
  const auto cluster = Cluster::create(
      {.request_timeout = for_ever, .connect_timeout = for_ever, .metadata_max_age = for_ever});
  ASSERT_TRUE(cluster);
  const ClientOptions& options = (*cluster)->options();
  for (const auto time :
       {options.request_timeout, options.connect_timeout, options.metadata_max_age}) {
    EXPECT_LE(time.count(), std::numeric_limits<std::int32_t>::max());
    EXPECT_GT((*cluster)->now() + time, (*cluster)->now() + std::chrono::hours(24));
  }
}

}  // namespace
}  // namespace sluice::client
