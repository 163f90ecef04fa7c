#include "storage/io_request.hpp"

#include "base/check.hpp"
#include "base/planted_bug.hpp"

#include <algorithm>
#include <cerrno>

namespace sluice::storage {
namespace {

// EINTR and EAGAIN in a row before they count as an error: they cannot go on for ever.
constexpr unsigned interruptions_max = 1000;

iovec vector_of(Bytes bytes) { return {const_cast<std::byte*>(bytes.data()), bytes.size()}; }

}  // namespace

void IoRequest::set_parts(std::span<const Bytes> parts) {
  SLUICE_CHECK(parts.size() <= write_parts_max);
  remaining_ = 0;
  for (const Bytes part : parts) remaining_ += part.size();
  first_ = 0;
  many_.clear();
  if (parts.size() == 1) {
    one_ = vector_of(parts[0]);
    return;
  }
  many_.reserve(parts.size());
  for (const Bytes part : parts) {
    if (!part.empty()) many_.push_back(vector_of(part));
  }
}

std::span<iovec> IoRequest::vectors() {
  return many_.empty() ? std::span(&one_, 1) : std::span(many_).subspan(first_);
}

IoRequest IoRequest::write_zeros(int descriptor, std::uint64_t position, std::uint64_t length,
                                 Bytes zeros, Durability durability, bool try_fallocate) {
  IoRequest request;
  request.descriptor = descriptor;
  request.position = position;
  request.length = length;
  request.zeros = zeros;
  request.durable = durability == Durability::durable;
  request.zeros_left_ = length;
  if (try_fallocate) {
    request.kind = IoKind::allocate;
    request.mode = fallocate_write_zeroes;
  } else {
    request.kind = IoKind::write;
    request.refill_zeros();
  }
  return request;
}

// As many whole copies of the zeros as one step takes, then the rest.
void IoRequest::refill_zeros() {
  many_.clear();
  first_ = 0;
  remaining_ = 0;
  while (zeros_left_ > 0 && many_.size() < write_parts_max) {
    const std::size_t part = std::min<std::uint64_t>(zeros_left_, zeros.size());
    many_.push_back(vector_of(zeros.first(part)));
    remaining_ += part;
    zeros_left_ -= part;
  }
}

bool IoRequest::finish(std::int64_t result) {
  result_ = result;
  return false;
}

bool IoRequest::finish_transfer() {
  if (sync_after) {
    kind = IoKind::sync_data;
    sync_after = false;
    return true;
  }
  return finish(transferred_);
}

void IoRequest::drop_front(std::size_t bytes) {
  remaining_ -= bytes;
  position += bytes;
  transferred_ += static_cast<std::int64_t>(bytes);
  const auto cut = [](iovec& vector, std::size_t count) {
    vector.iov_base = static_cast<std::byte*>(vector.iov_base) + count;
    vector.iov_len -= count;
  };
  if (many_.empty()) return cut(one_, bytes);
  while (bytes > 0) {
    iovec& vector = many_[first_];
    const std::size_t taken = std::min(bytes, vector.iov_len);
    cut(vector, taken);
    bytes -= taken;
    if (vector.iov_len == 0) ++first_;
  }
}

bool IoRequest::advance_transfer(std::size_t bytes) {
  SLUICE_CHECK(bytes <= remaining_);
  interruptions_ = 0;
  if (bytes == remaining_) {
    drop_front(bytes);
    if (zeros_left_ == 0) return finish_transfer();
    refill_zeros();
    return true;
  }
  if (kind == IoKind::read) {
    drop_front(bytes);
    // A direct read that ends inside a block has met the end of the file; so has one of nothing.
    return bytes == 0 || bytes % alignment != 0 ? finish_transfer() : true;
  }
  if (planted(PlantedBug::short_write_ignored)) return finish_transfer();
  // The rest of a short write goes from the last whole block on. No progress is an error: the file
  // system has taken nothing and given no reason.
  const std::size_t whole = bytes - bytes % alignment;
  if (whole == 0) return finish(-EIO);
  drop_front(whole);
  return true;
}

bool IoRequest::advance(int answer) {
  const bool interrupted = answer == -EINTR || answer == -EAGAIN;
  const bool is_sync = kind == IoKind::sync_data || kind == IoKind::sync_all;
  if (interrupted && !is_sync) {
    return ++interruptions_ < interruptions_max ? true : finish(-EIO);
  }
  switch (kind) {
    case IoKind::read:
    case IoKind::write:
      if (answer == -EOPNOTSUPP && kind == IoKind::write && durable && transferred_ == 0) {
        durable = false;  // RWF_DSYNC is not known here: nothing was written
        sync_after = true;
        return true;
      }
      return answer < 0 ? finish(answer) : advance_transfer(static_cast<std::size_t>(answer));
    case IoKind::allocate:
      if (mode != fallocate_write_zeroes) return finish(std::min(answer, 0));
      if (answer == -EOPNOTSUPP || answer == -EINVAL) {
        write_zeroes_refused_ = true;
        kind = IoKind::write;
        refill_zeros();
        return true;
      }
      if (answer < 0) return finish(answer);
      sync_after = durable;
      return finish_transfer();
    case IoKind::sync_data:
    case IoKind::sync_all:
    case IoKind::truncate:
    case IoKind::remove_file:
    case IoKind::will_need:
    case IoKind::nothing:
      return finish(answer < 0 ? answer : transferred_);
  }
  return finish(-EINVAL);
}

}  // namespace sluice::storage
