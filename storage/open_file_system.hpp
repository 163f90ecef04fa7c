// Opens a data directory on the machine's disk, with the best backend the kernel allows.
#pragma once

#include "base/result.hpp"
#include "base/task.hpp"
#include "storage/file_system.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace sluice::storage {

enum class Backend : std::uint8_t {
  automatic,  // io_uring; threads where the kernel or the container refuses it
  io_uring,   // fail when refused
  threads,
};

struct FileSystemOptions {
  Backend backend = Backend::automatic;
  // Operations at the kernel at once, at most; more wait their turn. Power of two.
  unsigned ring_entries = 256;
  // Workers of the thread backend, for one shard.
  unsigned threads = 4;
  // Make the root, with its parents, when missing.
  bool create_root = true;
};

// Opens `root` (a path of the machine) for the shard this is awaited on: the result works on that
// thread only, and its completions arrive on that executor. io_uring is probed with a real
// operation; FileSystem::backend says what was chosen and why, for the caller to log.
// Errors: ENOENT, EACCES, … of the root; with Backend::io_uring what io_uring answered.
Task<Result<std::unique_ptr<FileSystem>>> open_file_system(std::string root,
                                                           FileSystemOptions options);

}  // namespace sluice::storage
