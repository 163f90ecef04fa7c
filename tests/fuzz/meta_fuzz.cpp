// Any bytes as the files of meta/: reading ends with a value or an error, and a catalog that is
// written again reads as the same.
//
// Input: 'C' and a catalog, 'F' and a format file, else partition.metadata and a directory's name.
#include "base/check.hpp"
#include "broker/catalog_format.hpp"
#include "broker/catalog_rebuild.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::broker {
namespace {

void use_catalog(Bytes bytes) {
  const auto image = read_catalog(bytes);
  if (!image) return;
  SLUICE_CHECK(image->good_size <= bytes.size());
  const auto frame = encode_frame(FrameKind::snapshot, 1, snapshot_changes(image->catalog));
  const auto again = read_catalog(frame);
  SLUICE_CHECK(again.has_value() && !again->torn);
  SLUICE_CHECK(again->catalog.topics().size() == image->catalog.topics().size());
  const auto second = encode_frame(FrameKind::snapshot, 1, snapshot_changes(again->catalog));
  SLUICE_CHECK(second == frame);
}

void use(Bytes input) {
  if (input.empty()) return;
  const Bytes content = input.subspan(1);
  switch (static_cast<char>(input[0])) {
    case 'C':
      return use_catalog(content);
    case 'F':
      if (const auto format = parse_format(as_text(content)))
        SLUICE_CHECK(parse_format(format_text(*format)).has_value());
      return;
    default:
      (void)parse_partition_metadata(as_text(content));
      (void)parse_partition_directory(as_text(content));
  }
}

}  // namespace
}  // namespace sluice::broker

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::broker::use(std::as_bytes(std::span{data, size}));
  return 0;
}
