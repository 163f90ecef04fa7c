// Files that are there whole and on disk, or not at all; and names that last.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <string>
#include <string_view>

namespace sluice {

// Written under a name beside PATH, which becomes PATH in commit(); without that nothing is left.
// Where PATH is a symbolic link, that of what it leads to. What is there and is no regular file (a
// device, a pipe) is written as it is, and never replaced. Errors of all calls: an errno, with the
// path.
class WholeFile {
 public:
  // `suffix`: of the name until then.
  static Result<WholeFile> create(const std::string& path, std::string_view suffix = ".part");
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
  WholeFile(std::string path, std::string temporary, int descriptor);
  Result<> flush();

  std::string path_;
  std::string temporary_;  // empty: path_ itself is written
  int descriptor_;         // -1: committed, or moved from
  std::string buffer_;
};

// All of these: errors are an errno, with the path.

// A small file, as a WholeFile.
Result<> write_durably(const std::string& path, std::string_view bytes, std::string_view suffix);
// Also syncs the directory of `to`. Requires: both are in the same one.
Result<> rename_durably(const std::string& from, const std::string& to);
Result<> remove_if_there(const std::string& path);
// Makes what was created, renamed or removed in `directory` last.
Result<> sync_directory(const std::string& directory);

}  // namespace sluice
