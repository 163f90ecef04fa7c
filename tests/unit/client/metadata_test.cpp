#include "client/metadata.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::client {
namespace {

protocol::MetadataResponse answer(std::initializer_list<std::string_view> names) {
  protocol::MetadataResponse response;
  for (const auto name : names) response.topics.emplace_back().name = name;
  return response;
}

TEST(MetadataCache, ItsRevisionChangesWithAnswersAndWithNothingElse) {
  MetadataCache cache(std::chrono::minutes(5));
  cache.want_all(MetadataCache::All::yes);
  const auto fresh = cache.revision();
  cache.update(answer({"orders"}), {});
  const auto first = cache.revision();
  EXPECT_NE(first, fresh);
  cache.want("mail");
  cache.invalidate();
  EXPECT_EQ(cache.revision(), first);
  cache.update(answer({"orders", "mail"}), {});
  EXPECT_NE(cache.revision(), first);
}

TEST(MetadataCache, OfAllTopicsTheOnesNotListedAreGone) {
  MetadataCache cache(std::chrono::minutes(5));
  cache.want_all(MetadataCache::All::yes);
  cache.update(answer({"orders", "mail"}), {});
  cache.update(answer({"orders"}), {});
  EXPECT_THAT(cache.topic_names(), testing::ElementsAre("orders"));
}

}  // namespace
}  // namespace sluice::client
