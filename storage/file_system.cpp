#include "storage/file_system.hpp"

#include <cerrno>
#include <utility>

namespace sluice::storage {

Task<Result<bool>> FileSystem::exists(std::string path) {
  const auto found = co_await stat(std::move(path));
  if (found) co_return true;
  if (is_not_found(found.error()) || found.error().code == std::errc::not_a_directory)
    co_return false;
  co_return std::unexpected(found.error());
}

Task<Result<>> FileSystem::make_directories(std::string path) {
  for (std::size_t end = 0; end != std::string::npos && end < path.size();) {
    end = path.find('/', end + 1);
    const std::string prefix = path.substr(0, end);
    const auto slash = prefix.rfind('/');
    const std::string parent = slash == std::string::npos ? "" : prefix.substr(0, slash);
    const auto made = co_await make_directory(prefix);
    if (!made && made.error().code != std::errc::file_exists) co_return made;
    // Also when it existed: a crash may have come between its making and its sync.
    const auto synced = co_await sync_directory(parent);
    if (!synced) co_return synced;
  }
  co_return Result<>{};
}

Task<Result<>> FileSystem::remove_all(std::string path) {
  const auto entries = co_await list(path);
  if (!entries) {
    if (is_not_found(entries.error())) co_return Result<>{};
    if (entries.error().code == std::errc::not_a_directory) co_return co_await remove(path);
    co_return std::unexpected(entries.error());
  }
  for (const auto& entry : *entries) {
    const std::string child = path.empty() ? entry.name : path + "/" + entry.name;
    const auto removed =
        entry.kind == EntryKind::directory ? co_await remove_all(child) : co_await remove(child);
    if (!removed) co_return removed;
  }
  if (path.empty()) co_return Result<>{};
  co_return co_await remove_directory(path);
}

}  // namespace sluice::storage
