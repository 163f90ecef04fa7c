#include "storage/directory_lock.hpp"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <signal.h>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace sluice::storage {
namespace {

struct flock whole_file() {
  struct flock range{};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return range;
}

bool try_lock(int descriptor) {
  struct flock range = whole_file();
  return ::fcntl(descriptor, F_OFD_SETLK, &range) == 0;
}

// The pid in the file, 0 when there is none. A killed holder leaves its text until the next one
// replaces it; the pid of a process that is gone is never named.
long recorded_pid(int descriptor) {
  char text[24];
  const ssize_t length = ::pread(descriptor, text, sizeof text, 0);
  long pid = 0;
  if (length <= 0) return 0;
  const auto [end, error] = std::from_chars(text, text + length, pid);
  // A line end shows that the number is whole.
  if (error != std::errc{} || end == text + length || *end != '\n' || pid <= 0) return 0;
  return ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH ? 0 : pid;
}

bool record_pid(int descriptor) {
  const std::string text = std::to_string(::getpid()) + "\n";
  return ::ftruncate(descriptor, 0) == 0 &&
         ::pwrite(descriptor, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

Error held_error(int descriptor, const std::string& directory) {
  const long pid = recorded_pid(descriptor);
  std::string who = "another process";
  if (pid == static_cast<long>(::getpid())) {
    who = "this process (pid " + std::to_string(pid) + ")";
  } else if (pid != 0) {
    who = "process " + std::to_string(pid);
  }
  return {std::error_code(EBUSY, std::system_category()),
          "data directory " + directory + " is in use by " + who};
}

}  // namespace

Result<DirectoryLock> DirectoryLock::acquire(const std::string& directory) {
  const std::string path = directory + "/" + lock_file_name;
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return fail_errno(errno, "open " + path);
  if (!try_lock(descriptor)) {
    const int number = errno;
    const bool held = number == EAGAIN || number == EACCES;
    Error error = held ? held_error(descriptor, directory)
                       : Error{std::error_code(number, std::system_category()), "lock " + path};
    ::close(descriptor);
    return std::unexpected(std::move(error));
  }
  DirectoryLock lock(descriptor);
  if (!record_pid(descriptor)) return fail_errno(errno, "write " + path);
  return lock;
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

// The text is emptied first: an opener that finds the file locked by the next holder, before that
// one has written its pid, must not name us.
DirectoryLock::~DirectoryLock() {
  if (descriptor_ < 0) return;
  [[maybe_unused]] const int emptied = ::ftruncate(descriptor_, 0);
  ::close(descriptor_);
}

}  // namespace sluice::storage
