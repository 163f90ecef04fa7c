#include "storage/scan.hpp"

#include "storage/format.hpp"

#include <algorithm>

namespace sluice::storage {
namespace {
constexpr std::size_t headers_window = 64 << 10;
constexpr std::size_t whole_window = 1 << 20;
}  // namespace

BatchScan::BatchScan(std::shared_ptr<File> file, std::int64_t position, std::int64_t end,
                     ScanDepth depth)
    : file_(std::move(file)),
      position_(position),
      end_(end),
      depth_(depth),
      need_(protocol::batch_header_size) {
  if (position_ >= end_) stop(Stop::end);
}

std::size_t BatchScan::buffered() const {
  if (position_ < window_position_ || position_ >= window_end_) return 0;
  return static_cast<std::size_t>(window_end_ - position_);
}

std::optional<ScannedBatch> BatchScan::take() {
  if (stop_ != Stop::no) return std::nullopt;
  const std::size_t have = buffered();
  if (have < need_) return std::nullopt;
  const Bytes bytes =
      Bytes(window_.bytes()).subspan(static_cast<std::size_t>(position_ - window_position_), have);
  const auto header = protocol::parse_batch_header(bytes);
  if (!header) {
    const bool zeros = std::ranges::all_of(bytes.first(protocol::batch_header_size),
                                           [](std::byte b) { return b == std::byte{}; });
    stop(zeros ? Stop::zeros : Stop::garbage);
    return std::nullopt;
  }
  if (header->last_offset_delta < 0 || header->base_offset < 0) {
    stop(Stop::garbage);
    return std::nullopt;
  }
  const std::size_t size = header->size();
  if (size > static_cast<std::size_t>(end_ - position_)) {
    stop(Stop::truncated);
    return std::nullopt;
  }
  if (depth_ == ScanDepth::whole && have < size) {
    need_ = size;
    return std::nullopt;
  }
  const ScannedBatch batch{
      .header = *header,
      .position = position_,
      .bytes = bytes.first(depth_ == ScanDepth::whole ? size : protocol::batch_header_size)};
  position_ += static_cast<std::int64_t>(size);
  need_ = protocol::batch_header_size;
  if (position_ >= end_) stop(Stop::end);
  return batch;
}

void BatchScan::reject(const ScannedBatch& batch) {
  position_ = batch.position;
  stop(Stop::garbage);
}

Task<Result<>> BatchScan::fill() {
  if (stop_ != Stop::no) co_return Result<>{};
  const std::int64_t left = end_ - position_;
  if (left < static_cast<std::int64_t>(need_)) {
    // Less than a header is left: zeros or the start of a torn batch.
    need_ = static_cast<std::size_t>(left);
  }
  const std::int64_t start = block_floor(position_);
  const std::size_t window = depth_ == ScanDepth::whole ? whole_window : headers_window;
  const std::size_t wanted = static_cast<std::size_t>(block_ceil(std::max<std::int64_t>(
      position_ - start + static_cast<std::int64_t>(need_), static_cast<std::int64_t>(window))));
  if (!window_ || window_.size() < wanted) window_ = AlignedBuffer::allocate(wanted);
  const std::size_t size = std::min(wanted, static_cast<std::size_t>(block_ceil(end_ - start)));
  const auto got =
      co_await file_->read(window_.bytes().first(size), static_cast<std::uint64_t>(start));
  if (!got) co_return std::unexpected(got.error());
  bytes_read_ += static_cast<std::int64_t>(*got);
  window_position_ = start;
  window_end_ = std::min(end_, start + static_cast<std::int64_t>(*got));
  if (buffered() >= protocol::batch_header_size && buffered() >= need_) co_return Result<>{};
  const std::size_t have = buffered();
  const Bytes rest =
      Bytes(window_.bytes())
          .subspan(static_cast<std::size_t>(std::min(position_ - start, window_end_ - start)),
                   have);
  const bool zeros = std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{}; });
  stop(zeros ? Stop::zeros : Stop::truncated);
  co_return Result<>{};
}

}  // namespace sluice::storage
