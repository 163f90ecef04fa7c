#include "tools/inspect/segment_walk.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace sluice::inspect {
namespace {

using protocol::batch_header_size;
namespace layout = protocol::batch_layout;

constexpr std::size_t piece_size = 2 << 20;  // of one read
// What the disk reads while a piece is checked.
constexpr std::int64_t ahead_size = 4 * static_cast<std::int64_t>(piece_size);
// How many bytes of what looks like batches are checked while intact ones are searched behind
// damage: bytes made for it could else keep a search busy for weeks.
constexpr std::int64_t search_factor = 8;
constexpr std::int64_t search_bytes_min = 256 << 20;

// Whether the offsets of the batch exist: its base lies outside of the CRC.
bool offsets_exist(const protocol::BatchHeader& header) {
  return header.base_offset >= 0 && header.base_offset <= std::numeric_limits<std::int64_t>::max() -
                                                              header.last_offset_delta - 1;
}

}  // namespace

std::string_view name_of(Flaw flaw) {
  switch (flaw) {
    case Flaw::none:
      return "none";
    case Flaw::header:
      return "no batch header";
    case Flaw::truncated:
      return "batch cut short";
    case Flaw::crc:
      return "CRC mismatch";
    case Flaw::offset:
      return "wrong base offset";
  }
  return "";
}

SegmentWalk::SegmentWalk(const ReadFile& file, const Range& range, Sink sink)
    : file_(&file),
      position_(range.position),
      end_(std::min(range.end, file.size())),
      expected_(range.first_offset),
      end_offset_(range.end_offset),
      search_left_(search_factor * (end_ - position_) + search_bytes_min),
      sink_(std::move(sink)),
      window_begin_(range.position),
      window_end_(range.position) {}

Bytes SegmentWalk::window(std::int64_t position) const {
  if (position < window_begin_ || position >= window_end_) return {};
  return {buffer_.get() + (position - window_begin_),
          static_cast<std::size_t>(window_end_ - position)};
}

// Reads on until the window holds `size` bytes from `position`, as far as the range goes. What lies
// before `position_` is dropped when room is needed.
Result<> SegmentWalk::need(std::int64_t position, std::size_t size) {
  const auto until = std::min(end_, position + static_cast<std::int64_t>(size));
  if (until <= window_end_) return {};
  const auto kept = static_cast<std::size_t>(window_end_ - position_);
  const auto wanted = std::max(static_cast<std::size_t>(until - position_), kept + piece_size);
  if (wanted > capacity_) {
    auto larger = std::make_unique_for_overwrite<std::byte[]>(wanted);
    if (kept > 0) std::memcpy(larger.get(), window(position_).data(), kept);
    buffer_ = std::move(larger);
    capacity_ = wanted;
  } else if (kept > 0) {
    std::memmove(buffer_.get(), window(position_).data(), kept);
  }
  window_begin_ = position_;
  const auto room = static_cast<std::int64_t>(wanted - kept);
  const auto read_size = static_cast<std::size_t>(std::min(room, end_ - window_end_));
  const MutableBytes into{buffer_.get() + kept, read_size};
  // A piece at a time, so that the disk has a queue while this one is checked.
  const auto ahead_until = std::min(end_, window_end_ + ahead_size);
  if (ahead_until > expected_until_) {
    const auto from = std::max(expected_until_, window_end_);
    file_->expect(from, ahead_until - from);
    expected_until_ = ahead_until;
  }
  const auto got = file_->read(into, window_end_);
  if (!got) return std::unexpected(got.error());
  if (*got < read_size) end_ = window_end_ + static_cast<std::int64_t>(*got);  // it was cut
  if (sink_) sink_(into.first(*got));
  window_end_ += static_cast<std::int64_t>(*got);
  return {};
}

// What is at `position`: a batch, or the flaw that keeps it from being one.
Result<WalkStep> SegmentWalk::look(std::int64_t position) {
  WalkStep step{.position = position,
                .size = end_ - position,
                .flaw = Flaw::header,
                .expected = expected_,
                .header = {},
                .bytes = {}};
  auto read = need(position, batch_header_size);
  if (!read) return std::unexpected(read.error());
  const auto header = protocol::parse_batch_header(window(position));
  if (!header || header->last_offset_delta < 0) return step;
  step.header = *header;
  step.flaw = Flaw::truncated;
  if (static_cast<std::int64_t>(header->size()) > end_ - position) return step;
  read = need(position, header->size());
  if (!read) return std::unexpected(read.error());
  step.bytes = window(position);
  if (step.bytes.size() < header->size()) return step;
  step.bytes = step.bytes.first(header->size());
  step.size = static_cast<std::int64_t>(header->size());
  step.flaw = protocol::batch_crc_matches(step.bytes) ? Flaw::none : Flaw::crc;
  return step;
}

// A batch whose records are not where they were expected: whether its base offset is wrong, or
// there is a gap as compaction leaves it. The batch behind it knows.
Result<Flaw> SegmentWalk::look_behind_gap(WalkStep& step) {
  const auto next_expected = expected_ + step.header.last_offset_delta + 1;
  const auto next_position = step.position + step.size;
  const auto read = need(step.position, static_cast<std::size_t>(step.size) + batch_header_size);
  if (!read) return std::unexpected(read.error());
  step.bytes = window(step.position).first(static_cast<std::size_t>(step.size));
  const auto next = protocol::parse_batch_header(window(next_position));
  const bool continues = next ? next->base_offset == next_expected
                              : next_position == end_ && end_offset_ == next_expected;
  const bool possible = offsets_exist(step.header) && step.header.base_offset > expected_ &&
                        step.header.last_offset() < end_offset_;
  if (!continues) return possible ? Flaw::none : Flaw::header;
  step.header.base_offset = expected_;
  return Flaw::offset;
}

// Position of the next intact batch behind a bad one; the end of the range when there is none.
Result<std::int64_t> SegmentWalk::resynchronize(const WalkStep& bad) {
  const auto fits = [this](const WalkStep& step) {
    return step.flaw == Flaw::none && offsets_exist(step.header) &&
           step.header.base_offset >= expected_ && step.header.last_offset() < end_offset_;
  };
  // Where the bad one ends by its own length: what looks like a batch inside of its records is not
  // looked at then.
  if (bad.flaw == Flaw::crc) {
    const auto step = look(bad.position + bad.size);
    if (!step) return std::unexpected(step.error());
    if (fits(*step)) return step->position;
  }
  for (std::int64_t at = bad.position + 1;
       at + static_cast<std::int64_t>(batch_header_size) <= end_; ++at) {
    auto bytes = window(at);
    if (bytes.size() < batch_header_size) {
      position_ = at;  // what was searched is no longer needed
      const auto read = need(at, batch_header_size);
      if (!read) return std::unexpected(read.error());
      bytes = window(at);
      if (bytes.size() < batch_header_size) break;
    }
    if (bytes[layout::magic] != static_cast<std::byte>(protocol::batch_magic)) continue;
    const auto header = protocol::parse_batch_header(bytes);
    if (!header || header->base_offset < expected_ || header->last_offset_delta < 0 ||
        header->last_offset() >= end_offset_)
      continue;
    if (search_left_ < static_cast<std::int64_t>(header->size())) continue;
    search_left_ -= static_cast<std::int64_t>(header->size());
    const auto step = look(at);
    if (!step) return std::unexpected(step.error());
    if (fits(*step)) return at;
  }
  return end_;
}

Result<std::optional<WalkStep>> SegmentWalk::next() {
  if (position_ >= end_) return std::nullopt;
  auto step = look(position_);
  if (!step) return std::unexpected(step.error());
  if (position_ >= end_) return std::nullopt;  // the file became shorter
  const bool elsewhere =
      step->header.base_offset != expected_ || step->header.last_offset() >= end_offset_;
  if (step->flaw == Flaw::none && elsewhere) {
    const auto flaw = look_behind_gap(*step);
    if (!flaw) return std::unexpected(flaw.error());
    step->flaw = *flaw;
  }
  if (step->is_batch()) {
    position_ += step->size;
    expected_ = step->header.next_offset();
    return *step;
  }
  const auto found = resynchronize(*step);
  if (!found) return std::unexpected(found.error());
  step->size = *found - step->position;
  step->bytes = {};
  position_ = *found;
  return *step;
}

}  // namespace sluice::inspect
