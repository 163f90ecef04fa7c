// An encoded frame in pieces: bytes it owns, and references to record data it does not copy.
#pragma once

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "protocol/record_data.hpp"

#include <concepts>
#include <cstddef>
#include <utility>
#include <vector>

namespace sluice::protocol {

// Slices below this are copied: another entry in the write's vector costs more.
inline constexpr std::size_t splice_bytes_min = 1024;

// What encode() makes of a message with record data: owned bytes with slices spliced in between.
// The slices' owners are held until clear(); the pieces are valid until then or the next encode.
class GatherBuffer {
 public:
  // Bytes on the wire, slices included.
  std::size_t size() const { return owned_.size() + spliced_; }
  bool empty() const { return size() == 0; }
  // Pieces that for_each_piece() visits at most.
  std::size_t piece_count() const { return 2 * splices_.size() + 1; }

  // Calls visit(Bytes) or visit(FileRange) for each piece that is not empty, in wire order.
  // Requires: no slice lies in a file if `visit` takes Bytes only.
  template <class Visitor>
  void for_each_piece(Visitor&& visit) const {
    std::size_t from = 0;
    const Bytes owned{owned_};
    for (const Splice& splice : splices_) {
      if (splice.at > from) visit(owned.subspan(from, splice.at - from));
      visit_slice(splice.slice, visit);
      from = splice.at;
    }
    if (owned.size() > from) visit(owned.subspan(from));
  }

  // Releases the slices; keeps the memory of the owned bytes for the next frame.
  void clear() {
    owned_.clear();
    splices_.clear();
    spliced_ = 0;
  }

  // The bytes owned so far; for encoders, which append to them and patch the size prefix.
  std::vector<std::byte>& owned() { return owned_; }
  // References `slice` after `at` owned bytes. Requires: not before the splice made last.
  void splice(std::size_t at, const RecordsSlice& slice) {
    spliced_ += slice.size();
    splices_.push_back({at, slice});
  }

 private:
  template <class Visitor>
  static void visit_slice(const RecordsSlice& slice, Visitor& visit) {
    if (slice.file.empty()) return visit(slice.bytes);
    if constexpr (std::invocable<Visitor&, const FileRange&>)
      visit(slice.file);
    else
      SLUICE_CHECK(false);
  }
  struct Splice {
    std::size_t at;  // owned bytes before it
    RecordsSlice slice;
  };
  std::vector<std::byte> owned_;
  std::vector<Splice> splices_;
  std::size_t spliced_ = 0;
};

}  // namespace sluice::protocol
