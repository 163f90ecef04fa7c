#include "storage/disk_reserve.hpp"

#include <algorithm>

namespace sluice::storage {
namespace {

constexpr std::int64_t default_bytes_max = 64 << 20;
constexpr std::int64_t default_fraction = 16;
constexpr std::int64_t slack_fraction = 8;

}  // namespace

std::int64_t default_disk_reserve(std::uint64_t total_bytes) {
  return std::min(default_bytes_max, static_cast<std::int64_t>(total_bytes) / default_fraction);
}

std::int64_t DiskReserve::floor(ReserveUse use) const {
  switch (use) {
    case ReserveUse::none:
      return bytes_;
    case ReserveUse::half:
      return bytes_ / 2;
    case ReserveUse::whole:
      return 0;
  }
  return bytes_;
}

bool DiskReserve::allows(const FileSystemSpace& space, std::int64_t wanted, ReserveUse use) const {
  const std::int64_t least = floor(use);
  return least == 0 || static_cast<std::int64_t>(space.free_bytes) - wanted >= least;
}

void DiskReserve::refused(const FileSystemSpace& space, std::int64_t wanted) {
  refused_ = std::max(refused_, wanted);
  become(true, space);
}

void DiskReserve::look(const FileSystemSpace& space) {
  const auto free = static_cast<std::int64_t>(space.free_bytes);
  if (free < bytes_) become(true, space);
  if (free >= bytes_ + std::max(bytes_ / slack_fraction, refused_)) become(false, space);
}

void DiskReserve::become(bool low, const FileSystemSpace& space) {
  if (low == low_) return;
  low_ = low;
  if (!low) refused_ = 0;
  logger_.write(
      low ? LogLevel::error : LogLevel::info,
      low ? "the disk is nearly full: records are refused until there is space again; "
            "delete topics or records, or make the disk larger"
          : "there is space on the disk again: records are taken",
      {{"free_bytes", static_cast<std::int64_t>(space.free_bytes)}, {"reserve_bytes", bytes_}});
}

}  // namespace sluice::storage
