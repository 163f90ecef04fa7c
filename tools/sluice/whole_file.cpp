#include "tools/sluice/whole_file.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <utility>

namespace sluice::cli {
namespace {

std::string temporary(const std::string& path) { return path + ".part"; }

}  // namespace

Result<WholeFile> WholeFile::create(const std::string& path) {
  const auto name = temporary(path);
  const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return fail_errno(errno, name);
  return WholeFile(path, descriptor);
}

WholeFile::WholeFile(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {
  buffer_.reserve(capacity);
}

WholeFile::WholeFile(WholeFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      buffer_(std::move(other.buffer_)) {}

WholeFile::~WholeFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary(path_).c_str());
}

Result<> WholeFile::write(std::string_view bytes) {
  buffer_ += bytes;
  return flush_if_full();
}

Result<> WholeFile::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const auto written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, path_);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  buffer_.clear();
  return {};
}

Result<> WholeFile::commit() {
  if (const auto flushed = flush(); !flushed) return flushed;
  if (::fsync(descriptor_) != 0) return fail_errno(errno, path_);
  if (std::rename(temporary(path_).c_str(), path_.c_str()) != 0) return fail_errno(errno, path_);
  ::close(std::exchange(descriptor_, -1));
  const auto parent = std::filesystem::path(path_).parent_path().string();
  return sync_directory(parent.empty() ? "." : parent);
}

Result<> sync_directory(const std::string& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return fail_errno(errno, directory);
  const int status = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  if (status != 0) return fail_errno(status, directory);
  return {};
}

}  // namespace sluice::cli
