// The part of the disk that records may not take, so that a broker whose disk fills up can go on
// with everything that gives space back: deleting topics, retention, moving log starts, committing
// offsets.
#pragma once

#include "base/log.hpp"
#include "storage/file_system.hpp"
#include "storage/options.hpp"

#include <cstdint>

namespace sluice::storage {

class DiskReserve {
 public:
  // `bytes` stay free of records; 0: all of the disk may be taken, and nobody needs to look at it.
  // The logger must outlive this.
  DiskReserve(std::int64_t bytes, Logger& logger) : bytes_(bytes), logger_(logger) {}

  // What must still be free after a log of this kind took space; 0: it need not ask.
  std::int64_t floor(ReserveUse use) const;
  // Whether such a log may take `wanted` bytes more where `space` is what there is now. It may ask
  // for more than it needs, and be content with less.
  bool allows(const FileSystemSpace& space, std::int64_t wanted, ReserveUse use) const;
  // Records that needed `wanted` bytes were refused for it: the disk is low, until there is room
  // for those too.
  void refused(const FileSystemSpace& space, std::int64_t wanted);
  // From outside: records are refused whatever is free, or no longer.
  void set_capped(bool capped) { capped_ = capped; }
  bool capped() const { return capped_; }
  // Notes what there is, and says so when the disk becomes low or is no longer.
  void look(const FileSystemSpace& space);
  // Whether records are refused. Left again only with an eighth more than the reserve free.
  bool low() const { return low_ || capped_; }

 private:
  void become(bool low, const FileSystemSpace& space);

  std::int64_t bytes_;
  Logger& logger_;
  std::int64_t refused_ = 0;  // the most that was refused since it is low
  bool low_ = false;
  bool capped_ = false;
};

// What to keep of a file system of `total_bytes` where nothing is said: a sixteenth, at most 64
// MiB.
std::int64_t default_disk_reserve(std::uint64_t total_bytes);

}  // namespace sluice::storage
