// Bytes of DATA/meta/catalog and DATA/meta/format; no I/O. All integers are big-endian.
//
// meta/catalog is a sequence of frames, each written with one durable write:
//
// | at | size | meaning |
// |---|---|---|
// | 0 | 4 | magic 0x534C4346 ("SLCF") |
// | 4 | 4 | CRC-32C of everything after this field, to the end of the payload |
// | 8 | 4 | payload size |
// | 12 | 8 | sequence: one more than the frame before |
// | 20 | 1 | kind: 1 snapshot (the whole state, always and only the first frame), 2 changes |
// | 21 | … | payload: u32 count, then each change as u8 type, u32 size, body |
//
// Body by type; str is u32 length + UTF-8, map is u32 count + pairs of str in key order:
// 1 create topic: str name, 16 id, i32 partitions, i64 created ms, map overrides
// 2 delete topic: 16 id         3 grow topic: 16 id, i32 partitions
// 4 replace configs: i8 resource type, str name, map configs
// 5 reserve producer ids: i64 next
//
// meta/format is text: one KEY=VALUE a line (see FormatFile), the last line is the CRC-32C of the
// lines before it.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "broker/catalog.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sluice::broker {

inline constexpr int format_version = 1;
inline constexpr std::size_t catalog_frame_header = 21;

enum class FrameKind : std::uint8_t { snapshot = 1, changes = 2 };

// One frame with `changes`, all or nothing.
std::vector<std::byte> encode_frame(FrameKind kind, std::uint64_t sequence,
                                    std::span<const CatalogChange> changes);
// The changes that make `catalog` from nothing.
std::vector<CatalogChange> snapshot_changes(const Catalog& catalog);

// What reading a whole catalog file gives.
struct CatalogImage {
  Catalog catalog;
  std::uint64_t next_sequence = 1;
  std::size_t good_size = 0;   // bytes up to the end of the last whole frame
  std::size_t last_frame = 0;  // where that begins
  bool torn = false;           // bytes after that are no frame: the end of a write that was cut off
};
// Errors: damaged: no snapshot at the start, a change that does not apply, or a bad frame with a
// good one after it (a torn write leaves nothing good behind it); unknown_format: a change or frame
// of a newer version. The context tells the offset.
Result<CatalogImage> read_catalog(Bytes file);

struct FormatFile {
  std::string cluster_id;
  std::array<std::byte, 16> hash_secret{};
  std::int64_t created_ms = 0;
};
std::string format_text(const FormatFile& format);
// Errors: unknown_format (a newer version, or a feature we do not know), damaged.
Result<FormatFile> parse_format(std::string_view text);

}  // namespace sluice::broker
