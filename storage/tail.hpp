// What was written lately, kept in memory: aligned buffers that appends fill, writes send to the
// disk and reads hand out, without a copy between them.
#pragma once

#include "storage/aligned_buffer.hpp"
#include "storage/log.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace sluice::storage {

class Tail;

// One shard's tails together: within a bound of bytes, the oldest written go first.
//
// It grows by memory that was touched elsewhere (in_background), at the pace at which that comes;
// beyond eager_bytes by nothing else: it takes the memory of the oldest chunks meanwhile, so that a
// stream does not wait for the system to find pages.
class TailCache {
 public:
  using InBackground = std::function<void(std::function<void()>)>;
  static constexpr std::int64_t eager_bytes = 256 << 20;

  explicit TailCache(std::int64_t bytes_max, InBackground in_background = {});
  AlignedBuffer take(std::size_t size);
  // For a chunk: makes room for it first.
  AlignedBuffer take_chunk(std::size_t size);
  // Gives back memory that was not needed lately.
  void settle() { pool_.settle(); }
  void set_bytes_max(std::int64_t bytes_max);
  std::int64_t bytes() const { return bytes_; }
  // Drops the oldest written chunks until the bound holds with `size` bytes more.
  void make_room(std::int64_t size);

 private:
  friend class Tail;
  void drop_oldest();
  void ask_for_growth();
  BufferPool pool_;
  InBackground in_background_;
  std::int64_t bytes_max_;
  std::int64_t bytes_ = 0;
  std::deque<std::weak_ptr<Tail>> oldest_;  // one entry a droppable chunk
};

// The tail of one segment. Positions are those of the segment's file. Made by std::make_shared.
class Tail : public std::enable_shared_from_this<Tail> {
 public:
  static constexpr std::size_t chunk_min = 16 << 10;
  static constexpr std::size_t chunk_max = 2 << 20;  // one huge page

  explicit Tail(TailCache& cache) : cache_(cache) {}
  ~Tail();

  // The segment ends at `end`; `partial` holds its bytes from block_floor(end) on.
  // Requires: nothing was appended yet.
  void start(std::int64_t end, Bytes partial);
  bool started() const { return started_; }
  void append(Bytes data);
  std::int64_t end() const { return end_; }
  // First position held; end() if nothing is.
  std::int64_t begin() const { return chunks_.empty() ? end_ : chunks_.front().position; }

  // Whole blocks of [from, to) as parts of one write; the last, partial block is copied to `edge`
  // and padded with zeros, because appends go on filling the original. Returns how far the parts
  // reach: `to`, or a block boundary before it when there would be too many parts.
  // Requires: from is a block boundary, begin() <= from < to <= end().
  std::int64_t gather(std::int64_t from, std::int64_t to, AlignedBuffer& edge,
                      std::vector<Bytes>& parts) const;

  // Bytes below `position` are on disk: whole chunks below it may be dropped.
  void written(std::int64_t position);
  // Everything is on disk and no append is near: all chunks may be dropped. Requires: so it is.
  void release();

  // The longest contiguous run from `position` on. Requires: begin() <= position < end().
  Slice run(std::int64_t position) const;
  // Copies [position, position + out.size()). Requires: it lies within [begin(), end()).
  void copy(std::int64_t position, MutableBytes out) const;

 private:
  friend class TailCache;
  struct Chunk {
    AlignedBuffer buffer;
    std::int64_t position = 0;
    std::int64_t used = 0;
    std::int64_t end() const { return position + used; }
  };
  void add_chunk(std::size_t wanted);
  void drop_first();
  const Chunk& chunk_at(std::int64_t position) const;

  TailCache& cache_;
  std::deque<Chunk> chunks_;
  std::size_t droppable_ = 0;  // chunks, from the front, that the cache may drop
  std::vector<std::byte> partial_;
  std::int64_t end_ = 0;
  std::size_t next_chunk_ = chunk_min;
  bool started_ = false;
  bool open_ = false;  // the last chunk takes appends
};

}  // namespace sluice::storage
