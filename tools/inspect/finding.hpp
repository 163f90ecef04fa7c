// What is wrong in a log, and where.
#pragma once

#include "protocol/ids.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::inspect {

enum class FindingKind : std::uint8_t {
  batch,       // bytes of a .log that are no intact batch
  offset,      // a base offset that its neighbours contradict: nothing is lost
  epoch,       // a leader epoch that the checkpoint contradicts: nothing is lost
  records,     // the CRC holds, the records contradict their header
  sequence,    // a producer's sequence jumps (warning)
  missing,     // a segment, or the end of one, is not there
  index,       // .index: rebuilt from the log
  time_index,  // .timeindex: rebuilt from the log
  seal,        // .seal is damaged, or the log is not what was sealed
  snapshot,    // .snapshot of producers: an older one is used, or the log
  checkpoint,  // a small text file, the frontier, the catalog
  frontier,    // the saved frontier is intact and names no batch: nothing is lost
};
// The name in JSON: "time-index".
std::string_view name_of(FindingKind kind);

enum class Severity : std::uint8_t { warning, damage };

struct Finding {
  FindingKind kind = FindingKind::batch;
  Severity severity = Severity::damage;
  std::string partition;  // TOPIC-PARTITION; empty: of the data directory
  std::string file;       // path of the file
  std::int64_t position = 0;
  std::int64_t size = 0;     // bytes; 0: not of a range
  Offset first_offset = -1;  // records concerned: first and last; -1 none or unknown
  Offset last_offset = -1;
  // Where records can be read again, in offsets; -1: nowhere in this file.
  Offset readable_from = -1;
  std::string detail;  // a few words: "CRC mismatch"
};

}  // namespace sluice::inspect
