// What a backup directory holds: manifest.json, written last and whole.
#pragma once

#include "sluice/admin.hpp"
#include "sluice/types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

// What tells one batch from another at its place.
struct BackupBatch {
  Offset base = 0;
  std::uint32_t crc = 0;
  LeaderEpoch epoch = -1;
};

// Record batches as they were fetched, back to back.
struct BackupFile {
  std::string name;  // below the directory: "orders/0/00000000000000000042.batches"
  Offset first = 0;  // of its first record
  Offset end = 0;    // one past its last record
  std::int64_t records = 0;
  std::uint64_t bytes = 0;
  std::string checksum;             // XXH3-128 of the file, 32 digits
  std::optional<BackupBatch> last;  // nothing in backups of older versions
};

struct BackupPartition {
  PartitionIndex partition = 0;
  Offset start = 0;  // the first offset that was readable, when it was backed up first
  Offset end = 0;    // all readable records before it are in the files
  // Ranges that the cluster had deleted before they were backed up.
  std::vector<std::pair<Offset, Offset>> missing;
  std::vector<BackupFile> files;  // in order of offsets
};

struct BackupTopic {
  std::string name;
  std::string id;  // of the topic in its cluster; another one is another topic
  std::vector<ConfigSetting> configs;
  std::vector<BackupPartition> partitions;  // in order, from 0 without gaps
};

struct BackupGroup {
  std::string id;
  std::map<TopicPartition, CommittedOffset> offsets;
};

struct BackupManifest {
  std::string cluster_id;
  std::int64_t taken_ms = 0;  // the last backup
  std::vector<BackupTopic> topics;
  std::vector<BackupGroup> groups;
};

// Nothing when the directory has no manifest. Errors: an errno; Errc::invalid_argument with what is
// wrong in it.
Result<std::optional<BackupManifest>> read_manifest(const std::string& directory);
// Replaces the manifest at once. Errors: an errno.
Result<> write_manifest(const std::string& directory, const BackupManifest& manifest);

// XXH3-128 over pieces, as 32 hexadecimal digits.
std::string checksum_of(Bytes bytes);

// A whole file, mapped. Lifetime of the bytes: the object's.
class MappedFile {
 public:
  // Errors: an errno, with the path.
  static Result<MappedFile> open(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  Bytes bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  MappedFile(void* data, std::size_t size) : data_(data), size_(size) {}
  void* data_;
  std::size_t size_;
};

// Whether a file is what the manifest says, batch by batch. The error is a sentence.
std::optional<std::string> check_file(const BackupFile& file, Bytes bytes);

}  // namespace sluice::cli
