// What kind of file system a directory lies on.
#pragma once

#include "base/result.hpp"
#include "storage/file_system.hpp"

namespace sluice::storage {

// By fstatfs(2) of an open descriptor.
Result<FileSystemType> file_system_type(int descriptor);
// By the magic number of statfs(2).
FileSystemType file_system_type_of(std::uint64_t magic);

}  // namespace sluice::storage
