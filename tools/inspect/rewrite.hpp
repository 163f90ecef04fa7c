// The steps that repair and cut are made of: files written durably, indexes and seals made anew.
#pragma once

#include "tools/files/whole_file.hpp"
#include "tools/inspect/directory.hpp"
#include "tools/inspect/read_file.hpp"

#include <string>

namespace sluice::inspect {

// A file being written. Until commit() it is NAME.tmp, which a broker removes when it opens the
// log.
Result<WholeFile> new_file(const std::string& path);
Result<> write_durably(const std::string& path, Bytes bytes);
// Appends [position, position + size) of `from`, as far as it goes.
Result<> copy(WholeFile& to, const ReadFile& from, std::int64_t position, std::int64_t size);

// Removes .index, .timeindex and .seal of a segment.
Result<> drop_side_files(const PartitionLog& log, Offset base);

// The name under which bytes of BASE.log from `position` on are kept; one that is free.
std::string aside_name(const PartitionLog& log, Offset base, std::int64_t position);

// Writes .index and .timeindex of a segment as its .log says, and, for a closed one, its seal.
enum class WithSeal : std::uint8_t { no, yes };
Result<> make_side_files(const PartitionLog& log, const SegmentFile& segment, WithSeal seal);

}  // namespace sluice::inspect
