// One run of the cleaner over a log: keeps the newest record of each key, and tombstones until
// their time has come. Works on closed segments only; appends and reads go on beside it.
//
// A run has two passes. The first remembers the newest offset of every key in the dirty part, as
// far as memory reaches. The second rewrites the segments up to there, in groups that fit one
// segment, and puts each group in place by renames that a crash cannot leave half done (FORMAT.md).
#pragma once

#include "protocol/batch_rewrite.hpp"
#include "storage/key_offsets.hpp"
#include "storage/log_parts.hpp"

namespace sluice::storage {

class Compaction {
 public:
  explicit Compaction(LogParts& log);

  // Errors: closed when the log is closing; damaged: nothing was changed from there on.
  Task<Result<>> run();

 private:
  // Last segment, exclusive, that may be compacted now.
  Task<Result<std::size_t>> cleanable_segments();
  Task<Result<>> remember_keys(std::size_t segments_end);
  Task<Result<>> remember(const SegmentPtr& segment);
  bool remember_batch(const protocol::BatchView& batch, Result<>& failed);
  Task<Result<>> rewrite(std::size_t segments_end);
  Task<Result<>> rewrite_group(std::vector<SegmentPtr> group);
  Result<> rewrite_batch(const ScannedBatch& batch, std::vector<std::byte>& out);
  Task<Result<>> swap_in(const std::vector<SegmentPtr>& group, SegmentPtr fresh);
  Task<Result<bool>> differs(SegmentPtr segment, std::shared_ptr<File> file);
  // Lets others run when the slice is used up.
  Task<> pause();

  LogParts& log_;
  protocol::Compressor compressor_;
  protocol::Decompressor decompressor_;
  protocol::Recoding recoding_{.compressor = compressor_, .decompressor = decompressor_};
  KeyOffsets keys_;
  Offset end_ = 0;  // keys of all records below are remembered
  bool full_ = false;
  TimePoint slice_start_{};
};

}  // namespace sluice::storage
