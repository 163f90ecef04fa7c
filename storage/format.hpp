// Names and sizes of the files of a data directory. FORMAT.md describes every byte.
#pragma once

#include "protocol/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::storage {

// ---- Suffixes of files named by an offset, 20 digits ----
inline constexpr std::string_view log_suffix = ".log";
inline constexpr std::string_view index_suffix = ".index";
inline constexpr std::string_view time_index_suffix = ".timeindex";
inline constexpr std::string_view seal_suffix = ".seal";
inline constexpr std::string_view snapshot_suffix = ".snapshot";
// Bytes that recovery cut from BASE.log at POSITION: BASE.log.POSITION.cut
inline constexpr std::string_view cut_suffix = ".cut";
// A segment being compacted, and one whose compaction is complete but not yet in place.
inline constexpr std::string_view cleaned_suffix = ".cleaned";
inline constexpr std::string_view swap_suffix = ".swap";
// A file or directory on its way out.
inline constexpr std::string_view deleted_suffix = ".deleted";
inline constexpr std::string_view delete_directory_suffix = "-delete";

// ---- Other names ----
inline constexpr std::string_view epoch_checkpoint_name = "leader-epoch-checkpoint";
inline constexpr std::string_view partition_metadata_name = "partition.metadata";
inline constexpr std::string_view log_start_name = "log-start-offset-checkpoint";
inline constexpr std::string_view cleaner_checkpoint_name = "cleaner-offset-checkpoint";
// The file of a deleted segment, kept to become the next one.
inline constexpr std::string_view spare_name = "segment.spare";
inline constexpr std::string_view temporary_suffix = ".tmp";
inline constexpr std::string_view meta_directory = "meta";

inline constexpr std::size_t offset_digits = 20;

// "00000000000000000042.log"
std::string offset_file_name(Offset base, std::string_view suffix);

struct OffsetFileName {
  Offset base = 0;
  std::string_view suffix;  // with the dot: ".log", ".log.swap"
};
// Empty if `name` does not begin with 20 digits that are an offset, followed by a dot.
std::optional<OffsetFileName> parse_offset_file_name(std::string_view name);

// Rounding to blocks. Requires: value >= 0.
constexpr std::int64_t block_floor(std::int64_t value) { return value & ~std::int64_t{4095}; }
constexpr std::int64_t block_ceil(std::int64_t value) { return block_floor(value + 4095); }

}  // namespace sluice::storage
