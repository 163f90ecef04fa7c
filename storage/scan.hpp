// Walks the batches of a segment file from a position on: headers only, or whole batches.
//
//   BatchScan scan(file, position, end, ScanDepth::whole);
//   for (;;) {
//     while (auto batch = scan.take()) …
//     if (scan.stopped()) break;
//     auto filled = co_await scan.fill();
//     if (!filled) …
//   }
#pragma once

#include "protocol/record_batch.hpp"
#include "storage/aligned_buffer.hpp"
#include "storage/file_system.hpp"

#include <memory>
#include <optional>

namespace sluice::storage {

enum class ScanDepth : std::uint8_t { headers, whole };

struct ScannedBatch {
  protocol::BatchHeader header;
  std::int64_t position = 0;
  Bytes bytes;  // whole batch, or only the header
  std::int64_t end() const { return position + static_cast<std::int64_t>(header.size()); }
};

class BatchScan {
 public:
  enum class Stop : std::uint8_t {
    no,
    end,        // exactly at `end`
    zeros,      // prepared space: a header's worth of zeros, or zeros up to `end`
    truncated,  // the batch is longer than what is left
    garbage,    // no batch header
  };

  // Scans [position, end). `file` may be direct or not.
  BatchScan(std::shared_ptr<File> file, std::int64_t position, std::int64_t end, ScanDepth depth);

  // The next batch if the window holds what is needed of it; empty if fill() is needed or the scan
  // stopped. Views are valid until the next fill().
  std::optional<ScannedBatch> take();
  // Reads on. Errors: any errno of the read.
  Task<Result<>> fill();

  Stop stopped() const { return stop_; }
  // Where the next batch begins, or what stopped the scan.
  std::int64_t position() const { return position_; }
  std::int64_t bytes_read() const { return bytes_read_; }
  // Ends the scan before the batch that take() gave last: it is not what it should be.
  void reject(const ScannedBatch& batch);

 private:
  std::size_t buffered() const;
  void stop(Stop why) { stop_ = why; }

  std::shared_ptr<File> file_;
  std::int64_t position_;
  std::int64_t end_;
  ScanDepth depth_;
  Stop stop_ = Stop::no;
  AlignedBuffer window_;
  std::int64_t window_position_ = 0;
  std::int64_t window_end_ = 0;
  std::size_t need_;
  std::int64_t bytes_read_ = 0;
};

}  // namespace sluice::storage
