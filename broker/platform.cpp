#include "broker/platform.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

namespace sluice::broker {

Result<> ThisMachine::claim(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return fail(error, "data directory " + directory);
  auto lock = storage::DirectoryLock::acquire(directory);
  if (!lock) return std::unexpected(lock.error());
  lock_ = std::move(*lock);
  return {};
}

std::unique_ptr<Timers> ThisMachine::make_timers(Executor executor) {
  return sluice::make_timers(std::move(executor));
}

std::unique_ptr<Random> ThisMachine::make_random() { return std::make_unique<SystemRandom>(); }

Task<Result<std::unique_ptr<storage::FileSystem>>> ThisMachine::open_files(
    std::string root, storage::FileSystemOptions options) {
  return storage::open_file_system(std::move(root), options);
}

}  // namespace sluice::broker
