#include "storage/tail.hpp"

#include "base/check.hpp"
#include "storage/format.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::storage {

namespace {

// The pool also lends the blocks in which writes end, and keeps what readers give back late: with
// this much more it has a buffer ready whenever one was dropped.
constexpr std::int64_t pool_slack = 8 << 20;

std::size_t pool_bytes(std::int64_t bytes_max) {
  return static_cast<std::size_t>(bytes_max + std::min(bytes_max / 8, pool_slack));
}

}  // namespace

TailCache::TailCache(std::int64_t bytes_max, InBackground in_background)
    : pool_(pool_bytes(bytes_max)),
      in_background_(std::move(in_background)),
      bytes_max_(bytes_max) {}

AlignedBuffer TailCache::take(std::size_t size) { return pool_.take(size); }

void TailCache::set_bytes_max(std::int64_t bytes_max) {
  bytes_max_ = bytes_max;
  pool_.set_bytes_max(pool_bytes(bytes_max));
  make_room(0);
}

void TailCache::make_room(std::int64_t size) {
  while (bytes_ + size > bytes_max_ && !oldest_.empty()) drop_oldest();
}

void TailCache::drop_oldest() {
  const std::shared_ptr<Tail> tail = oldest_.front().lock();
  oldest_.pop_front();
  if (tail != nullptr && tail->droppable_ != 0) tail->drop_first();
}

AlignedBuffer TailCache::take_chunk(std::size_t size) {
  make_room(static_cast<std::int64_t>(size));
  if (!in_background_ || size < Tail::chunk_max) return take(size);
  AlignedBuffer ready = pool_.try_take_idle(size);
  if (bytes_ + static_cast<std::int64_t>(size) <= bytes_max_) ask_for_growth();
  if (ready) return ready;
  if (bytes_ < eager_bytes) return take(size);
  constexpr int tries = 4;  // readers may still hold what is dropped
  for (int i = 0; i < tries && !oldest_.empty(); ++i) {
    drop_oldest();
    ready = pool_.try_take_idle(size);
    if (ready) return ready;
  }
  return take(size);
}

void TailCache::ask_for_growth() {
  constexpr std::size_t ahead = 2;  // chunks that lie ready
  if (pool_.bytes_idle() >= ahead * Tail::chunk_max) return;
  auto grow = pool_.growth(Tail::chunk_max, ahead);
  if (grow) in_background_(std::move(grow));
}

Tail::~Tail() {
  for (const Chunk& chunk : chunks_)
    cache_.bytes_ -= static_cast<std::int64_t>(chunk.buffer.size());
}

void Tail::start(std::int64_t end, Bytes partial) {
  SLUICE_CHECK(chunks_.empty());
  end_ = end;
  partial_.assign(partial.begin(), partial.end());
  started_ = true;
}

void Tail::add_chunk(std::size_t wanted) {
  const std::size_t lead = static_cast<std::size_t>(end_ - block_floor(end_));
  const std::size_t size = std::clamp(std::max(next_chunk_, lead + wanted), chunk_min, chunk_max);
  next_chunk_ = std::min(chunk_max, next_chunk_ * 2);
  Chunk chunk{.buffer = cache_.take_chunk(size), .position = block_floor(end_), .used = 0};
  if (lead != 0) {
    SLUICE_CHECK(partial_.size() == lead);
    std::memcpy(chunk.buffer.data(), partial_.data(), lead);
    chunk.used = static_cast<std::int64_t>(lead);
  }
  partial_.clear();
  cache_.bytes_ += static_cast<std::int64_t>(chunk.buffer.size());
  chunks_.push_back(std::move(chunk));
  open_ = true;
}

void Tail::append(Bytes data) {
  SLUICE_CHECK(started_);
  while (!data.empty()) {
    if (!open_) add_chunk(data.size());
    Chunk& chunk = chunks_.back();
    const std::size_t used = static_cast<std::size_t>(chunk.used);
    const std::size_t n = std::min(data.size(), chunk.buffer.size() - used);
    std::memcpy(chunk.buffer.data() + used, data.data(), n);
    chunk.used += static_cast<std::int64_t>(n);
    end_ += static_cast<std::int64_t>(n);
    data = data.subspan(n);
    if (static_cast<std::size_t>(chunk.used) == chunk.buffer.size()) open_ = false;
  }
}

std::int64_t Tail::gather(std::int64_t from, std::int64_t to, AlignedBuffer& edge,
                          std::vector<Bytes>& parts) const {
  parts.clear();
  const std::int64_t whole = block_floor(to);
  while (from < whole) {
    if (parts.size() + 2 > write_parts_max) return from;
    const Chunk& chunk = chunk_at(from);
    const std::int64_t end = std::min(whole, block_floor(chunk.end()));
    SLUICE_CHECK(end > from);
    parts.push_back(chunk.buffer.bytes().subspan(static_cast<std::size_t>(from - chunk.position),
                                                 static_cast<std::size_t>(end - from)));
    from = end;
  }
  if (whole == to) return to;
  const std::size_t rest = static_cast<std::size_t>(to - whole);
  copy(whole, edge.bytes().first(rest));
  std::memset(edge.data() + rest, 0, block_size - rest);
  parts.push_back(edge.bytes().first(block_size));
  return to;
}

void Tail::written(std::int64_t position) {
  const std::size_t last = open_ ? chunks_.size() - 1 : chunks_.size();
  while (droppable_ < last && chunks_[droppable_].end() <= position) {
    ++droppable_;
    cache_.oldest_.push_back(weak_from_this());
  }
}

void Tail::release() {
  if (!open_) return;
  const std::int64_t whole = block_floor(end_);
  partial_.resize(static_cast<std::size_t>(end_ - whole));
  if (!partial_.empty()) copy(whole, partial_);
  open_ = false;
  next_chunk_ = chunk_min;
  written(end_);
}

void Tail::drop_first() {
  cache_.bytes_ -= static_cast<std::int64_t>(chunks_.front().buffer.size());
  chunks_.pop_front();
  --droppable_;
}

const Tail::Chunk& Tail::chunk_at(std::int64_t position) const {
  const auto after = std::ranges::upper_bound(chunks_, position, std::less<>{}, &Chunk::position);
  SLUICE_CHECK(after != chunks_.begin());
  return *std::prev(after);
}

Slice Tail::run(std::int64_t position) const {
  const Chunk& chunk = chunk_at(position);
  const std::size_t at = static_cast<std::size_t>(position - chunk.position);
  SLUICE_CHECK(chunk.end() > position);
  return {
      .owner = chunk.buffer.owner(),
      .bytes = Bytes(chunk.buffer.bytes()).subspan(at, static_cast<std::size_t>(chunk.used) - at)};
}

void Tail::copy(std::int64_t position, MutableBytes out) const {
  while (!out.empty()) {
    const Chunk& chunk = chunk_at(position);
    const std::size_t at = static_cast<std::size_t>(position - chunk.position);
    const std::size_t n = std::min(out.size(), static_cast<std::size_t>(chunk.used) - at);
    SLUICE_CHECK(n != 0);
    std::memcpy(out.data(), chunk.buffer.data() + at, n);
    out = out.subspan(n);
    position += static_cast<std::int64_t>(n);
  }
}

}  // namespace sluice::storage
