#include "storage/segment.hpp"

namespace sluice::storage {

FileReads& Segment::reads_of(const std::shared_ptr<File>& opened) {
  const bool same = !reads.file.owner_before(opened) && !opened.owner_before(reads.file);
  if (!same) {
    reads = {};
    reads.file = opened;
  }
  return reads;
}

void Indexer::add(Segment& segment, const protocol::BatchHeader& header, std::int64_t position) {
  if (position == 0) segment.first_timestamp = header.max_timestamp;
  // A batch that compaction emptied has no record with its timestamp.
  if (header.record_count != 0 && header.max_timestamp > segment.max_timestamp) {
    segment.max_timestamp = header.max_timestamp;
    segment.max_timestamp_offset = header.last_offset();
  }
  if (since_entry_ > interval_ && segment.indexes != nullptr && position > 0) {
    segment.indexes->offsets.append({header.last_offset(), position});
    segment.indexes->times.maybe_append({segment.max_timestamp, segment.max_timestamp_offset});
    since_entry_ = 0;
  }
  since_entry_ += static_cast<std::int64_t>(header.size());
}

void Indexer::finish(Segment& segment) {
  if (segment.indexes != nullptr)
    segment.indexes->times.maybe_append({segment.max_timestamp, segment.max_timestamp_offset});
}

}  // namespace sluice::storage
