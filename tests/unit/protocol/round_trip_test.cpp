// Properties of every message in every version, on random values. The seed is printed on failure.
#include "protocol/codec.hpp"
#include "protocol/messages/all.hpp"
#include "tests/support/fill.hpp"
#include "tests/support/hex.hpp"

#include <gtest/gtest.h>

namespace sluice::protocol {
namespace {

// Calls visit(M{}, version) for each message in each version.
template <class Visitor>
void for_each_message(Visitor&& visit) {
  const auto versions = [&]<class M>(M) {
    for (Version v = M::schema.versions.first; v <= M::schema.versions.last; ++v) visit(M{}, v);
  };
  Apis::for_each([&]<class A>(A) {
    versions(typename A::Request{});
    versions(typename A::Response{});
  });
}

struct Sample {
  std::uint64_t seed;
  std::int16_t key;
  Version version;
};
std::ostream& operator<<(std::ostream& out, const Sample& s) {
  return out << "seed " << s.seed << ", key " << s.key << ", version " << s.version;
}

constexpr std::uint64_t samples_each = 20;

// Calls visit(filled message, its bytes, sample) for random messages.
template <class Visitor>
void for_each_sample(Visitor&& visit) {
  for_each_message([&]<class M>(M, Version version) {
    for (std::uint64_t seed = 1; seed <= samples_each; ++seed) {
      const Sample sample{seed, M::schema.api_key, version};
      SeededRandom random{seed};
      test::TextPool pool;
      test::RandomValues values{pool, random};
      const M message = test::filled<M>(values, version);
      std::vector<std::byte> bytes;
      ASSERT_EQ(encode(message, version, bytes), WireError::none) << sample;
      visit(message, bytes, sample);
    }
  });
}

TEST(RoundTrip, DecodingGivesWhatWasEncoded) {
  for_each_sample([]<class M>(const M& message, const std::vector<std::byte>& bytes, Sample s) {
    EXPECT_EQ(encoded_size(message, s.version), bytes.size()) << s;
    M read;
    ASSERT_EQ(decode(bytes, s.version, read), WireError::none) << s << ' ' << test::hex(bytes);
    EXPECT_TRUE(same(read, message)) << s;
    std::vector<std::byte> again;
    ASSERT_EQ(encode(read, s.version, again), WireError::none) << s;
    EXPECT_EQ(again, bytes) << s;
    GatherBuffer gathered;
    ASSERT_EQ(encode(read, s.version, gathered), WireError::none) << s;
    EXPECT_EQ(gathered.owned(), bytes) << s;
  });
}

TEST(RoundTrip, EveryTruncationIsRefused) {
  for_each_sample([]<class M>(const M&, const std::vector<std::byte>& bytes, Sample s) {
    if (s.seed > 3) return;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      // A copy of its own, so that a sanitizer sees a read beyond its end.
      const std::vector<std::byte> cut(bytes.begin(),
                                       bytes.begin() + static_cast<std::ptrdiff_t>(size));
      M read;
      ASSERT_NE(decode(cut, s.version, read), WireError::none) << s << ", size " << size;
    }
  });
}

TEST(RoundTrip, WhatIsReadFromMutatedBytesCanBeWrittenAndReadAgain) {
  for_each_sample([]<class M>(const M&, const std::vector<std::byte>& bytes, Sample s) {
    SeededRandom random{s.seed + 1000};
    if (bytes.empty()) return;
    for (int mutation = 0; mutation < 8; ++mutation) {
      std::vector<std::byte> mutated = bytes;
      for (std::uint64_t n = 1 + random.below(3); n != 0; --n)
        mutated[random.below(mutated.size())] ^= static_cast<std::byte>(1u << random.below(8));
      M read;
      if (decode(mutated, s.version, read) != WireError::none) continue;
      std::vector<std::byte> again;
      ASSERT_EQ(encode(read, s.version, again), WireError::none) << s << ' ' << test::hex(mutated);
      M reread;
      ASSERT_EQ(decode(again, s.version, reread), WireError::none) << s;
      ASSERT_TRUE(same(read, reread)) << s << ' ' << test::hex(mutated);
    }
  });
}

TEST(RoundTrip, DefaultsSurvive) {
  for_each_message([]<class M>(M message, Version version) {
    std::vector<std::byte> bytes;
    ASSERT_EQ(encode(message, version, bytes), WireError::none)
        << "key " << M::schema.api_key << ", version " << version;
    M read;
    ASSERT_EQ(decode(bytes, version, read), WireError::none);
    EXPECT_TRUE(same(read, message)) << "key " << M::schema.api_key << ", version " << version;
  });
}

}  // namespace
}  // namespace sluice::protocol
