// Any bytes under any codec: decompression ends within its bound, gives the same whole and in
// slices, and what it gives survives compression.
//
// Input: a byte for the codec (modulo 5), a byte for the slice size, and the compressed bytes.
#include "base/check.hpp"
#include "protocol/compression.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::protocol {
namespace {

constexpr std::size_t size_max = 1024 * 1024;

void use(Compression codec, std::size_t slice, Bytes input) {
  Decompressor decompressor{{.zstd_window_log_max = 23}};
  std::vector<std::byte> whole;
  const auto done = decompressor.decompress(codec, input, size_max, whole);
  SLUICE_CHECK(whole.size() <= size_max);
  SLUICE_CHECK(done.has_value() || whole.empty());
  if (!done && done.error() == BatchError::output_too_large) return;

  std::vector<std::byte> pieces;
  bool failed = !decompressor.start(codec, input).has_value();
  while (!failed) {
    const std::size_t before = pieces.size();
    pieces.resize(before + slice);
    const auto read = decompressor.read({pieces.data() + before, slice});
    failed = !read;
    pieces.resize(before + read.value_or(0));
    if (read.value_or(0) < slice) break;
    SLUICE_CHECK(pieces.size() <= size_max + slice);
  }
  SLUICE_CHECK(failed == !done.has_value());
  if (failed) return;
  SLUICE_CHECK(pieces == whole);

  std::vector<std::byte> again;
  Compressor{}.compress(codec, whole, again);
  std::vector<std::byte> back;
  SLUICE_CHECK(decompressor.decompress(codec, again, size_max, back).has_value());
  SLUICE_CHECK(back == whole);
}

}  // namespace
}  // namespace sluice::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto codec = static_cast<sluice::protocol::Compression>(data[0] % 5);
  const std::size_t slice = 1 + std::size_t{data[1]} * 16;
  sluice::protocol::use(codec, slice, std::as_bytes(std::span{data + 2, size - 2}));
  return 0;
}
