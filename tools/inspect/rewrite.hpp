// The steps that repair and cut are made of: files written durably, indexes and seals made anew,
// the saved frontier moved.
#pragma once

#include "storage/seal.hpp"
#include "tools/inspect/directory.hpp"
#include "tools/inspect/read_file.hpp"

#include <optional>
#include <string>

namespace sluice::inspect {

// A file being written. Durable, and in its place, only once finish() succeeded; until then it is
// NAME.tmp, which a broker removes when it opens the log.
class NewFile {
 public:
  static Result<NewFile> create(const std::string& path);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();
  Result<> append(Bytes bytes);
  // Appends [position, position + size) of `from`.
  Result<> append_from(const ReadFile& from, std::int64_t position, std::int64_t size);
  Result<> finish();

 private:
  NewFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  int descriptor_;
  std::string path_;
};

Result<> write_durably(const std::string& path, Bytes bytes);
Result<> sync_directory(const std::string& path);
Result<> remove_if_there(const std::string& path);
Result<> rename_durably(const std::string& from, const std::string& to);

// The name under which bytes of BASE.log from `position` on are kept; one that is free.
std::string aside_name(const PartitionLog& log, Offset base, std::int64_t position);

// Writes .index and .timeindex of a segment as its .log says, and, for a closed one, its seal.
enum class WithSeal : std::uint8_t { no, yes };
Result<> make_side_files(const PartitionLog& log, const SegmentFile& segment, WithSeal seal);

// Replaces the saved frontier of `log`; the clean mark stays as it is. Nothing to do without one.
Result<> move_frontier(const DataDirectory& directory, const PartitionLog& log,
                       const storage::Frontier& frontier);

}  // namespace sluice::inspect
