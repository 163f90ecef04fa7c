#include "tools/inspect/read_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sluice::inspect {
namespace {
constexpr std::int64_t small_file_max = std::int64_t{256} << 20;
}

Result<ReadFile> ReadFile::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail_errno(errno, path);
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) {
    const int number = errno;
    ::close(descriptor);
    return fail_errno(number, path);
  }
  return ReadFile(descriptor, status.st_size, path);
}

ReadFile::ReadFile(ReadFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      path_(std::move(other.path_)) {}

ReadFile& ReadFile::operator=(ReadFile&& other) noexcept {
  if (this == &other) return *this;
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = std::exchange(other.descriptor_, -1);
  size_ = other.size_;
  path_ = std::move(other.path_);
  return *this;
}

ReadFile::~ReadFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::size_t> ReadFile::read(MutableBytes into, std::int64_t position) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto got = ::pread(descriptor_, into.data() + done, into.size() - done,
                             position + static_cast<std::int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void ReadFile::expect(std::int64_t position, std::int64_t size) const {
  // One call takes no more than a device's largest read, or the read-ahead of 128 KiB.
  constexpr std::int64_t step = 128 << 10;
  const std::int64_t end = std::min(position + size, size_);
  for (std::int64_t at = position; at < end; at += step)
    (void)::posix_fadvise(descriptor_, at, std::min(step, end - at), POSIX_FADV_WILLNEED);
}

Result<std::vector<std::byte>> read_whole(const std::string& path) {
  auto file = ReadFile::open(path);
  if (!file) return std::unexpected(file.error());
  if (file->size() > small_file_max) return fail_errno(EFBIG, path);
  std::vector<std::byte> bytes(static_cast<std::size_t>(file->size()));
  const auto got = file->read(bytes, 0);
  if (!got) return std::unexpected(got.error());
  bytes.resize(*got);
  return bytes;
}

}  // namespace sluice::inspect
