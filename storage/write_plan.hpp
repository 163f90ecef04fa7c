// What the next write of a log covers, and how its blocks are made ready: plain decisions, without
// I/O. Carried out by log_write.cpp and log_prepare.cpp.
//
// Direct writes cover whole blocks, batches do not end on block boundaries, and a block may be in
// one write in flight only. So a write either ends inside a block (its last block is padded with
// zeros, and nothing behind it can be written before it has landed), or it is cut at its last whole
// block, and the next one, with the bytes that were left, may start at once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace sluice::storage {

// Writes in flight of one log. More of them hide the latency of the disk behind each other, fewer
// of them make larger ones.
inline constexpr int writes_in_flight_max = 4;
// Whole blocks below this, in bytes, are not worth a write of their own beside another.
inline constexpr std::int64_t parallel_write_min = 32 << 10;
// Streams whose writes are smaller, on average, get zeros written ahead of them: a durable write
// over a written block touches no metadata. Larger ones go straight into reserved space: zeros
// would take the disk's time from them.
inline constexpr std::int64_t zeros_ahead_below = 112 << 10;
// One step of zeros. The first is small, so that a quiet partition pays for no more than that.
inline constexpr std::int64_t zero_step_min = 64 << 10;
inline constexpr std::int64_t zero_step_max = 1 << 20;

struct WriteState {
  std::int64_t issued = 0;      // position up to which bytes were given to the disk
  std::int64_t end = 0;         // … and were accepted
  int in_flight = 0;            // writes
  bool edge_in_flight = false;  // the last of them ends inside a block, and has not landed
  bool landed = false;          // one of them has, since the last was given to the disk
  bool streaming = false;       // bytes arrived while the last write was on its way
};

// Where the next write ends: state.end, or a block boundary before it; it begins at the start of
// the block that holds `issued`. Empty: nothing to write, or not now.
constexpr std::optional<std::int64_t> next_write_end(const WriteState& state) {
  constexpr std::int64_t block = 4096;
  if (state.issued == state.end || state.edge_in_flight) return std::nullopt;
  const std::int64_t begin = state.issued - state.issued % block;
  const std::int64_t whole = state.end - state.end % block;
  const bool large = whole - begin >= parallel_write_min;
  if (state.in_flight == 0) return large && state.streaming ? whole : state.end;
  if (state.in_flight >= writes_in_flight_max) return std::nullopt;
  if (large) return whole;
  // Nothing arrives that would fill the last block: it goes now, beside the others, rather than
  // after all of them.
  if (state.landed && !state.streaming) return state.end;
  return std::nullopt;
}

// The running average of write sizes, in bytes: the newest counts an eighth.
class WriteSize {
 public:
  void add(std::int64_t size) {
    average_ = average_ == 0 ? size : average_ + (size - average_) / 8;
  }
  bool wants_zeros_ahead() const { return average_ < zeros_ahead_below; }
  // Of the next step of zeros, after one of `step` bytes that lasted less than a second or not.
  static constexpr std::int64_t next_step(std::int64_t step, bool fast) {
    return fast && step != 0 ? std::min(step * 2, zero_step_max) : zero_step_min;
  }

 private:
  std::int64_t average_ = 0;
};

}  // namespace sluice::storage
