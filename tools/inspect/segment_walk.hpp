// Walks the batches of a .log file from a position on, over damage as well: where a batch is not
// what it should be, the walk finds the next that is and tells what lies between.
//
// A batch is taken for one when its header parses, its CRC holds and its offsets fit between those
// before it and the end of the segment. The header's first 21 bytes lie outside the CRC: a base
// offset is checked against its neighbours.
#pragma once

#include "protocol/record_batch.hpp"
#include "tools/inspect/read_file.hpp"

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>

namespace sluice::inspect {

enum class Flaw : std::uint8_t {
  none,
  header,     // no batch begins here
  truncated,  // longer than what is left
  crc,
  offset,  // only the base offset is wrong: its neighbours say what it was
};
std::string_view name_of(Flaw flaw);

struct WalkStep {
  std::int64_t position = 0;
  std::int64_t size = 0;
  Flaw flaw = Flaw::none;
  // The offset that the walk expected here: of the first record after the batch before.
  std::int64_t expected = 0;
  protocol::BatchHeader header;  // of a batch (none, offset; offset: as it should be)
  Bytes bytes;                   // of a batch, until the next step

  bool is_batch() const { return flaw == Flaw::none || flaw == Flaw::offset; }
};

class SegmentWalk {
 public:
  struct Range {
    std::int64_t position = 0;
    std::int64_t end = std::numeric_limits<std::int64_t>::max();  // at most the file's
    // Records in it have offsets from `first_offset` on, below `end_offset`.
    std::int64_t first_offset = 0;
    std::int64_t end_offset = std::numeric_limits<std::int64_t>::max();
  };
  // Given every byte of the range once, in order.
  using Sink = std::function<void(Bytes)>;

  // `file` must outlive the walk.
  SegmentWalk(const ReadFile& file, const Range& range, Sink sink = {});

  // The next batch or stretch of damage; nothing at the end. Errors: those of ReadFile.
  Result<std::optional<WalkStep>> next();
  // The offset after the last batch.
  std::int64_t expected() const { return expected_; }

 private:
  Result<> need(std::int64_t position, std::size_t size);
  Bytes window(std::int64_t position) const;
  Result<WalkStep> look(std::int64_t position);
  Result<Flaw> look_behind_gap(WalkStep& step);
  Result<std::int64_t> resynchronize(const WalkStep& bad);

  const ReadFile* file_;
  std::int64_t position_;
  std::int64_t end_;
  std::int64_t expected_;
  std::int64_t end_offset_;
  std::int64_t search_left_;  // bytes that may still be checked in searches
  Sink sink_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t capacity_ = 0;
  std::int64_t window_begin_ = 0;
  std::int64_t window_end_ = 0;
  std::int64_t expected_until_ = 0;  // position; what the kernel was told will be read
};

}  // namespace sluice::inspect
