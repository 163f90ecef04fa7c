// A data directory, as the storage engine sees it. Paths are relative to the root that was opened,
// with '/' between names ("orders-0/00000000000000000000.log"); "" is the root itself. Absolute
// paths and ".." are refused with EINVAL.
//
// Names are not durable by themselves: a created, renamed or removed name survives a power cut only
// once sync_directory() of its directory succeeded (of the target's directory for a rename).
#pragma once

#include "base/result.hpp"
#include "base/task.hpp"
#include "storage/file.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::storage {

enum class OpenMode : std::uint8_t {
  read_only,   // must exist
  read_write,  // must exist
  create,      // reading and writing; made when missing
  create_new,  // reading and writing; EEXIST when it exists
};

struct OpenOptions {
  OpenMode mode = OpenMode::read_write;
  // Bypass the page cache where the file system can (File::direct tells). Closed segments are read
  // without, so that the page cache and sendfile serve them.
  bool direct = false;
};

enum class EntryKind : std::uint8_t { file, directory, other };

struct DirectoryEntry {
  std::string name;  // without the directory
  EntryKind kind = EntryKind::file;
  bool operator==(const DirectoryEntry&) const = default;
};

struct FileStat {
  EntryKind kind = EntryKind::file;
  std::uint64_t size = 0;             // bytes
  std::uint64_t allocated_bytes = 0;  // blocks really taken
  std::int64_t modified_ms = 0;       // epoch ms
};

struct FileSystemSpace {
  std::uint64_t free_bytes = 0;  // to a process without privileges
  std::uint64_t total_bytes = 0;
};

// What the data directory lies on. Network file systems break the promises this engine relies on
// (locks, direct writes, errors at sync), and memory ones keep nothing.
enum class FileSystemKind : std::uint8_t {
  local,
  memory,
  overlay,
  fuse,
  network,
  simulated,
  unknown
};

struct FileSystemType {
  FileSystemKind kind = FileSystemKind::unknown;
  std::string name;  // "ext4", "nfs", "0x1234abcd" when not known
};

struct BackendInfo {
  std::string name;    // "io_uring", "threads", "simulated"
  std::string reason;  // why this one: "asked for", "io_uring_setup: Operation not permitted", …
};

// Used on one shard. Outlives its files.
class FileSystem {
 public:
  // Requires: close() was awaited, or nothing is in flight.
  virtual ~FileSystem() = default;

  // Errors: those of openat(2): ENOENT, EEXIST, EMFILE, EACCES, …
  virtual Task<Result<std::unique_ptr<File>>> open(std::string path, OpenOptions options) = 0;

  // Replaces `to` if it exists, atomically. Errors: ENOENT, …
  virtual Task<Result<>> rename(std::string from, std::string to) = 0;
  // Removes a file. Errors: ENOENT, …
  virtual Task<Result<>> remove(std::string path) = 0;
  // Errors: EEXIST, ENOENT when the parent is missing.
  virtual Task<Result<>> make_directory(std::string path) = 0;
  // Errors: ENOTEMPTY, ENOENT.
  virtual Task<Result<>> remove_directory(std::string path) = 0;
  // Makes the names in `path` durable (fsync of the directory). Never retried after an error.
  virtual Task<Result<>> sync_directory(std::string path) = 0;

  // Entries sorted by name, without "." and "..".
  virtual Task<Result<std::vector<DirectoryEntry>>> list(std::string path) = 0;
  // Errors: ENOENT, …
  virtual Task<Result<FileStat>> stat(std::string path) = 0;
  virtual Task<Result<FileSystemSpace>> space() = 0;

  // As File::read, of a descriptor that belongs to another shard's file and that the caller keeps
  // open. Requires: a file that is not direct.
  virtual Task<Result<std::size_t>> read_descriptor(int descriptor, MutableBytes into,
                                                    std::uint64_t position) = 0;

  // Does not fail for ENOENT and ENOTDIR: false.
  Task<Result<bool>> exists(std::string path);
  // Makes `path` and its missing parents, each durable when this returns. Succeeds when it exists.
  Task<Result<>> make_directories(std::string path);
  // Removes `path` with all it contains; succeeds when it does not exist. Not durable.
  Task<Result<>> remove_all(std::string path);

  // Waits for everything in flight. Nothing may be started afterwards.
  virtual Task<> close() = 0;

  virtual const FileSystemType& type() const = 0;
  virtual const BackendInfo& backend() const = 0;
};

}  // namespace sluice::storage
