#include "sluice/types.hpp"

#include "sluice/consumer.hpp"
#include "sluice/export.hpp"

#include <array>

namespace sluice {
namespace {
constexpr std::array<std::string_view, 5> codec_names = {"none", "gzip", "snappy", "lz4", "zstd"};
constexpr std::array<std::string_view, 4> assignor_names = {"range", "roundrobin",
                                                            "cooperative-sticky", "sticky"};
}  // namespace

std::optional<Codec> codec_from_name(std::string_view name) {
  for (std::size_t i = 0; i < codec_names.size(); ++i)
    if (codec_names[i] == name) return static_cast<Codec>(i);
  return std::nullopt;
}

std::string_view codec_name(Codec codec) {
  const auto i = static_cast<std::size_t>(codec);
  return i < codec_names.size() ? codec_names[i] : "unknown";
}

SLUICE_EXPORT OwnedRecord copy(const RecordView& record) {
  const auto text = [](const std::optional<Bytes>& bytes) {
    return bytes ? std::optional(std::string(as_text(*bytes))) : std::nullopt;
  };
  OwnedRecord owned{.topic = std::string(record.topic),
                    .partition = record.partition,
                    .offset = record.offset,
                    .timestamp_ms = record.timestamp_ms,
                    .key = text(record.key),
                    .value = text(record.value)};
  for (const auto& header : record.headers)
    owned.headers.push_back({std::string(header.key), text(header.value)});
  return owned;
}

std::string_view assignor_name(Assignor assignor) {
  return assignor_names[static_cast<std::size_t>(assignor)];
}

std::optional<Assignor> assignor_from_name(std::string_view name) {
  for (std::size_t i = 0; i < assignor_names.size(); ++i)
    if (assignor_names[i] == name) return static_cast<Assignor>(i);
  return std::nullopt;
}

}  // namespace sluice
