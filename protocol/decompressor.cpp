// Decompressor of compression.hpp: a stream a codec, all with start() and read().
#include "base/check.hpp"
#include "protocol/compression.hpp"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice::protocol {
namespace {

using ReadResult = std::expected<std::size_t, BatchError>;

std::unexpected<BatchError> damaged() { return std::unexpected(BatchError::bad_compression); }

class PlainStream {
 public:
  void start(Bytes input) { input_ = input; }
  ReadResult read(MutableBytes out) {
    const std::size_t size = std::min(out.size(), input_.size());
    if (size > 0) std::memcpy(out.data(), input_.data(), size);
    input_ = input_.subspan(size);
    return size;
  }

 private:
  Bytes input_;
};

class GzipStream {
 public:
  GzipStream() = default;
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  ~GzipStream() {
    if (ready_) inflateEnd(&stream_);
  }

  void start(Bytes input) {
    constexpr int gzip_only = 15 + 16;  // zlib: 32 KiB window, gzip header required
    SLUICE_CHECK((ready_ ? inflateReset(&stream_) : inflateInit2(&stream_, gzip_only)) == Z_OK);
    ready_ = true;
    ended_ = false;
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));
    stream_.avail_in = static_cast<uInt>(input.size());
  }

  ReadResult read(MutableBytes out) {
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    while (stream_.avail_out > 0 && !ended_) {
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        if (stream_.avail_in == 0) {
          ended_ = true;
        } else if (inflateReset(&stream_) != Z_OK) {  // the next member
          return damaged();
        }
      } else if (status != Z_OK) {  // Z_BUF_ERROR: the input is cut short
        return damaged();
      }
    }
    return out.size() - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool ended_ = false;
};

// A raw block, or xerial's sequence of blocks, each behind its length.
class SnappyStream {
 public:
  void start(Bytes input) {
    constexpr std::array<std::uint8_t, 8> magic{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
    constexpr std::size_t header_size = 16;
    input_ = input;
    block_size_ = block_position_ = 0;
    xerial_ =
        input.size() >= header_size && std::memcmp(input.data(), magic.data(), magic.size()) == 0;
    raw_left_ = !xerial_;
    if (xerial_) {
      version_ = load_big_endian<std::int32_t>(input.data() + magic.size());
      input_ = input.subspan(header_size);
    }
  }

  ReadResult read(MutableBytes out) {
    std::size_t done = 0;
    while (done < out.size()) {
      if (block_position_ == block_size_) {
        Bytes compressed;
        const auto more = next_block(compressed);
        if (!more) return damaged();
        if (!*more) break;
        const auto size = output_size(compressed);
        if (!size) return damaged();
        if (*size <= out.size() - done) {  // straight to where it belongs
          if (!uncompress(compressed, out.data() + done)) return damaged();
          done += *size;
          continue;
        }
        if (*size > block_capacity_) {
          // Not initialised: pages are touched as output fills them.
          block_ = std::make_unique_for_overwrite<std::byte[]>(*size);
          block_capacity_ = *size;
        }
        if (!uncompress(compressed, block_.get())) return damaged();
        block_size_ = *size;
        block_position_ = 0;
      }
      const std::size_t size = std::min(out.size() - done, block_size_ - block_position_);
      std::memcpy(out.data() + done, block_.get() + block_position_, size);
      done += size;
      block_position_ += size;
    }
    if (block_position_ == block_size_ && block_capacity_ > capacity_kept_max) {
      block_.reset();
      block_capacity_ = block_size_ = block_position_ = 0;
    }
    return done;
  }

 private:
  static constexpr std::size_t capacity_kept_max = 1024 * 1024;

  // The next compressed block; false at the end.
  std::expected<bool, BatchError> next_block(Bytes& block) {
    if (!xerial_) {
      if (!raw_left_) return false;
      raw_left_ = false;
      block = input_;
      return true;
    }
    if (version_ < 1) return damaged();
    if (input_.empty()) return false;
    if (input_.size() < sizeof(std::int32_t)) return damaged();
    const auto size = load_big_endian<std::int32_t>(input_.data());
    input_ = input_.subspan(sizeof(std::int32_t));
    if (size <= 0 || static_cast<std::size_t>(size) > input_.size()) return damaged();
    block = input_.first(static_cast<std::size_t>(size));
    input_ = input_.subspan(block.size());
    return true;
  }

  // What the block announces, if its bytes could make that much: an element gives at most 64 bytes
  // for 3.
  static std::expected<std::size_t, BatchError> output_size(Bytes block) {
    constexpr std::size_t ratio_max = 22;
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(as_text(block).data(), block.size(), &size))
      return damaged();
    if (size / ratio_max > block.size()) return damaged();
    return size;
  }
  static bool uncompress(Bytes block, std::byte* out) {
    return snappy::RawUncompress(as_text(block).data(), block.size(), reinterpret_cast<char*>(out));
  }

  Bytes input_;
  bool xerial_ = false;
  bool raw_left_ = false;
  std::int32_t version_ = 0;
  // A block that did not fit the reader's buffer.
  std::unique_ptr<std::byte[]> block_;
  std::size_t block_capacity_ = 0;
  std::size_t block_size_ = 0;
  std::size_t block_position_ = 0;
};

class Lz4Stream {
 public:
  Lz4Stream() = default;
  Lz4Stream(const Lz4Stream&) = delete;
  Lz4Stream& operator=(const Lz4Stream&) = delete;
  ~Lz4Stream() {
    if (context_ != nullptr) LZ4F_freeDecompressionContext(context_);
  }

  void start(Bytes input) {
    if (context_ == nullptr) {
      SLUICE_CHECK(LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)) == 0);
    } else {
      LZ4F_resetDecompressionContext(context_);
    }
    input_ = input;
    ended_ = false;
    acceptable_ = has_acceptable_header(input);
  }

  ReadResult read(MutableBytes out) {
    if (!acceptable_) return damaged();
    std::size_t done = 0;
    while (done < out.size() && !ended_) {
      std::size_t written = out.size() - done;
      std::size_t eaten = input_.size();
      const std::size_t hint =
          LZ4F_decompress(context_, out.data() + done, &written, input_.data(), &eaten, nullptr);
      if (LZ4F_isError(hint) != 0) return damaged();
      input_ = input_.subspan(eaten);
      done += written;
      if (hint == 0) {
        ended_ = true;
        if (!input_.empty()) return damaged();
      } else if (written == 0 && eaten == 0) {  // wants more than there is
        return damaged();
      }
    }
    return done;
  }

 private:
  // What Kafka's reader accepts: a frame (no skippable or legacy one) of version 1 with independent
  // blocks and without a dictionary.
  static bool has_acceptable_header(Bytes input) {
    constexpr std::array<std::uint8_t, 4> magic{0x04, 0x22, 0x4d, 0x18};
    constexpr std::uint8_t fixed_bits = 0b1110'0011;  // version, independence, reserved, dictionary
    constexpr std::uint8_t fixed_values = 0b0110'0000;
    if (input.size() <= magic.size()) return false;
    return std::memcmp(input.data(), magic.data(), magic.size()) == 0 &&
           (static_cast<std::uint8_t>(input[magic.size()]) & fixed_bits) == fixed_values;
  }

  LZ4F_dctx* context_ = nullptr;
  Bytes input_;
  bool acceptable_ = false;
  bool ended_ = false;
};

class ZstdStream {
 public:
  explicit ZstdStream(int window_log_max) : window_log_max_(window_log_max) {}
  ZstdStream(const ZstdStream&) = delete;
  ZstdStream& operator=(const ZstdStream&) = delete;
  ~ZstdStream() { ZSTD_freeDCtx(context_); }

  void start(Bytes input) {
    drop_if_large();  // of an input that was not read to its end
    if (context_ == nullptr) {
      context_ = ZSTD_createDCtx();
      SLUICE_CHECK(context_ != nullptr);
      SLUICE_CHECK(ZSTD_isError(ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax,
                                                       window_log_max_)) == 0);
    } else {
      ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
    }
    input_ = {input.data(), input.size(), 0};
    frame_open_ = false;
    ended_ = false;
  }

  ReadResult read(MutableBytes out) {
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    while (output.pos < output.size && !ended_) {
      if (!frame_open_ && !frame_follows()) return give_up();
      const std::size_t eaten_before = input_.pos;
      const std::size_t written_before = output.pos;
      const std::size_t hint = ZSTD_decompressStream(context_, &output, &input_);
      if (ZSTD_isError(hint) != 0) return give_up();
      frame_open_ = hint != 0;
      ended_ = !frame_open_ && input_.pos == input_.size;
      const bool stuck = input_.pos == eaten_before && output.pos == written_before;
      if (stuck && frame_open_) return give_up();  // it wants more than there is
    }
    if (ended_) drop_if_large();
    return output.pos;
  }

 private:
  // Whether a frame of the standard begins here. A library built with support for the formats
  // before 1.0 would take those too, and they know no limit of the window.
  bool frame_follows() const {
    constexpr std::array<std::uint8_t, 4> magic{0x28, 0xb5, 0x2f, 0xfd};
    return input_.size - input_.pos >= magic.size() &&
           std::memcmp(static_cast<const std::byte*>(input_.src) + input_.pos, magic.data(),
                       magic.size()) == 0;
  }
  std::unexpected<BatchError> give_up() {
    drop_if_large();
    return damaged();
  }
  // A context keeps its largest window; an unusual one is not worth keeping.
  void drop_if_large() {
    constexpr std::size_t size_kept_max = 16 * 1024 * 1024;
    if (context_ == nullptr || ZSTD_sizeof_DCtx(context_) <= size_kept_max) return;
    ZSTD_freeDCtx(context_);
    context_ = nullptr;
  }

  int window_log_max_;
  ZSTD_DCtx* context_ = nullptr;
  ZSTD_inBuffer input_{};
  bool frame_open_ = false;
  bool ended_ = false;
};

}  // namespace

struct Decompressor::Streams {
  explicit Streams(DecompressorOptions options) : zstd(options.zstd_window_log_max) {}

  PlainStream plain;
  GzipStream gzip;
  SnappyStream snappy;
  Lz4Stream lz4;
  ZstdStream zstd;
  Compression current = Compression::none;
};

Decompressor::Decompressor(DecompressorOptions options)
    : streams_(std::make_unique<Streams>(options)) {}
Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;

std::expected<void, BatchError> Decompressor::start(Compression codec, Bytes input) {
  if (!is_known(codec)) return std::unexpected(BatchError::unknown_compression);
  constexpr std::size_t input_size_max = 0x7fffffff;
  SLUICE_CHECK(input.size() <= input_size_max);
  streams_->current = codec;
  switch (codec) {
    case Compression::none:
      streams_->plain.start(input);
      break;
    case Compression::gzip:
      streams_->gzip.start(input);
      break;
    case Compression::snappy:
      streams_->snappy.start(input);
      break;
    case Compression::lz4:
      streams_->lz4.start(input);
      break;
    case Compression::zstd:
      streams_->zstd.start(input);
      break;
  }
  return {};
}

ReadResult Decompressor::read(MutableBytes out) {
  // zlib counts in 32 bits.
  constexpr std::size_t slice_max = 1024 * 1024 * 1024;
  out = out.first(std::min(out.size(), slice_max));
  switch (streams_->current) {
    case Compression::none:
      return streams_->plain.read(out);
    case Compression::gzip:
      return streams_->gzip.read(out);
    case Compression::snappy:
      return streams_->snappy.read(out);
    case Compression::lz4:
      return streams_->lz4.read(out);
    case Compression::zstd:
      return streams_->zstd.read(out);
  }
  return std::unexpected(BatchError::unknown_compression);
}

std::expected<void, BatchError> Decompressor::decompress(Compression codec, Bytes input,
                                                         std::size_t output_size_max,
                                                         std::vector<std::byte>& out) {
  if (const auto started = start(codec, input); !started) return started;
  const std::size_t before = out.size();
  const auto give_up = [&](BatchError error) {
    out.resize(before);
    return std::unexpected(error);
  };
  // Grows with what has come out: at first four times the input, then by half of the output.
  constexpr std::size_t step_min = 16 * 1024;
  std::size_t size = 0;
  std::size_t step = std::max(step_min, 4 * input.size());
  while (true) {
    step = std::min(step, output_size_max - size);
    if (step == 0) {
      std::byte excess;
      const auto more = read({&excess, 1});
      if (!more) return give_up(more.error());
      if (*more > 0) return give_up(BatchError::output_too_large);
      return {};
    }
    out.resize(before + size + step);
    const auto read_size = read({out.data() + before + size, step});
    if (!read_size) return give_up(read_size.error());
    size += *read_size;
    if (*read_size < step) break;
    step = std::max(step_min, size / 2);
  }
  out.resize(before + size);
  return {};
}

Decompressor DecompressorPool::take() {
  if (idle_.empty()) return Decompressor{options_};
  Decompressor decompressor = std::move(idle_.back());
  idle_.pop_back();
  return decompressor;
}

void DecompressorPool::give_back(Decompressor decompressor) {
  if (idle_.size() < kept_max_) idle_.push_back(std::move(decompressor));
}

}  // namespace sluice::protocol
