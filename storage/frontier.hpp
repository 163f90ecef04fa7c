// The saved frontier of one shard: for each partition a lower bound of what is durable, so that
// recovery scans only what came after. Two slots in one file, written in turn; the newer one whose
// checksum holds is the truth. Carries the clean-shutdown mark.
#pragma once

#include "base/event.hpp"
#include "protocol/ids.hpp"
#include "storage/file_system.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::storage {

// Everything below `offset` is durable; the record at `offset` begins, or will, at `position` of
// segment `segment`.
struct Frontier {
  Offset offset = 0;
  Offset segment = 0;
  std::int64_t position = 0;
  LeaderEpoch epoch = -1;  // of the newest batch below `offset`, at most
  // What the files without a checksum said then, to tell whether they still do. -1: not known.
  Offset log_start = -1;
  std::uint32_t epochs_crc = 0;  // CRC-32C of leader-epoch-checkpoint
  bool exact =
      false;  // if it is loaded, or saved, with the clean-shutdown mark; else a lower bound
  bool operator==(const Frontier&) const = default;
};

struct FrontierKey {
  TopicId topic_id;
  PartitionIndex partition = 0;
  auto operator<=>(const FrontierKey&) const = default;
};

// How many of the two slots of a frontier file hold what was written to them. A slot that was never
// written counts as neither. For checks of a file that nobody has open.
struct FrontierSlots {
  int intact = 0;
  int damaged = 0;
};
FrontierSlots count_frontier_slots(Bytes file);

class FrontierFile {
  struct Key {};  // only open() makes one

 public:
  FrontierFile(Key, FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  // Reads the file if there is one; a missing or wholly damaged one is an empty, unclean frontier.
  // Errors: unknown_format (a newer version wrote it), any errno.
  static Task<Result<std::unique_ptr<FrontierFile>>> open(FileSystem& files, std::string path);

  // Whether there was a file; whether there is one that save() writes to.
  bool existed() const { return existed_; }
  bool on_disk() const { return file_ != nullptr; }
  // Whether the newest slot has the clean-shutdown mark. Entries may be inexact all the same.
  bool was_clean() const { return was_clean_; }
  // As loaded, or as set since.
  std::optional<Frontier> find(const FrontierKey& key) const;
  void set(const FrontierKey& key, const Frontier& frontier, std::int64_t bytes_written);
  // The log may be changed from now on: until it is set, what is known is a lower bound.
  void doubt(const FrontierKey& key);
  void erase(const FrontierKey& key);

  // Bytes that became durable since the last save began.
  std::int64_t bytes_behind() const { return bytes_behind_; }
  bool dirty() const { return dirty_; }

  enum class Mark : std::uint8_t { running, clean };
  // Writes the next slot, durably. Only one save at a time: a second one waits its turn by
  // returning at once, leaving dirty() true. After a failed save the file is not written again:
  // errors repeat.
  Task<Result<>> save(Mark mark);
  // A save that began after this was called.
  Task<Result<>> save_now();

 private:
  Task<Result<>> load();
  Task<Result<>> rewrite(std::vector<std::byte> slot);
  std::vector<std::byte> encode(Mark mark);

  FileSystem& files_;
  std::string path_;
  std::map<FrontierKey, Frontier> entries_;
  std::unique_ptr<File> file_;
  std::uint64_t sequence_ = 0;
  std::int64_t slot_size_ = 0;
  std::int64_t bytes_behind_ = 0;
  bool existed_ = false;
  bool was_clean_ = false;
  bool dirty_ = false;
  bool saving_ = false;
  Event saved_;
  std::optional<Error> failed_;
};

}  // namespace sluice::storage
