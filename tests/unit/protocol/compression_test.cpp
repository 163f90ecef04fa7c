#include "protocol/compression.hpp"

#include "base/random.hpp"
#include "protocol/record.hpp"
#include "tests/unit/protocol/golden_records.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace sluice::protocol {
namespace {

constexpr std::size_t plenty = 64 << 20;
constexpr std::array real_codecs{Compression::gzip, Compression::snappy, Compression::lz4,
                                 Compression::zstd};

using Buffer = std::vector<std::byte>;

Buffer compressed(Compression codec, Bytes input, CompressionLevels levels = {}) {
  Buffer out;
  Compressor{levels}.compress(codec, input, out);
  return out;
}

std::expected<Buffer, BatchError> decompressed(Compression codec, Bytes input,
                                               std::size_t limit = plenty) {
  Buffer out;
  const auto done = Decompressor{}.decompress(codec, input, limit, out);
  if (!done) {
    EXPECT_TRUE(out.empty());
    return std::unexpected(done.error());
  }
  return out;
}

// Between noise and repetition, by seed.
Buffer sample(std::size_t size, std::uint64_t seed) {
  SeededRandom random{seed};
  Buffer bytes(size);
  const std::uint64_t variety = 1 + random.below(256);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = i >= 100 && random.below(4) > 0 ? bytes[i - 100]
                                               : static_cast<std::byte>(random.below(variety));
  return bytes;
}

Buffer records_of(const Buffer& batch) {
  const Bytes area = parse_batch(batch).value().records();
  return {area.begin(), area.end()};
}

TEST(Compression, RoundTripsAnySize) {
  Compressor compressor;  // used for all, so that contexts are reused
  Decompressor decompressor;
  std::uint64_t seed = 0;
  for (const std::size_t size :
       {0u, 1u, 10u, 100u, 4095u, 32768u, 32769u, 65536u, 65537u, 200'000u, 1'000'000u, 5'000'000u})
    for (const Compression codec : all_compressions) {
      const Buffer input = sample(size, ++seed);
      Buffer packed;
      compressor.compress(codec, input, packed);
      Buffer out;
      const auto done = decompressor.decompress(codec, packed, plenty, out);
      ASSERT_TRUE(done) << name_of(codec) << ' ' << size;
      ASSERT_EQ(out, input) << name_of(codec) << ' ' << size;
    }
}

TEST(Compression, AppendsBehindWhatIsThere) {
  const Buffer input = sample(1000, 1);
  for (const Compression codec : all_compressions) {
    Buffer out{std::byte{42}};
    Compressor{}.compress(codec, input, out);
    EXPECT_EQ(out.front(), std::byte{42});
    Buffer back{std::byte{43}};
    ASSERT_TRUE(Decompressor{}.decompress(codec, Bytes{out}.subspan(1), plenty, back));
    EXPECT_EQ(back.front(), std::byte{43});
    EXPECT_TRUE(std::ranges::equal(Bytes{back}.subspan(1), input));
  }
}

TEST(Compression, LevelsChangeTheSizeNotTheContent) {
  const Buffer input = sample(300'000, 5);
  const CompressionLevels fast{.gzip = 1, .lz4 = 9, .zstd = -50};
  const CompressionLevels strong{.gzip = 9, .lz4 = 17, .zstd = 19};
  for (const Compression codec : {Compression::gzip, Compression::lz4, Compression::zstd}) {
    const Buffer large = compressed(codec, input, fast);
    const Buffer small = compressed(codec, input, strong);
    EXPECT_LT(small.size(), large.size()) << name_of(codec);
    EXPECT_EQ(decompressed(codec, large), input);
    EXPECT_EQ(decompressed(codec, small), input);
  }
}

TEST(Compression, LevelsOutOfRangeAreTakenToTheEnds) {
  const Buffer input = sample(10'000, 6);
  for (const int level : {-1'000'000, -1, 0, 100})
    for (const Compression codec : real_codecs)
      EXPECT_EQ(decompressed(codec, compressed(codec, input, {level, level, level})), input);
}

TEST(Compression, ReadsWhatEveryClientWrote) {
  const std::string large = golden_large_value();
  for (const std::string client : golden_clients) {
    const Buffer plain = records_of(read_golden_bytes(client + "_none_small"));
    for (const Compression codec : real_codecs) {
      const std::string name = client + "_" + std::string{name_of(codec)};
      const Buffer small = records_of(read_golden_bytes(name + "_small"));
      EXPECT_EQ(decompressed(codec, small), plain) << name;

      const auto area = decompressed(codec, records_of(read_golden_bytes(name + "_large")));
      ASSERT_TRUE(area) << name;
      const auto record = RecordIterator{*area, 1}.next();
      ASSERT_TRUE(record) << name;
      EXPECT_EQ(as_text(record->value.value()), large) << name;
    }
  }
}

TEST(Compression, GzipReadsConcatenatedMembers) {
  Buffer both = compressed(Compression::gzip, as_bytes("first, "));
  const Buffer second = compressed(Compression::gzip, as_bytes("second"));
  both.insert(both.end(), second.begin(), second.end());
  EXPECT_EQ(as_text(decompressed(Compression::gzip, both).value()), "first, second");
}

TEST(Compression, ZstdReadsConcatenatedFrames) {
  Buffer both = compressed(Compression::zstd, as_bytes("first, "));
  const Buffer second = compressed(Compression::zstd, as_bytes("second"));
  both.insert(both.end(), second.begin(), second.end());
  EXPECT_EQ(as_text(decompressed(Compression::zstd, both).value()), "first, second");
}

TEST(Compression, SnappyIsWrittenInBlocksOfJava) {
  const Buffer input = sample(100'000, 9);
  const Buffer packed = compressed(Compression::snappy, input);
  constexpr std::array<std::uint8_t, 16> header{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                                0,    0,   0,   1,   0,   0,   0,   1};
  EXPECT_TRUE(std::ranges::equal(Bytes{packed}.first(16), std::as_bytes(std::span{header})));
  std::size_t blocks = 0;
  for (std::size_t at = 16; at < packed.size(); ++blocks)
    at += 4 + static_cast<std::size_t>(load_big_endian<std::int32_t>(packed.data() + at));
  EXPECT_EQ(blocks, 4u);
}

TEST(Compression, SnappyRefusesAnUnknownXerialVersion) {
  Buffer packed = compressed(Compression::snappy, as_bytes("text"));
  store_big_endian(packed.data() + 8, std::int32_t{0});
  EXPECT_EQ(decompressed(Compression::snappy, packed).error(), BatchError::bad_compression);
}

TEST(Compression, SnappyDoesNotBelieveAnnouncedLengths) {
  // A raw block that announces 4 GiB - 1.
  const Buffer raw{std::byte{0xff}, std::byte{0xff}, std::byte{0xff},
                   std::byte{0xff}, std::byte{0x0f}, std::byte{0}};
  EXPECT_EQ(decompressed(Compression::snappy, raw).error(), BatchError::bad_compression);
  Buffer xerial = compressed(Compression::snappy, as_bytes("text"));
  for (const std::int32_t length : {-1, 0, 1 << 30}) {
    store_big_endian(xerial.data() + 16, length);
    EXPECT_EQ(decompressed(Compression::snappy, xerial).error(), BatchError::bad_compression);
  }
}

TEST(Compression, Lz4IsWrittenAsJavaReadsIt) {
  const Buffer packed = compressed(Compression::lz4, sample(200'000, 3));
  EXPECT_EQ(load_big_endian<std::uint32_t>(packed.data()), 0x04224d18u);
  EXPECT_EQ(packed[4], std::byte{0x60});  // version 1, independent blocks, no checksums, no size
  EXPECT_EQ(packed[5], std::byte{0x40});  // 64 KiB
}

TEST(Compression, Lz4RefusesLinkedBlocks) {
  const Buffer linked = read_golden_bytes("lz4_linked_frame");
  EXPECT_EQ(decompressed(Compression::lz4, linked).error(), BatchError::bad_compression);
}

TEST(Compression, Lz4RefusesWhatIsNoPlainFrame) {
  const Buffer good = compressed(Compression::lz4, as_bytes("some text"));
  for (const std::uint32_t magic : {0x184d2a50u, 0x184c2102u, 0u}) {  // skippable, legacy, none
    Buffer other = good;
    store_big_endian(other.data(), std::byteswap(magic));
    EXPECT_EQ(decompressed(Compression::lz4, other).error(), BatchError::bad_compression);
  }
  Buffer wrong_checksum = good;
  wrong_checksum[6] ^= std::byte{1};
  EXPECT_EQ(decompressed(Compression::lz4, wrong_checksum).error(), BatchError::bad_compression);
}

TEST(Compression, BytesBehindTheEndAreDamage) {
  for (const Compression codec : real_codecs) {
    Buffer packed = compressed(codec, as_bytes("some text"));
    packed.push_back(std::byte{0});
    EXPECT_EQ(decompressed(codec, packed).error(), BatchError::bad_compression) << name_of(codec);
  }
}

TEST(Compression, CutShortAnywhereIsDamage) {
  const Buffer input = sample(3000, 12);
  for (const Compression codec : real_codecs) {
    const Buffer packed = compressed(codec, input);
    for (std::size_t size = 0; size < packed.size(); ++size) {
      // What is left of xerial without its only block is an empty stream.
      if (codec == Compression::snappy && size == 16) continue;
      ASSERT_EQ(decompressed(codec, Bytes{packed}.first(size)).error(), BatchError::bad_compression)
          << name_of(codec) << ' ' << size;
    }
  }
}

TEST(Compression, UnknownCodecIsNamed) {
  EXPECT_EQ(decompressed(static_cast<Compression>(5), as_bytes("x")).error(),
            BatchError::unknown_compression);
}

TEST(Compression, OutputIsBoundedExactly) {
  const Buffer input(5 << 20);  // zeros: five kilobytes or so, compressed
  for (const Compression codec : all_compressions) {
    const Buffer packed = compressed(codec, input);
    EXPECT_EQ(decompressed(codec, packed, input.size()).value().size(), input.size());
    EXPECT_EQ(decompressed(codec, packed, input.size() - 1).error(), BatchError::output_too_large);
    EXPECT_EQ(decompressed(codec, packed, 1000).error(), BatchError::output_too_large);
    EXPECT_EQ(decompressed(codec, packed, 0).error(), BatchError::output_too_large);
  }
}

TEST(Compression, AllocationFollowsTheOutput) {
  for (const Compression codec : real_codecs) {
    const Buffer packed = compressed(codec, Buffer(64 << 20));
    Buffer out;
    EXPECT_FALSE(Decompressor{}.decompress(codec, packed, 1 << 20, out));
    EXPECT_LE(out.capacity(), std::max<std::size_t>(2 << 20, 8 * packed.size())) << name_of(codec);
  }
}

TEST(Compression, ZstdWindowsBeyondTheOptionAreRefused) {
  // A frame header that announces a window of 64 MiB (windowLog 26), and no more.
  const Buffer frame{std::byte{0x28}, std::byte{0xb5}, std::byte{0x2f},
                     std::byte{0xfd}, std::byte{0x00}, std::byte{0x80}};
  Buffer out;
  Decompressor careful{{.zstd_window_log_max = 23}};
  EXPECT_FALSE(careful.decompress(Compression::zstd, frame, plenty, out));
  ASSERT_TRUE(careful.decompress(Compression::zstd, compressed(Compression::zstd, as_bytes("x")),
                                 plenty, out));
  EXPECT_EQ(out.size(), 1u);
}

// Found by the fuzzer: twelve bytes of zstd 0.7 made the library ask for 126 MB.
TEST(Compression, ZstdBefore1IsRefused) {
  Buffer frame = compressed(Compression::zstd, as_bytes("some text"));
  for (const int version : {0x22, 0x23, 0x24, 0x25, 0x26, 0x27}) {
    frame[0] = static_cast<std::byte>(version);
    EXPECT_EQ(decompressed(Compression::zstd, frame).error(), BatchError::bad_compression);
  }
}

TEST(Decompressor, ReadsInSlicesOfAnySize) {
  const Buffer input = sample(100'000, 21);
  Decompressor decompressor;
  for (const Compression codec : all_compressions) {
    const Buffer packed = compressed(codec, input);
    for (const std::size_t slice : {1u, 3u, 1000u, 32'768u, 65'536u, 200'000u}) {
      ASSERT_TRUE(decompressor.start(codec, packed));
      Buffer out(input.size() + slice);
      std::size_t size = 0;
      while (true) {
        const auto read = decompressor.read(MutableBytes{out}.subspan(size, slice));
        ASSERT_TRUE(read);
        size += *read;
        if (*read < slice) break;
      }
      out.resize(size);
      ASSERT_EQ(out, input) << name_of(codec) << ' ' << slice;
      std::byte more;
      EXPECT_EQ(decompressor.read({&more, 1}), 0u);  // and stays at the end
    }
  }
}

TEST(Decompressor, IsGoodAsNewAfterDamageAndAfterStoppingHalfway) {
  Decompressor decompressor;
  const Buffer input = sample(50'000, 33);
  for (const Compression codec : real_codecs) {
    const Buffer good = compressed(codec, input);
    Buffer bad = good;
    for (std::size_t i = bad.size() / 2; i < bad.size(); ++i) bad[i] ^= std::byte{0xa5};
    for (int round = 0; round < 3; ++round) {
      Buffer out;
      EXPECT_FALSE(decompressor.decompress(codec, bad, plenty, out)) << name_of(codec);
      ASSERT_TRUE(decompressor.start(codec, good));
      std::array<std::byte, 100> some;
      ASSERT_TRUE(decompressor.read(some));
      ASSERT_TRUE(decompressor.decompress(codec, good, plenty, out)) << name_of(codec);
      ASSERT_EQ(out, input);
    }
  }
}

TEST(Decompressor, IsGoodAsNewAfterALargeWindow) {
  Decompressor decompressor;
  const Buffer zeros(20 << 20);
  const Buffer packed = compressed(Compression::zstd, zeros);
  for (int round = 0; round < 2; ++round) {
    Buffer out;
    ASSERT_TRUE(decompressor.decompress(Compression::zstd, packed, plenty, out));
    ASSERT_EQ(out, zeros);
    std::byte more;
    EXPECT_EQ(decompressor.read({&more, 1}), 0u);
  }
}

TEST(DecompressorPool, GivesEachUserItsOwn) {
  DecompressorPool pool{{}, 1};
  const Buffer input = sample(50'000, 34);
  const Buffer packed = compressed(Compression::zstd, input);
  for (int round = 0; round < 3; ++round) {
    Decompressor one = pool.take();
    Decompressor other = pool.take();
    ASSERT_TRUE(one.start(Compression::zstd, packed));
    std::array<std::byte, 100> some;
    ASSERT_TRUE(one.read(some));
    Buffer out;
    ASSERT_TRUE(other.decompress(Compression::zstd, packed, plenty, out));
    EXPECT_EQ(out, input);
    Buffer rest(input.size());
    EXPECT_EQ(one.read(rest), input.size() - some.size());
    pool.give_back(std::move(one));
    pool.give_back(std::move(other));
  }
}

TEST(Decompressor, SurvivesMutatedInput) {
  SeededRandom random{2027};
  Decompressor decompressor;
  for (const Compression codec : real_codecs) {
    const Buffer good = compressed(codec, sample(5000, 44));
    for (int round = 0; round < 5000; ++round) {
      Buffer bad = good;
      for (std::uint64_t left = 1 + random.below(5); left > 0; --left)
        bad[random.below(bad.size())] = static_cast<std::byte>(random.next());
      if (random.below(4) == 0) bad.resize(random.below(bad.size()));
      Buffer out;
      const auto done = decompressor.decompress(codec, bad, 100'000, out);
      ASSERT_LE(out.size(), 100'000u);
      if (!done) ASSERT_TRUE(out.empty());
    }
  }
}

}  // namespace
}  // namespace sluice::protocol
