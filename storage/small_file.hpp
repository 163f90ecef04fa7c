// Whole small files: read at once, written in place or atomically.
#pragma once

#include "storage/file_system.hpp"

#include <string>
#include <vector>

namespace sluice::storage {

// The whole file. Errors: ENOENT, EFBIG above `size_max`, any errno of the read.
Task<Result<std::vector<std::byte>>> read_small_file(FileSystem& files, std::string path,
                                                     std::size_t size_max);

// Replaces the file's content; not durable, and torn by a crash: for files with a checksum that are
// rebuilt when wrong.
Task<Result<>> write_small_file(FileSystem& files, std::string path, std::vector<std::byte> data);

// Old or new content after a crash, never a mixture; durable when it returns. `directory` is the
// one that holds the file.
Task<Result<>> replace_small_file(FileSystem& files, std::string directory, std::string name,
                                  std::vector<std::byte> data);

}  // namespace sluice::storage
