// A directory of the machine, over any IoBackend. Reads, writes, syncs, reservations and removals
// go to the backend; opening, renaming and looking up names happen at once, on the shard.
#pragma once

#include "storage/file_system.hpp"
#include "storage/posix_file.hpp"

#include <memory>
#include <string>

namespace sluice::storage {

class PosixFileSystem final : public FileSystem {
 public:
  // Takes `root` over, a descriptor of the root directory; `root_path` is for messages.
  PosixFileSystem(int root, std::string root_path, std::unique_ptr<IoBackend> backend,
                  BackendInfo info, FileSystemType type);
  ~PosixFileSystem() override;

  Task<Result<std::unique_ptr<File>>> open(std::string path, OpenOptions options) override;
  Task<Result<>> rename(std::string from, std::string to) override;
  Task<Result<>> remove(std::string path) override;
  Task<Result<>> make_directory(std::string path) override;
  Task<Result<>> remove_directory(std::string path) override;
  Task<Result<>> sync_directory(std::string path) override;
  Task<Result<std::vector<DirectoryEntry>>> list(std::string path) override;
  Task<Result<FileStat>> stat(std::string path) override;
  Task<Result<FileSystemSpace>> space() override;
  Task<Result<std::size_t>> read_descriptor(int descriptor, MutableBytes into,
                                            std::uint64_t position) override;
  Task<> close() override;

  const FileSystemType& type() const override { return type_; }
  const BackendInfo& backend() const override { return info_; }

 private:
  std::string full(const std::string& path) const;

  int root_;
  std::string root_path_;
  PosixShared shared_;
  BackendInfo info_;
  FileSystemType type_;
};

}  // namespace sluice::storage
