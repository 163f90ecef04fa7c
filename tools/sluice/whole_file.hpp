// A file that is there whole and on disk, or not at all.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace sluice::cli {

// Written under PATH.part, which takes its name in commit(); without that nothing is left.
// Errors of all calls: an errno, with the path.
class WholeFile {
 public:
  static Result<WholeFile> create(const std::string& path);
  ~WholeFile();
  WholeFile(WholeFile&& other) noexcept;
  WholeFile& operator=(WholeFile&&) = delete;

  // Where to append; call flush_if_full() afterwards.
  std::string& buffer() { return buffer_; }
  Result<> flush_if_full() { return buffer_.size() < capacity ? Result<>{} : flush(); }
  Result<> write(std::string_view bytes);
  // Syncs the file, gives it its name, and syncs the directory.
  Result<> commit();

 private:
  static constexpr std::size_t capacity = 256 * 1024;
  WholeFile(std::string path, int descriptor);
  Result<> flush();

  std::string path_;
  int descriptor_;  // -1: committed, or moved from
  std::string buffer_;
};

// Makes what was created or renamed in `directory` last. Errors: an errno, with the path.
Result<> sync_directory(const std::string& directory);

}  // namespace sluice::cli
