#include "broker/queue/retry_topic.hpp"

#include "broker/queue/siphash.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

Catalog catalog_of(const std::vector<std::pair<std::string, bool>>& topics) {
  Catalog catalog;
  std::uint32_t number = 0;
  for (const auto& [name, retries] : topics) {
    Topic topic{name, {}, 1, 0, {}};
    store_big_endian(topic.id.octets.data() + 12, ++number);
    if (retries) topic.overrides["sluice.retry.enable"] = "true";
    EXPECT_TRUE(catalog.apply(CreateTopic{topic}));
  }
  return catalog;
}

std::string found(const Catalog& catalog, std::string_view name) {
  const auto retry = find_retry_name(catalog, name);
  return retry ? retry->source->name + " " + std::string(retry->group) : "";
}

TEST(RetryName, IsOfTheLongestTopicThatHasRetries) {
  const Catalog catalog = catalog_of({{"a", true}, {"a.b", true}, {"a.b.c", false}, {"x", false}});
  EXPECT_EQ(found(catalog, "a.g.retry"), "a g");
  EXPECT_EQ(found(catalog, "a.b.g.retry"), "a.b g");
  EXPECT_EQ(found(catalog, "a.b.c.retry"), "a.b c");
  EXPECT_EQ(found(catalog, "a.b.c.g.retry"), "a.b c.g");
  EXPECT_EQ(found(catalog, "a.g.h.retry"), "a g.h");
  EXPECT_EQ(found(catalog, "x.g.retry"), "");
  EXPECT_EQ(found(catalog, "y.g.retry"), "");
  EXPECT_EQ(found(catalog, "a.retry"), "");
  EXPECT_EQ(found(catalog, "a..retry"), "");
  EXPECT_EQ(found(catalog, "a-retry-0"), "");  // Spring's
  EXPECT_EQ(found(catalog, ".retry"), "");
  EXPECT_EQ(found(catalog, ""), "");
}

RetryIdentity identity(std::string group = "g", std::string source = "t") {
  RetryIdentity made{{}, std::move(source), std::move(group)};
  made.key[3] = std::byte{7};
  return made;
}

TEST(RetryStamp, IsReadBackByTheBrokerThatWroteItOnly) {
  const RetryStamp stamp{3, 2, 12345, 1'700'000'000'000};
  const std::string text = write_retry_stamp(stamp, identity());
  EXPECT_TRUE(text.starts_with("3:2:12345:1700000000000:"));
  EXPECT_EQ(read_retry_stamp(text, identity()), stamp);
  EXPECT_EQ(read_retry_stamp(text, identity("h")), std::nullopt);
  EXPECT_EQ(read_retry_stamp(text, identity("g", "u")), std::nullopt);
  RetryIdentity other = identity();
  other.key[0] = std::byte{1};
  EXPECT_EQ(read_retry_stamp(text, other), std::nullopt);
}

TEST(RetryStamp, OneThatWasChangedIsNone) {
  const std::string text = write_retry_stamp({3, 2, 12345, 17}, identity());
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = changed[at] == '1' ? '2' : '1';
    EXPECT_EQ(read_retry_stamp(changed, identity()), std::nullopt) << changed;
  }
  for (const std::string_view none : {"", ":", "1", "1:2:3:4", "::::"})
    EXPECT_EQ(read_retry_stamp(none, identity()), std::nullopt) << none;
}

// The 64 vectors of the paper's reference code: key 00…0f, texts 00…(n-1); some of them.
TEST(SipHash, GivesTheVectorsOfItsAuthors) {
  HashKey key;
  std::vector<std::byte> text;
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::byte>(i);
  const std::vector<std::uint64_t> expected{0x726fdb47dd0e0e31, 0x74f839c593dc67fd,
                                            0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(siphash(key, text), expected[i]) << i;
    text.push_back(static_cast<std::byte>(i));
  }
  while (text.size() < 15) text.push_back(static_cast<std::byte>(text.size()));
  EXPECT_EQ(siphash(key, text), 0xa129ca6149be45e5);  // the example of the paper, appendix A
}

}  // namespace
}  // namespace sluice::broker
