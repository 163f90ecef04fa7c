#include "storage/open_file_system.hpp"

#include "storage/file_system_type.hpp"
#include "storage/posix_file_system.hpp"
#include "storage/thread_backend.hpp"
#include "storage/uring_backend.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace sluice::storage {
namespace {

struct Chosen {
  std::unique_ptr<IoBackend> backend;
  BackendInfo info;
};

Result<Chosen> start_threads(Executor executor, unsigned threads, std::string reason) {
  try {
    return Chosen{std::make_unique<ThreadBackend>(executor, threads),
                  {"threads", std::move(reason)}};
  } catch (const std::system_error& error) {
    return fail(error.code(), "start I/O threads");
  }
}

Result<Chosen> choose(Executor executor, const FileSystemOptions& options) {
  if (options.backend == Backend::threads) {
    return start_threads(executor, options.threads, "asked for");
  }
  auto ring = UringBackend::create(executor, options.ring_entries);
  const bool automatic = options.backend == Backend::automatic;
  if (ring) {
    std::string reason = automatic ? "the kernel allows it" : "asked for";
    return Chosen{std::move(*ring), {"io_uring", std::move(reason)}};
  }
  if (!automatic) return std::unexpected(ring.error());
  return start_threads(executor, options.threads, ring.error().message());
}

// The root and its missing parents, each durable in its parent.
Result<> make_root(const std::filesystem::path& root) {
  std::error_code failed;
  if (std::filesystem::is_directory(root, failed)) return {};
  const auto parent = root.parent_path();
  if (!parent.empty() && parent != root) {
    const auto made = make_root(parent);
    if (!made) return made;
  }
  std::filesystem::create_directory(root, failed);
  if (failed) return fail(failed, "make directory " + root.string());
  const std::string above = parent.empty() ? "." : parent.string();
  const int descriptor = ::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return fail_errno(errno, "open " + above);
  const int status = ::fsync(descriptor);
  const int number = errno;
  ::close(descriptor);
  if (status != 0) return fail_errno(number, "sync directory " + above);
  return {};
}

}  // namespace

Task<Result<std::unique_ptr<FileSystem>>> open_file_system(std::string root,
                                                           FileSystemOptions options) {
  const Executor executor = co_await asio::this_coro::executor;
  if (root.empty()) co_return fail_errno(EINVAL, "open data directory: no path");
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  if (options.create_root) {
    const auto made = make_root(root);
    if (!made) co_return std::unexpected(made.error());
  }
  const int descriptor = ::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) co_return fail_errno(errno, "open " + root);
  auto type = file_system_type(descriptor);
  auto chosen = choose(executor, options);
  if (!type || !chosen) {
    ::close(descriptor);
    co_return std::unexpected(!type ? type.error() : chosen.error());
  }
  co_return std::make_unique<PosixFileSystem>(descriptor, std::move(root),
                                              std::move(chosen->backend), std::move(chosen->info),
                                              std::move(*type));
}

}  // namespace sluice::storage
