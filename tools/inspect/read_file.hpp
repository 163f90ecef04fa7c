// Files as the inspection of a log reads them: plain reads at a position, nothing is ever written,
// no lock is taken.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::inspect {

class ReadFile {
 public:
  // Errors: those of open(2) and fstat(2), with the path.
  static Result<ReadFile> open(const std::string& path);
  ReadFile(ReadFile&& other) noexcept;
  ReadFile& operator=(ReadFile&& other) noexcept;
  ~ReadFile();

  // Bytes when it was opened.
  std::int64_t size() const { return size_; }
  const std::string& path() const { return path_; }
  // Fills `into`; fewer bytes only at the end of the file. Errors: those of pread(2).
  Result<std::size_t> read(MutableBytes into, std::int64_t position) const;
  // These bytes will be read: the kernel begins to bring them in. A hint; does not wait for them.
  void expect(std::int64_t position, std::int64_t size) const;

 private:
  ReadFile(int descriptor, std::int64_t size, std::string path)
      : descriptor_(descriptor), size_(size), path_(std::move(path)) {}

  int descriptor_ = -1;
  std::int64_t size_ = 0;
  std::string path_;
};

// The whole of a small file. Errors: those of ReadFile; EFBIG beyond 256 MiB.
Result<std::vector<std::byte>> read_whole(const std::string& path);

}  // namespace sluice::inspect
