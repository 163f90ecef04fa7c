// Who has a data directory open: one broker at a time, in this process or any other.
#pragma once

#include "base/result.hpp"

#include <string>

namespace sluice::storage {

inline constexpr const char* lock_file_name = "sluice.lock";

// Holds DIRECTORY/sluice.lock until destroyed. The lock is an open-file-description lock
// (F_OFD_SETLK, fcntl(2)): it ends with the holder, however that dies, and two openers in one
// process exclude each other as well. The file holds the holder's pid as text, for the message
// only; it is never removed, since removing a lock file races with the next opener.
class DirectoryLock {
 public:
  // Blocks for the time of a few system calls: for start-up.
  // Errors: EBUSY when it is held, naming the directory and, where known, the holder's pid; those
  // of open(2).
  static Result<DirectoryLock> acquire(const std::string& directory);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace sluice::storage
