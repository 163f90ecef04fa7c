#include "tools/files/whole_file.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <utility>

namespace sluice {

Result<WholeFile> WholeFile::create(const std::string& path, std::string_view suffix) {
  std::error_code missing;
  const auto there = std::filesystem::canonical(path, missing);
  const std::string target = missing ? path : there.string();
  if (!missing && std::filesystem::is_other(there, missing)) {
    const int descriptor = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return fail_errno(errno, path);
    return WholeFile(target, "", descriptor);
  }
  std::string name = target + std::string(suffix);
  const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return fail_errno(errno, path);
  return WholeFile(target, std::move(name), descriptor);
}

WholeFile::WholeFile(std::string path, std::string temporary, int descriptor)
    : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {
  buffer_.reserve(capacity);
}

WholeFile::WholeFile(WholeFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      buffer_(std::move(other.buffer_)) {}

WholeFile::~WholeFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
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
  if (temporary_.empty()) {
    ::close(std::exchange(descriptor_, -1));
    return {};
  }
  if (::fsync(descriptor_) != 0) return fail_errno(errno, path_);
  const auto renamed = rename_durably(temporary_, path_);
  if (renamed) ::close(std::exchange(descriptor_, -1));
  return renamed;
}

Result<> write_durably(const std::string& path, std::string_view bytes, std::string_view suffix) {
  auto file = WholeFile::create(path, suffix);
  if (!file) return std::unexpected(file.error());
  const auto written = file->write(bytes);
  return written ? file->commit() : written;
}

Result<> rename_durably(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return fail_errno(errno, to);
  const auto parent = std::filesystem::path(to).parent_path().string();
  return sync_directory(parent.empty() ? "." : parent);
}

Result<> remove_if_there(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail_errno(errno, path);
}

Result<> sync_directory(const std::string& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return fail_errno(errno, directory);
  const int status = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  if (status != 0) return fail_errno(status, directory);
  return {};
}

}  // namespace sluice
