// Compressor of compression.hpp.
#include "base/check.hpp"
#include "protocol/compression.hpp"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>

namespace sluice::protocol {
namespace {

constexpr std::size_t snappy_block_size = 32 * 1024;
constexpr std::array<std::uint8_t, 16> xerial_header{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                                     0,    0,   0,   1,   0,   0,   0,   1};
constexpr int gzip_window = 15 + 16;  // zlib: 32 KiB window, with a gzip header
constexpr int gzip_memory_level = 8;

// Makes room for `size` bytes behind what is there and returns where they begin.
std::byte* grow(std::vector<std::byte>& out, std::size_t size) {
  const std::size_t before = out.size();
  out.resize(before + size);
  return out.data() + before;
}
void shrink_to(std::vector<std::byte>& out, const std::byte* end) {
  out.resize(static_cast<std::size_t>(end - out.data()));
}

void compress_snappy(Bytes input, std::vector<std::byte>& out) {
  const auto header = std::as_bytes(std::span{xerial_header});
  out.insert(out.end(), header.begin(), header.end());
  while (!input.empty()) {
    const Bytes block = input.first(std::min(input.size(), snappy_block_size));
    std::byte* const at = grow(out, 4 + snappy::MaxCompressedLength(block.size()));
    std::size_t size = 0;
    snappy::RawCompress(as_text(block).data(), block.size(), reinterpret_cast<char*>(at + 4),
                        &size);
    store_big_endian(at, static_cast<std::int32_t>(size));
    shrink_to(out, at + 4 + size);
    input = input.subspan(block.size());
  }
}

LZ4F_preferences_t lz4_preferences(int level) {
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // Java refuses the other
  preferences.autoFlush = 1;
  constexpr int fast_level = 9;  // Kafka's number for the fast mode
  constexpr int high_level_min = 3;
  preferences.compressionLevel =
      level == fast_level ? 0 : std::clamp(level, high_level_min, LZ4F_compressionLevel_max());
  return preferences;
}

}  // namespace

struct Compressor::Contexts {
  Contexts() = default;
  Contexts(const Contexts&) = delete;
  Contexts& operator=(const Contexts&) = delete;
  ~Contexts() {
    if (gzip_ready) deflateEnd(&gzip);
    if (lz4 != nullptr) LZ4F_freeCompressionContext(lz4);
    ZSTD_freeCCtx(zstd);
  }

  void compress_gzip(Bytes input, int level, std::vector<std::byte>& out);
  void compress_lz4(Bytes input, int level, std::vector<std::byte>& out);
  void compress_zstd(Bytes input, int level, std::vector<std::byte>& out);

  z_stream gzip{};
  bool gzip_ready = false;
  LZ4F_cctx* lz4 = nullptr;
  ZSTD_CCtx* zstd = nullptr;
};

void Compressor::Contexts::compress_gzip(Bytes input, int level, std::vector<std::byte>& out) {
  if (!gzip_ready) {
    const int wanted = level < 1 ? Z_DEFAULT_COMPRESSION : std::min(level, 9);
    SLUICE_CHECK(deflateInit2(&gzip, wanted, Z_DEFLATED, gzip_window, gzip_memory_level,
                              Z_DEFAULT_STRATEGY) == Z_OK);
    gzip_ready = true;
  } else {
    SLUICE_CHECK(deflateReset(&gzip) == Z_OK);
  }
  const std::size_t bound = deflateBound(&gzip, input.size());
  std::byte* const at = grow(out, bound);
  gzip.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));
  gzip.avail_in = static_cast<uInt>(input.size());
  gzip.next_out = reinterpret_cast<Bytef*>(at);
  gzip.avail_out = static_cast<uInt>(bound);
  SLUICE_CHECK(deflate(&gzip, Z_FINISH) == Z_STREAM_END);
  shrink_to(out, at + bound - gzip.avail_out);
}

void Compressor::Contexts::compress_lz4(Bytes input, int level, std::vector<std::byte>& out) {
  if (lz4 == nullptr)
    SLUICE_CHECK(LZ4F_isError(LZ4F_createCompressionContext(&lz4, LZ4F_VERSION)) == 0);
  const LZ4F_preferences_t preferences = lz4_preferences(level);
  const std::size_t bound = LZ4F_HEADER_SIZE_MAX + LZ4F_compressBound(input.size(), &preferences);
  std::byte* const first = grow(out, bound);
  std::byte* at = first;
  const auto advance = [&at](std::size_t written) {
    SLUICE_CHECK(LZ4F_isError(written) == 0);
    at += written;
  };
  const auto left = [&] { return bound - static_cast<std::size_t>(at - first); };
  advance(LZ4F_compressBegin(lz4, at, left(), &preferences));
  if (!input.empty())
    advance(LZ4F_compressUpdate(lz4, at, left(), input.data(), input.size(), nullptr));
  advance(LZ4F_compressEnd(lz4, at, left(), nullptr));
  shrink_to(out, at);
}

void Compressor::Contexts::compress_zstd(Bytes input, int level, std::vector<std::byte>& out) {
  if (zstd == nullptr) {
    zstd = ZSTD_createCCtx();
    SLUICE_CHECK(zstd != nullptr);
    const int wanted = std::clamp(level, ZSTD_minCLevel(), ZSTD_maxCLevel());
    SLUICE_CHECK(ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, wanted)) == 0);
  }
  const std::size_t bound = ZSTD_compressBound(input.size());
  std::byte* const at = grow(out, bound);
  const std::size_t size = ZSTD_compress2(zstd, at, bound, input.data(), input.size());
  SLUICE_CHECK(ZSTD_isError(size) == 0);
  shrink_to(out, at + size);
}

Compressor::Compressor(CompressionLevels levels)
    : levels_(levels), contexts_(std::make_unique<Contexts>()) {}
Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;

void Compressor::compress(Compression codec, Bytes input, std::vector<std::byte>& out) {
  constexpr std::size_t input_size_max = 0x7fffffff;
  SLUICE_CHECK(input.size() <= input_size_max);
  switch (codec) {
    case Compression::none:
      out.insert(out.end(), input.begin(), input.end());
      return;
    case Compression::gzip:
      contexts_->compress_gzip(input, levels_.gzip, out);
      return;
    case Compression::snappy:
      compress_snappy(input, out);
      return;
    case Compression::lz4:
      contexts_->compress_lz4(input, levels_.lz4, out);
      return;
    case Compression::zstd:
      contexts_->compress_zstd(input, levels_.zstd, out);
      return;
  }
  SLUICE_CHECK(is_known(codec));
}

}  // namespace sluice::protocol
