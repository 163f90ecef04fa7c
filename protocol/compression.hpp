// The codecs of record areas, as Kafka's clients write and read them.
//
// | codec  | written                                  | read                            |
// |--------|------------------------------------------|---------------------------------|
// | gzip   | one RFC 1952 member                      | any level, concatenated members |
// | snappy | "xerial": header, then blocks of 32 KiB  | that, and one raw block         |
// | lz4    | one frame of independent 64 KiB blocks   | one frame, independent blocks   |
// | zstd   | one frame with its size                  | frames with or without sizes    |
//
// Xerial is what Java and Python send, the raw block librdkafka and Go.
// Source: RFC 1952; snappy format_description.txt and snappy-java's SnappyOutputStream; LZ4 frame
// format 1.6.3, and Kafka's Lz4BlockInputStream for what it refuses; RFC 8878.
#pragma once

#include "base/bytes.hpp"
#include "protocol/record_batch.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <vector>

namespace sluice::protocol {

// As Kafka's compression.gzip.level, compression.lz4.level and compression.zstd.level (KIP-390);
// values outside are taken to the nearest end.
struct CompressionLevels {
  int gzip = -1;  // 1…9, -1 the library's own choice
  int lz4 = 9;    // 1…17; 9, the default, is the fast mode and all others are high compression
  int zstd = 3;   // -131072…22
  friend bool operator==(const CompressionLevels&, const CompressionLevels&) = default;
};

// Decompressed bytes of one batch beyond which it is taken for a bomb, where nothing else is said.
inline constexpr std::size_t decompressed_size_max_default = 128 * 1024 * 1024;

// Compresses. Keeps the libraries' contexts from one call to the next; made on first use of each
// codec. Not thread-safe: one for each shard or worker.
class Compressor {
 public:
  explicit Compressor(CompressionLevels levels = {});
  ~Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;

  // Appends `input` to `out`, compressed; with Compression::none, as it is.
  // Requires: is_known(codec); input of less than 2 GiB.
  void compress(Compression codec, Bytes input, std::vector<std::byte>& out);

 private:
  struct Contexts;
  CompressionLevels levels_;
  std::unique_ptr<Contexts> contexts_;
};

struct DecompressorOptions {
  // Largest zstd window accepted, as a power of two. A frame announces it and a context keeps it
  // while it reads; 27 (128 MiB, of which only what is written is touched) is what level 22 needs.
  int zstd_window_log_max = 27;
};

// Decompresses input that no one has checked: at once, or a slice at a time. Memory follows what
// comes out, never what the input announces. Keeps contexts as Compressor does. Not thread-safe.
class Decompressor {
 public:
  explicit Decompressor(DecompressorOptions options = {});
  ~Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;

  // Appends the decompressed `input` to `out`. On an error `out` is as before.
  // Errors: unknown_compression, bad_compression, output_too_large (more than `output_size_max`).
  std::expected<void, BatchError> decompress(Compression codec, Bytes input,
                                             std::size_t output_size_max,
                                             std::vector<std::byte>& out);

  // A slice at a time: start(), then read() until it gives 0. A new start() drops the old input.
  // Lifetime: `input` is borrowed until then. Error of start: unknown_compression.
  std::expected<void, BatchError> start(Compression codec, Bytes input);
  // Fills `out`; gives fewer bytes only where the data ends, 0 after that.
  // Error: bad_compression, also for bytes behind the end.
  // Requires: start() succeeded and no read() failed since; out is not empty.
  std::expected<std::size_t, BatchError> read(MutableBytes out);

 private:
  struct Streams;
  std::unique_ptr<Streams> streams_;
};

// Decompressors that are not in use: a new one costs 5 µs (lz4) to 15 µs (zstd), as much as a small
// batch. For owners whose work overlaps, as checks that are taken slice by slice do.
class DecompressorPool {
 public:
  // Keeps `kept_max` idle ones at most; more may be in use at a time.
  explicit DecompressorPool(DecompressorOptions options = {}, std::size_t kept_max = 4)
      : options_(options), kept_max_(kept_max) {}
  // An idle one, or a new one.
  Decompressor take();
  void give_back(Decompressor decompressor);

 private:
  DecompressorOptions options_;
  std::size_t kept_max_;
  std::vector<Decompressor> idle_;
};

}  // namespace sluice::protocol
