// Record data as a field of Produce, Fetch and ShareFetch: bytes the codec does not look into.
#pragma once

#include "base/bytes.hpp"
#include "base/file_range.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace sluice::protocol {

// Bytes that live elsewhere, in memory or in an open file, and what keeps them alive.
struct RecordsSlice {
  Bytes bytes;
  std::shared_ptr<const void> owner;
  FileRange file{};  // instead of `bytes`: only for encoding into a GatherBuffer

  std::size_t size() const { return bytes.size() + file.size; }
};

// The wire type `records`: `bytes` followed by `slices`.
//
// Decoding only fills `bytes`, which borrow from the frame. Encoding copies `bytes` always, and
// `slices` unless it encodes into a GatherBuffer, which takes references to them instead.
struct Records {
  Bytes bytes{};
  std::vector<RecordsSlice> slices{};

  Records() = default;
  Records(Bytes borrowed) : bytes(borrowed) {}
  explicit Records(std::vector<RecordsSlice> owned) : slices(std::move(owned)) {}

  std::size_t size() const {
    std::size_t total = bytes.size();
    for (const RecordsSlice& slice : slices) total += slice.size();
    return total;
  }
  bool empty() const { return size() == 0; }
};

}  // namespace sluice::protocol
