// What of some encoded replies is still to be sent, and in which steps: pieces of memory together
// in one sendmsg, pieces of files by sendfile. No I/O here; reply_sender.hpp carries it out.
#pragma once

#include "base/bytes.hpp"
#include "base/file_range.hpp"
#include "protocol/gather.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <sys/uio.h>
#include <vector>

namespace sluice::broker {

class SendPlan {
 public:
  // So much in one system call, about 0.2 ms of a shard's time: it serves others between two.
  // Measured, 1 MiB replies, one and four connections: 4.0 and 4.7 GB/s in whole steps, 2.8 and
  // 3.4 in steps of 256 KiB, 2.0 and 2.4 in steps of 64 KiB: each step wakes the reader.
  static constexpr std::size_t step_bytes_max = 1 << 20;
  static constexpr std::size_t step_pieces_max = 64;

  // Appends the pieces of `reply`, which must stay as it is until done().
  void add(const protocol::GatherBuffer& reply);
  // Smaller steps while the shard has others who are in a hurry. Requires: 0 < bytes.
  void set_step_bytes(std::size_t bytes) { step_bytes_ = std::min(bytes, step_bytes_max); }
  void clear();
  bool done() const { return at_ == pieces_.size(); }
  std::size_t piece_count() const { return pieces_.size(); }

  // Either memory or a file range. `more`: something follows this step.
  struct Step {
    std::span<iovec> memory;
    FileRange file;
    std::size_t size = 0;
    bool more = false;
  };
  // What to send next. Valid until the plan is called again. Requires: !done().
  Step next();
  // `bytes` of what next() returned, or fewer, were sent.
  void advance(std::size_t bytes);

 private:
  struct Piece {
    Bytes memory;
    FileRange file;
    std::size_t size() const { return memory.size() + file.size; }
  };
  std::vector<Piece> pieces_;
  std::size_t step_bytes_ = step_bytes_max;
  std::size_t at_ = 0;  // the first piece that is not sent whole
  std::array<iovec, step_pieces_max> vectors_;
};

}  // namespace sluice::broker
