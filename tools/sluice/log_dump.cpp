#include "protocol/record.hpp"
#include "storage/checkpoint.hpp"
#include "storage/format.hpp"
#include "tools/inspect/batch_records.hpp"
#include "tools/inspect/segment_walk.hpp"
#include "tools/sluice/bytes_text.hpp"
#include "tools/sluice/internal_records.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/log.hpp"
#include "tools/sluice/text.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>

namespace sluice::cli {
namespace {

using inspect::PartitionLog;
using inspect::SegmentFile;
using inspect::WalkStep;

struct OffsetWindow {
  Offset first = 0;
  Offset last = std::numeric_limits<Offset>::max();
};

std::optional<OffsetWindow> parse_offsets(std::string_view text) {
  OffsetWindow window;
  if (text.empty()) return window;
  const auto dash = std::min(text.find('-'), text.size());
  const auto first = storage::parse_number(text.substr(0, dash));
  if (!first || *first < 0) return std::nullopt;
  window.first = *first;
  if (dash == text.size()) return window;
  const auto last = storage::parse_number(text.substr(dash + 1));
  if (!last || *last < *first) return std::nullopt;
  window.last = *last;
  return window;
}

// A control record's key: version, then type (KIP-98): 0 abort, 1 commit.
std::string_view control_type(const protocol::Record& record) {
  if (!record.key || record.key->size() < 4) return "unknown";
  switch (load_big_endian<std::int16_t>(record.key->data() + 2)) {
    case 0:
      return "abort";
    case 1:
      return "commit";
    default:
      return "unknown";
  }
}

class Dump {
 public:
  Dump(const Global& global, const LogOptions& options, OffsetWindow window)
      : global_(global), options_(options), window_(window) {}

  // Errors: those of reading.
  Result<> segment(const PartitionLog& log, const SegmentFile& segment);
  bool over() const { return left_ == 0 || out_.broken() || interrupted(); }
  Output& out() { return out_; }
  bool damaged() const { return damaged_; }

 private:
  void batch(const PartitionLog& log, const SegmentFile& segment, const WalkStep& step);
  void batch_json(const PartitionLog& log, const SegmentFile& segment, const WalkStep& step,
                  std::optional<Bytes> area);
  void batch_text(const PartitionLog& log, const WalkStep& step, std::optional<Bytes> area);
  void record_json(JsonWriter& json, const PartitionLog& log, const WalkStep& step,
                   const protocol::Record& record);
  void record_text(const PartitionLog& log, const WalkStep& step, const protocol::Record& record);
  void damage(const PartitionLog& log, const SegmentFile& segment, const WalkStep& step,
              Offset next);

  const Global& global_;
  const LogOptions& options_;
  OffsetWindow window_;
  std::int64_t left_ = options_.count;
  Output out_;
  inspect::BatchRecords records_;
  bool damaged_ = false;
};

void Dump::record_json(JsonWriter& json, const PartitionLog& log, const WalkStep& step,
                       const protocol::Record& record) {
  json.begin_object()
      .field("offset", protocol::offset_of(record, step.header))
      .field("timestamp", protocol::timestamp_of(record, step.header))
      .field("size_bytes", record.bytes.size());
  append_bytes_field(json, "key", record.key);
  append_bytes_field(json, "value", record.value);
  json.key("headers").begin_array();
  for (const auto& header : record.headers) {
    json.begin_object().field("key", header.key);
    append_bytes_field(json, "value", header.value);
    json.end_object();
  }
  json.end_array();
  if (step.header.is_control()) json.field("control", control_type(record));
  if (const auto decoded = decode_internal(log.topic, record.key, record.value)) {
    json.key("decoded").raw_json(*decoded);
  }
  json.end_object();
}

void Dump::record_text(const PartitionLog& log, const WalkStep& step,
                       const protocol::Record& record) {
  std::string line = "  " + std::to_string(protocol::offset_of(record, step.header)) + "  " +
                     iso_time(protocol::timestamp_of(record, step.header));
  if (step.header.is_control()) {
    line += "  control=" + std::string(control_type(record));
  } else if (const auto decoded = decode_internal(log.topic, record.key, record.value)) {
    line += "  " + *decoded;
  } else {
    line += "  key=" + shown_bytes(record.key) + "  value=" + shown_bytes(record.value);
  }
  for (const auto& header : record.headers)
    line += "  " + std::string(header.key) + "=" + shown_bytes(header.value);
  out_.write(line + "\n");
}

void Dump::batch_json(const PartitionLog& log, const SegmentFile& segment, const WalkStep& step,
                      std::optional<Bytes> area) {
  const auto& h = step.header;
  std::string line;
  JsonWriter json(line);
  json.begin_object()
      .field("topic", log.topic)
      .field("partition", log.partition)
      .field("segment", segment.base)
      .field("position", step.position)
      .field("size_bytes", step.size)
      .field("state", step.flaw == inspect::Flaw::none ? "intact" : inspect::name_of(step.flaw))
      .field("base_offset", h.base_offset)
      .field("last_offset", h.last_offset())
      .field("record_count", h.record_count)
      .field("leader_epoch", h.partition_leader_epoch)
      .field("crc", h.crc)
      .field("base_timestamp", h.base_timestamp)
      .field("max_timestamp", h.max_timestamp)
      .field("timestamp_type",
             h.timestamp_type() == protocol::TimestampType::create_time ? "create" : "log-append")
      .field("producer_id", h.producer_id)
      .field("producer_epoch", h.producer_epoch)
      .field("base_sequence", h.base_sequence)
      .field("transactional", h.is_transactional())
      .field("control", h.is_control())
      .field("codec", protocol::name_of(h.compression()));
  if (area)
    json.field("uncompressed_bytes", area->size());
  else
    json.field("uncompressed_bytes", std::optional<std::int64_t>{});
  if (!options_.headers_only && area) {
    json.key("records").begin_array();
    protocol::RecordIterator records(*area, h.record_count);
    while (const auto record = records.next()) record_json(json, log, step, *record);
    json.end_array();
  }
  json.end_object();
  out_.write(line + "\n");
}

void Dump::batch_text(const PartitionLog& log, const WalkStep& step, std::optional<Bytes> area) {
  const auto& h = step.header;
  std::string line = log.directory + "  offsets " + std::to_string(h.base_offset) + "-" +
                     std::to_string(h.last_offset()) + "  position " +
                     std::to_string(step.position) + "  size " + std::to_string(step.size) +
                     "  records " + std::to_string(h.record_count) + "  epoch " +
                     std::to_string(h.partition_leader_epoch);
  if (h.has_producer_id())
    line += "  producer " + std::to_string(h.producer_id) + "/" + std::to_string(h.producer_epoch) +
            " sequence " + std::to_string(h.base_sequence);
  if (h.is_transactional()) line += "  transactional";
  if (h.is_control()) line += "  control";
  if (h.compression() != protocol::Compression::none) {
    line += "  " + std::string(protocol::name_of(h.compression()));
    const auto stored = step.size - static_cast<std::int64_t>(protocol::batch_header_size);
    if (area && stored > 0) {
      char ratio[32];
      std::snprintf(ratio, sizeof ratio, " %.2fx",
                    static_cast<double>(area->size()) / static_cast<double>(stored));
      line += ratio;
    }
  }
  if (step.flaw != inspect::Flaw::none) line += "  " + std::string(name_of(step.flaw));
  if (!area) line += "  the records cannot be decompressed";
  out_.write(line + "\n");
  if (options_.headers_only || !area) return;
  protocol::RecordIterator records(*area, h.record_count);
  while (const auto record = records.next()) {
    const auto offset = protocol::offset_of(*record, h);
    if (offset >= window_.first && offset <= window_.last) record_text(log, step, *record);
  }
  if (records.error()) out_.write("  " + std::string(protocol::describe(*records.error())) + "\n");
}

void Dump::batch(const PartitionLog& log, const SegmentFile& segment, const WalkStep& step) {
  if (left_ > 0) --left_;
  damaged_ = damaged_ || step.flaw != inspect::Flaw::none;
  const auto area = records_.area({.header = step.header, .bytes = step.bytes});
  damaged_ = damaged_ || !area;
  const auto bytes = area ? std::optional(*area) : std::nullopt;
  if (global_.json)
    batch_json(log, segment, step, bytes);
  else
    batch_text(log, step, bytes);
}

void Dump::damage(const PartitionLog& log, const SegmentFile& segment, const WalkStep& step,
                  Offset next) {
  damaged_ = true;
  if (global_.json) {
    std::string line;
    JsonWriter json(line);
    json.begin_object()
        .field("topic", log.topic)
        .field("partition", log.partition)
        .field("segment", segment.base)
        .field("position", step.position)
        .field("size_bytes", step.size)
        .field("state", inspect::name_of(step.flaw))
        .field("base_offset", step.expected)
        .field("last_offset", next - 1)
        .end_object();
    out_.write(line + "\n");
    return;
  }
  out_.write(log.directory + "  offsets " + std::to_string(step.expected) + "-" +
             std::to_string(next - 1) + "  position " + std::to_string(step.position) + "  size " +
             std::to_string(step.size) + "  DAMAGED: " + std::string(name_of(step.flaw)) + "\n");
}

Result<> Dump::segment(const PartitionLog& log, const SegmentFile& segment) {
  if (window_.last < segment.base || (segment.next_base && window_.first >= *segment.next_base))
    return {};
  const auto file = inspect::ReadFile::open(log.file(segment.base, storage::log_suffix));
  if (!file) return std::unexpected(file.error());
  inspect::SegmentWalk::Range range{.position = options_.position, .first_offset = segment.base};
  if (segment.next_base) range.end_offset = *segment.next_base;
  inspect::SegmentWalk walk(*file, range);
  std::optional<WalkStep> bad;
  while (!over()) {
    const auto step = walk.next();
    if (!step) return std::unexpected(step.error());
    // What ends an active segment is space made ready, as a rule; verify judges it.
    if (bad && *step && (*step)->header.base_offset > window_.first && options_.position == 0)
      damage(log, segment, *bad, (*step)->header.base_offset);
    else if (bad && !*step && segment.next_base && *segment.next_base > window_.first)
      damage(log, segment, *bad, *segment.next_base);
    bad.reset();
    if (!*step || (*step)->header.base_offset > window_.last) break;
    if (!(*step)->is_batch())
      bad = **step;
    else if ((*step)->header.last_offset() >= window_.first)
      batch(log, segment, **step);
  }
  return {};
}

}  // namespace

Exit log_dump(const Global& global, const LogOptions& options) {
  const auto window = parse_offsets(options.offsets);
  if (!window)
    return complain(Exit::usage, "--offset '" + options.offsets + "' is not FIRST or FIRST-LAST");
  const auto directory = open_directory(options.path, options.topics);
  if (!directory) return directory.error();
  catch_interrupts();
  Dump dump(global, options, *window);
  for (const PartitionLog& log : directory->partitions) {
    for (const SegmentFile& segment : log.segments) {
      if (dump.over()) break;
      const auto done = dump.segment(log, segment);
      if (!done && !inspect::is_gone(done.error())) return complain_of_file(done.error());
    }
  }
  dump.out().flush();
  if (dump.out().failure() != 0)
    return complain(Exit::failed, std::string("write: ") + std::strerror(dump.out().failure()));
  if (interrupted()) return complain_of_interrupt("not everything was shown");
  return dump.damaged() ? Exit::failed : Exit::ok;
}

}  // namespace sluice::cli
