// Decides what of a file to read before somebody asks for it: the continuation of reads that follow
// one another. No I/O here.
#pragma once

#include <array>
#include <cstdint>

namespace sluice::storage {

class ReadAhead {
 public:
  // Reads that go on beside each other in one file.
  static constexpr std::size_t streams_max = 4;

  struct Ask {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    bool empty() const { return begin >= end; }
  };

  // [begin, end) is being read. What to bring in now, within `file_end`: nothing for a read that
  // follows no other, else up to `window_max` bytes beyond `end`, asked for in halves, so that the
  // disk always has some of it to do. The window grows with the stream.
  Ask after(std::int64_t begin, std::int64_t end, std::int64_t file_end, std::int64_t window_max);

 private:
  struct Stream {
    std::int64_t next = -1;  // where its next read begins
    std::int64_t asked = 0;  // asked for up to here
    std::int64_t window = 0;
    std::uint64_t used = 0;  // when, for giving up the one that was not for longest
  };
  Stream& stream_at(std::int64_t begin);

  std::array<Stream, streams_max> streams_{};
  std::uint64_t clock_ = 0;
};

}  // namespace sluice::storage
