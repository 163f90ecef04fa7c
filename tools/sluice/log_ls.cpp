#include "storage/format.hpp"
#include "tools/inspect/segment_check.hpp"
#include "tools/inspect/segment_walk.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/log.hpp"
#include "tools/sluice/table.hpp"
#include "tools/sluice/text.hpp"

#include <unistd.h>

namespace sluice::cli {
namespace {

using inspect::DataDirectory;
using inspect::PartitionLog;
using inspect::SegmentFile;

// What the first and the last batch say. Damage shows as an end that is not known.
struct Extent {
  Offset end = -1;
  TimestampMs first_timestamp = -1;
  TimestampMs last_timestamp = -1;
  bool damaged =
      false;  // as far as this look goes: headers at the beginning and the last index step
};

// Walks the whole segment when it is the active one, else looks at its first batch only: the next
// segment's name tells its end. Errors: those of the system; a segment that retention deleted since
// the directory was listed is none.
Result<Extent> extent_of(const PartitionLog& log, const SegmentFile& segment) {
  Extent extent;
  const auto file = inspect::ReadFile::open(log.file(segment.base, storage::log_suffix));
  if (!file && inspect::is_gone(file.error())) return extent;
  if (!file) return std::unexpected(file.error());
  inspect::SegmentWalk::Range range{.first_offset = segment.base};
  if (segment.next_base) range.end_offset = *segment.next_base;
  inspect::SegmentWalk walk(*file, range);
  extent.end = segment.next_base.value_or(segment.base);
  bool first = true;
  for (;;) {
    const auto step = walk.next();
    if (!step || !*step) break;
    if (!(*step)->is_batch()) {
      const bool at_end = (*step)->position + (*step)->size >= file->size();
      const bool beyond = !log.frontier || log.frontier->segment != segment.base ||
                          (*step)->position >= log.frontier->position;
      extent.damaged = extent.damaged || !(segment.active && at_end && beyond);
      continue;
    }
    const auto& header = (*step)->header;
    if (std::exchange(first, false)) extent.first_timestamp = header.base_timestamp;
    extent.last_timestamp = std::max(extent.last_timestamp, header.max_timestamp);
    if (segment.active) extent.end = header.next_offset();
  }
  return extent;
}

std::string state_of(const SegmentFile& segment, const Extent& extent) {
  std::string state = segment.active ? "active" : segment.seal ? "sealed" : "closed";
  if (extent.damaged) state += ", damaged";
  return state;
}

std::string time_text(TimestampMs ms) { return ms < 0 ? "-" : iso_time(ms); }

void append_segment(JsonWriter& json, const SegmentFile& segment, const Extent& extent) {
  json.begin_object()
      .field("base_offset", segment.base)
      .field("end_offset", extent.end)
      .field("size_bytes", segment.size)
      .field("first_timestamp", extent.first_timestamp)
      .field("last_timestamp", extent.last_timestamp)
      .field("state", segment.active ? "active"
                      : segment.seal ? "sealed"
                                     : "closed")
      .field("damaged", extent.damaged)
      .end_object();
}

Result<std::string> as_json(const DataDirectory& directory) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .field("directory", directory.root)
      .field("writer", directory.writer == inspect::Writer::kafka ? "kafka" : "sluice")
      .field("open_by", directory.holder)
      .field("clean", directory.clean);
  json.key("partitions").begin_array();
  for (const PartitionLog& log : directory.partitions) {
    json.begin_object()
        .field("topic", log.topic)
        .field("partition", log.partition)
        .field("topic_id", log.topic_id.to_string())
        .field("log_start_offset", log.log_start);
    if (log.frontier)
      json.field("durable_offset", log.frontier->offset);
    else
      json.field("durable_offset", std::optional<Offset>{});
    json.field("aside", log.aside);
    json.key("segments").begin_array();
    for (const SegmentFile& segment : log.segments) {
      const auto extent = extent_of(log, segment);
      if (!extent) return std::unexpected(extent.error());
      append_segment(json, segment, *extent);
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
  return out + "\n";
}

}  // namespace

Exit log_ls(const Global& global, const LogOptions& options) {
  const auto directory = open_directory(options.path, options.topics);
  if (!directory) return directory.error();
  Output out;
  if (global.json) {
    const auto text = as_json(*directory);
    if (!text) return complain_of_file(text.error());
    out.write(*text);
    return Exit::ok;
  }
  if (directory->holder)
    say(global, "open by process " + *directory->holder + "; what is being written may not show");
  Table table({{"PARTITION"},
               {"SEGMENT", Align::right},
               {"END", Align::right},
               {"SIZE", Align::right},
               {"FIRST"},
               {"LAST"},
               {"STATE"}});
  for (const PartitionLog& log : directory->partitions) {
    for (const SegmentFile& segment : log.segments) {
      const auto extent = extent_of(log, segment);
      if (!extent) return complain_of_file(extent.error());
      table.add({log.directory, std::to_string(segment.base), std::to_string(extent->end),
                 human_bytes(static_cast<std::uint64_t>(segment.size)),
                 time_text(extent->first_timestamp), time_text(extent->last_timestamp),
                 state_of(segment, *extent)});
    }
    for (const auto& name : log.aside) say(global, "kept aside: " + log.path + "/" + name);
  }
  if (!table.empty()) out.write(table.to_string(style_for(STDOUT_FILENO)));
  return Exit::ok;
}

}  // namespace sluice::cli
