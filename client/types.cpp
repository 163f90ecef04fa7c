#include "client/types.hpp"

#include <array>

namespace sluice::client {
namespace {
constexpr std::array<std::string_view, 5> codec_names = {"none", "gzip", "snappy", "lz4", "zstd"};
}

std::optional<Codec> codec_from_name(std::string_view name) {
  for (std::size_t i = 0; i < codec_names.size(); ++i)
    if (codec_names[i] == name) return static_cast<Codec>(i);
  return std::nullopt;
}

std::string_view codec_name(Codec codec) {
  const auto i = static_cast<std::size_t>(codec);
  return i < codec_names.size() ? codec_names[i] : "unknown";
}

}  // namespace sluice::client
