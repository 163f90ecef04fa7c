// Properties of every message in every version, on random values. The seed is printed on failure.
#include "tests/support/any_message.hpp"
#include "tests/support/hex.hpp"

#include <gtest/gtest.h>

namespace sluice::protocol {
namespace {

// One filled message and its bytes.
struct Sample {
  const test::MessageType& type;
  Version version;
  std::uint64_t seed;
  const test::AnyMessage& message;
  const std::vector<std::byte>& bytes;
};
std::ostream& operator<<(std::ostream& out, const Sample& s) {
  return out << to_string(s.type.key) << (s.type.request ? " request" : " response") << ", version "
             << s.version << ", seed " << s.seed << ", bytes " << test::hex(s.bytes);
}

// Calls visit(sample) for `seeds` random fillings of each message in each version.
template <class Visitor>
void for_each_sample(std::uint64_t seeds, Visitor&& visit) {
  for (const test::MessageType& type : test::all_messages()) {
    for (Version v = type.versions.first; v <= type.versions.last; ++v) {
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        SeededRandom random{seed};
        test::TextPool pool;
        test::RandomValues values{pool, random};
        const auto message = type.make();
        message->fill(values, v);
        std::vector<std::byte> bytes;
        const WireError error = message->encode(v, bytes);
        const Sample sample{type, v, seed, *message, bytes};
        ASSERT_EQ(error, WireError::none) << sample;
        visit(sample);
      }
    }
  }
}

TEST(RoundTrip, DecodingGivesWhatWasEncoded) {
  for_each_sample(20, [](const Sample& s) {
    EXPECT_EQ(s.message.encoded_size(s.version), s.bytes.size()) << s;
    const auto read = s.type.make();
    ASSERT_EQ(read->decode(s.bytes, s.version), WireError::none) << s;
    EXPECT_TRUE(read->same(s.message)) << s;
    std::vector<std::byte> again;
    ASSERT_EQ(read->encode(s.version, again), WireError::none) << s;
    EXPECT_EQ(again, s.bytes) << s;
    GatherBuffer gathered;
    ASSERT_EQ(read->encode(s.version, gathered), WireError::none) << s;
    EXPECT_EQ(gathered.owned(), s.bytes) << s;
  });
}

TEST(RoundTrip, EveryTruncationIsRefused) {
  for_each_sample(3, [](const Sample& s) {
    for (std::size_t size = 0; size < s.bytes.size(); ++size) {
      // A copy of its own, so that a sanitizer sees a read beyond its end.
      const std::vector<std::byte> cut(s.bytes.begin(),
                                       s.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      ASSERT_NE(s.type.make()->decode(cut, s.version), WireError::none) << size << " of " << s;
    }
  });
}

TEST(RoundTrip, WhatIsReadFromMutatedBytesCanBeWrittenAndReadAgain) {
  for_each_sample(20, [](const Sample& s) {
    if (s.bytes.empty()) return;
    SeededRandom random{s.seed + 1000};
    for (int mutation = 0; mutation < 8; ++mutation) {
      std::vector<std::byte> mutated = s.bytes;
      for (std::uint64_t n = 1 + random.below(3); n != 0; --n)
        mutated[random.below(mutated.size())] ^= static_cast<std::byte>(1u << random.below(8));
      const auto read = s.type.make();
      if (read->decode(mutated, s.version) != WireError::none) continue;
      std::vector<std::byte> again;
      ASSERT_EQ(read->encode(s.version, again), WireError::none) << s;
      const auto reread = s.type.make();
      ASSERT_EQ(reread->decode(again, s.version), WireError::none) << s;
      ASSERT_TRUE(read->same(*reread)) << test::hex(mutated) << " of " << s;
    }
  });
}

TEST(RoundTrip, DefaultsSurvive) {
  for (const test::MessageType& type : test::all_messages()) {
    for (Version v = type.versions.first; v <= type.versions.last; ++v) {
      const auto message = type.make();
      std::vector<std::byte> bytes;
      ASSERT_EQ(message->encode(v, bytes), WireError::none) << to_string(type.key) << ' ' << v;
      const auto read = type.make();
      ASSERT_EQ(read->decode(bytes, v), WireError::none) << to_string(type.key) << ' ' << v;
      EXPECT_TRUE(read->same(*message)) << to_string(type.key) << ' ' << v;
    }
  }
}

}  // namespace
}  // namespace sluice::protocol
