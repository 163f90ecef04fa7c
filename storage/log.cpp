#include "storage/log.hpp"

#include "storage/log_parts.hpp"

#include <cstring>

namespace sluice::storage {

Log::Log(Key, std::shared_ptr<LogParts> parts) : parts_(std::move(parts)) {}
Log::~Log() = default;

Result<AppendInfo> Log::append(Bytes batch, const protocol::BatchHeader& header) {
  return parts_->append(batch, header);
}
Result<std::optional<AppendInfo>> Log::find_duplicate(const protocol::BatchHeader& header) const {
  return parts_->find_duplicate(header);
}
Task<Result<>> Log::room_for(std::size_t size) { return parts_->room_for(size); }
Task<Result<AppendInfo>> Log::append_when_room(Bytes batch, const protocol::BatchHeader& header) {
  return parts_->append_when_room(batch, header);
}
Task<Result<>> Log::wait_durable(Offset end) { return parts_->wait_durable(end); }

Offset Log::log_start_offset() const { return parts_->log_start; }
Offset Log::high_watermark() const { return parts_->durable_offset; }
Offset Log::log_end_offset() const { return parts_->end_offset; }
LeaderEpoch Log::leader_epoch() const { return parts_->epoch; }

EpochEnd Log::end_of_epoch(LeaderEpoch epoch) const {
  // The current epoch has no entry before its first record, but it ends where the log does.
  if (epoch == parts_->epoch) return {epoch, parts_->durable_offset};
  if (epoch > parts_->epoch || epoch < 0) return {};
  if (parts_->epoch_pending && epoch >= parts_->epochs.latest())
    return parts_->epochs.latest() < 0 ? EpochEnd{}
                                       : EpochEnd{parts_->epochs.latest(), parts_->durable_offset};
  const Epochs::End end = parts_->epochs.end_of(epoch, parts_->durable_offset);
  return {end.epoch, end.end};
}

std::int64_t Log::size_on_disk() const {
  std::int64_t size = 0;
  for (const SegmentPtr& segment : parts_->segments) size += segment->size;
  return size;
}
std::int64_t Log::active_bytes() const { return parts_->active().size; }
std::size_t Log::segment_count() const { return parts_->segments.size(); }
std::vector<ProducerInfo> Log::producers() const { return parts_->producers.describe(); }
bool Log::fenced() const { return parts_->fenced.has_value(); }
const Error* Log::fault() const {
  if (parts_->fenced) return &*parts_->fenced;
  return parts_->no_space ? &*parts_->no_space : nullptr;
}
const PartitionName& Log::name() const { return parts_->name; }
const RecoveryReport& Log::recovery() const { return parts_->report; }
void Log::on_high_watermark(std::move_only_function<void(Offset)> callback) {
  parts_->moved = std::move(callback);
}

Task<Result<ReadResult>> Log::read(Offset from, std::size_t max_bytes, Offset limit,
                                   AtLeastOneBatch least, Handout handout) {
  return parts_->read(from, max_bytes, limit, least, handout);
}
Task<Result<TimestampOffset>> Log::find_by_time(std::int64_t timestamp_ms) {
  return parts_->find_by_time(timestamp_ms);
}
Task<Result<TimestampOffset>> Log::max_timestamp() { return parts_->max_timestamp(); }

void Log::set_options(const LogOptions& options) { parts_->options = options; }
const LogOptions& Log::options() const { return parts_->options; }
Task<Result<Offset>> Log::delete_records(Offset offset) { return parts_->delete_records(offset); }
Task<Result<std::vector<ClosedSegment>>> Log::closed_segments(std::int64_t bytes) {
  return parts_->closed_segments(bytes);
}
Task<Result<>> Log::close_active_segment() { return parts_->close_active_segment(); }
Task<Result<std::size_t>> Log::apply_retention() { return parts_->apply_retention(); }
bool Log::needs_compaction() const { return parts_->needs_compaction(); }
Task<Result<>> Log::compact() { return parts_->compact(); }
Task<Result<>> Log::maintain() { return parts_->maintain(); }
bool Log::needs_maintain() const { return parts_->needs_maintain(); }
Task<Result<>> Log::close() { return parts_->close(); }

Slice contiguous(ReadResult read) {
  if (read.slices.empty()) return {};
  if (read.slices.size() == 1) return std::move(read.slices.front());
  auto joined = std::make_shared<std::vector<std::byte>>();
  joined->reserve(read.size);
  for (const Slice& slice : read.slices)
    joined->insert(joined->end(), slice.bytes.begin(), slice.bytes.end());
  const Bytes bytes(*joined);
  return {std::move(joined), bytes};
}

}  // namespace sluice::storage
