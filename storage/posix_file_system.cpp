#include "storage/posix_file_system.hpp"

#include "storage/direct_io.hpp"
#include "storage/page_cache.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <ranges>
#include <string_view>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

namespace sluice::storage {
namespace {

constexpr std::size_t zeros_size = 256 * 1024;

// Relative, and without a step up: what lies outside the root is none of our business.
bool is_inside(std::string_view path) {
  if (path.starts_with('/') || path.find('\0') != std::string_view::npos) return false;
  return std::ranges::none_of(std::views::split(path, '/'), [](auto name) {
    return std::string_view(name.begin(), name.end()) == "..";
  });
}

const char* or_dot(const std::string& path) { return path.empty() ? "." : path.c_str(); }

int open_flags(OpenMode mode) {
  switch (mode) {
    case OpenMode::read_only:
      return O_RDONLY;
    case OpenMode::read_write:
      return O_RDWR;
    case OpenMode::create:
      return O_RDWR | O_CREAT;
    case OpenMode::create_new:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

EntryKind kind_of(unsigned mode) {
  if (S_ISREG(mode)) return EntryKind::file;
  return S_ISDIR(mode) ? EntryKind::directory : EntryKind::other;
}

// Turns direct I/O on if file system and kernel can do it; the alignment then, 0 otherwise.
std::size_t make_direct(int descriptor, FileSystemKind kind) {
  // tmpfs takes the flag (Linux 6.6) and copies all the same.
  if (kind == FileSystemKind::memory) return 0;
  const std::size_t alignment = direct_io_alignment(descriptor);
  if (alignment == 0) return 0;
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_DIRECT) != 0) return 0;
  return alignment;
}

Result<std::vector<DirectoryEntry>> read_entries(DIR* directory) {
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory);
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    EntryKind kind = entry->d_type == DT_DIR ? EntryKind::directory : EntryKind::other;
    if (entry->d_type == DT_REG) kind = EntryKind::file;
    if (entry->d_type == DT_UNKNOWN) {
      struct stat status{};
      if (::fstatat(::dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        kind = kind_of(status.st_mode);
      }
    }
    entries.push_back({std::string(name), kind});
  }
  if (errno != 0) return fail_errno(errno);
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  return entries;
}

}  // namespace

PosixFileSystem::PosixFileSystem(int root, std::string root_path,
                                 std::unique_ptr<IoBackend> backend, BackendInfo info,
                                 FileSystemType type)
    : root_(root),
      root_path_(std::move(root_path)),
      shared_{std::move(backend), AlignedBuffer::allocate(zeros_size), true},
      info_(std::move(info)),
      type_(std::move(type)) {
  std::ranges::fill(shared_.zeros.bytes(), std::byte{0});
}

PosixFileSystem::~PosixFileSystem() {
  shared_.backend.reset();
  ::close(root_);
}

std::string PosixFileSystem::full(const std::string& path) const {
  return path.empty() ? root_path_ : root_path_ + "/" + path;
}

Task<Result<std::unique_ptr<File>>> PosixFileSystem::open(std::string path, OpenOptions options) {
  if (!is_inside(path)) co_return fail_errno(EINVAL, "open " + path);
  const int descriptor =
      ::openat(root_, or_dot(path), open_flags(options.mode) | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (descriptor < 0) co_return fail_errno(errno, "open " + full(path));
  const std::size_t direct = options.direct ? make_direct(descriptor, type_.kind) : 0;
  if (options.mode == OpenMode::read_only && direct == 0) no_kernel_readahead(descriptor);
  const std::size_t alignment = direct == 0 ? 1 : direct;
  co_return std::make_unique<PosixFile>(shared_, descriptor, std::move(path), alignment,
                                        direct != 0);
}

Task<Result<>> PosixFileSystem::rename(std::string from, std::string to) {
  if (!is_inside(from) || !is_inside(to)) co_return fail_errno(EINVAL, "rename " + from);
  if (::renameat(root_, from.c_str(), root_, to.c_str()) != 0) {
    co_return fail_errno(errno, "rename " + full(from) + " to " + to);
  }
  co_return Result<>{};
}

Task<Result<>> PosixFileSystem::remove(std::string path) {
  if (!is_inside(path)) co_return fail_errno(EINVAL, "remove " + path);
  IoRequest removing;
  removing.kind = IoKind::remove_file;
  removing.descriptor = root_;
  removing.name = path;
  const IoAnswer answer = co_await shared_.backend->run(std::move(removing));
  if (answer.result < 0) {
    co_return fail_errno(static_cast<int>(-answer.result), "remove " + full(path));
  }
  co_return Result<>{};
}

Task<Result<>> PosixFileSystem::make_directory(std::string path) {
  if (!is_inside(path)) co_return fail_errno(EINVAL, "make directory " + path);
  if (::mkdirat(root_, or_dot(path), 0755) != 0) {
    co_return fail_errno(errno, "make directory " + full(path));
  }
  co_return Result<>{};
}

Task<Result<>> PosixFileSystem::remove_directory(std::string path) {
  if (!is_inside(path)) co_return fail_errno(EINVAL, "remove directory " + path);
  if (::unlinkat(root_, path.c_str(), AT_REMOVEDIR) != 0) {
    co_return fail_errno(errno, "remove directory " + full(path));
  }
  co_return Result<>{};
}

Task<Result<>> PosixFileSystem::sync_directory(std::string path) {
  if (!is_inside(path)) co_return fail_errno(EINVAL, "sync directory " + path);
  const int descriptor = ::openat(root_, or_dot(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) co_return fail_errno(errno, "open " + full(path));
  // Closes the descriptor when the sync has ended, also when the coroutine is destroyed.
  const PosixFile directory(shared_, descriptor, path, 1, false);
  IoRequest syncing;
  syncing.kind = IoKind::sync_all;
  syncing.descriptor = descriptor;
  const IoAnswer answer = co_await shared_.backend->run(std::move(syncing));
  if (answer.result < 0) {
    co_return fail_errno(static_cast<int>(-answer.result), "sync directory " + full(path));
  }
  co_return Result<>{};
}

Task<Result<std::vector<DirectoryEntry>>> PosixFileSystem::list(std::string path) {
  if (!is_inside(path)) co_return fail_errno(EINVAL, "list " + path);
  const int descriptor = ::openat(root_, or_dot(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) co_return fail_errno(errno, "open " + full(path));
  DIR* directory = ::fdopendir(descriptor);
  if (directory == nullptr) {
    const int number = errno;
    ::close(descriptor);
    co_return fail_errno(number, "list " + full(path));
  }
  auto entries = read_entries(directory);
  ::closedir(directory);
  if (!entries) entries.error().context = "list " + full(path);
  co_return entries;
}

Task<Result<FileStat>> PosixFileSystem::stat(std::string path) {
  if (!is_inside(path)) co_return fail_errno(EINVAL, "stat " + path);
  struct stat status{};
  if (::fstatat(root_, or_dot(path), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    co_return fail_errno(errno, "stat " + full(path));
  }
  FileStat found;
  found.kind = kind_of(status.st_mode);
  found.size = static_cast<std::uint64_t>(status.st_size);
  found.allocated_bytes = static_cast<std::uint64_t>(status.st_blocks) * 512;
  found.modified_ms = status.st_mtim.tv_sec * std::int64_t{1000} + status.st_mtim.tv_nsec / 1000000;
  co_return found;
}

Task<Result<FileSystemSpace>> PosixFileSystem::space() {
  struct statvfs status{};
  if (::fstatvfs(root_, &status) != 0) co_return fail_errno(errno, "statvfs " + root_path_);
  co_return FileSystemSpace{.free_bytes = std::uint64_t{status.f_bavail} * status.f_frsize,
                            .total_bytes = std::uint64_t{status.f_blocks} * status.f_frsize};
}

Task<Result<std::size_t>> PosixFileSystem::read_descriptor(int descriptor, MutableBytes into,
                                                           std::uint64_t position) {
  IoRequest reading;
  reading.kind = IoKind::read;
  reading.descriptor = descriptor;
  reading.position = position;
  const Bytes parts[] = {into};
  reading.set_parts(parts);
  const IoAnswer answer = co_await shared_.backend->run(std::move(reading));
  if (answer.result < 0) co_return fail_errno(static_cast<int>(-answer.result), "read");
  co_return static_cast<std::size_t>(answer.result);
}

Task<> PosixFileSystem::close() { return shared_.backend->drain(); }

}  // namespace sluice::storage
