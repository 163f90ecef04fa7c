#include "tools/inspect/directory.hpp"

#include "broker/catalog_rebuild.hpp"
#include "storage/checkpoint.hpp"
#include "storage/directory_lock.hpp"
#include "storage/format.hpp"
#include "tools/inspect/frontiers.hpp"
#include "tools/inspect/read_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace sluice::inspect {
namespace {

namespace fs = std::filesystem;

// The lock is asked about, not taken.
std::optional<std::string> lock_holder(const std::string& root) {
  const std::string path = root + "/" + storage::lock_file_name;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  struct flock range{};
  range.l_type = F_RDLCK;
  range.l_whence = SEEK_SET;
  const bool held = ::fcntl(descriptor, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
  char text[24];
  const auto length = held ? ::pread(descriptor, text, sizeof text, 0) : 0;
  ::close(descriptor);
  if (!held) return std::nullopt;
  std::string pid(text, static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  pid.erase(std::min(pid.find('\n'), pid.size()));
  return pid.empty() ? "?" : pid;
}

void read_metadata(PartitionLog& log) {
  const auto bytes = read_whole(log.path + "/" + std::string(storage::partition_metadata_name));
  if (!bytes) return;
  log.topic_id = broker::parse_partition_metadata(as_text(*bytes)).value_or(TopicId{});
}

void read_checkpoints(PartitionLog& log) {
  const auto start = read_whole(log.path + "/" + std::string(storage::log_start_name));
  if (start) {
    const auto rows = storage::decode_checkpoint(as_text(*start), 3);
    if (rows && rows->size() == 1) log.log_start = storage::parse_number((*rows)[0][2]).value_or(0);
  }
  const auto epochs = read_whole(log.path + "/" + std::string(storage::epoch_checkpoint_name));
  if (!epochs) return;
  auto decoded = storage::Epochs::decode(as_text(*epochs));
  if (decoded) log.epochs = std::move(*decoded);
}

// Whether there is anything of a log in it.
Result<bool> read_partition(PartitionLog& log) {
  std::error_code error;
  fs::directory_iterator entries(log.path, error);
  if (error) return fail(error, log.path);
  std::map<Offset, SegmentFile> segments;
  for (const auto& entry : entries) {
    const std::string name = entry.path().filename().string();
    const auto parsed = storage::parse_offset_file_name(name);
    if (!parsed) continue;
    if (parsed->suffix == storage::snapshot_suffix) log.snapshots.push_back(parsed->base);
    if (name.ends_with(storage::cut_suffix) || name.ends_with(aside_suffix))
      log.aside.push_back(name);
    if (parsed->suffix == storage::log_suffix) {
      // Retention may have removed it meanwhile.
      const auto size = entry.file_size(error);
      if (!error) segments[parsed->base].size = static_cast<std::int64_t>(size);
    }
  }
  const auto beside = [&](Offset base, std::string_view suffix) {
    return fs::exists(log.file(base, suffix), error);
  };
  for (auto& [base, segment] : segments) {
    segment.base = base;
    segment.index = beside(base, storage::index_suffix);
    segment.time_index = beside(base, storage::time_index_suffix);
    segment.seal = beside(base, storage::seal_suffix);
    if (!log.segments.empty()) log.segments.back().next_base = base;
    log.segments.push_back(segment);
  }
  if (!log.segments.empty()) log.segments.back().active = true;
  std::ranges::sort(log.snapshots);
  std::ranges::sort(log.aside);
  read_metadata(log);
  read_checkpoints(log);
  if (!log.segments.empty()) log.log_start = std::max(log.log_start, log.segments.front().base);
  return !log.segments.empty();
}

bool is_data_directory(const fs::path& path) {
  std::error_code error;
  return fs::exists(path / storage::lock_file_name, error) ||
         fs::exists(path / "meta.properties", error) || fs::exists(path / "meta", error);
}

Result<> add_partition(DataDirectory& directory, const std::string& name) {
  const auto parsed = broker::parse_partition_directory(name);
  if (!parsed) return {};
  PartitionLog log{.directory = name,
                   .path = directory.root + "/" + name,
                   .topic = std::string(parsed->topic),
                   .partition = parsed->partition};
  const auto found = read_partition(log);
  if (!found) return std::unexpected(found.error());
  if (*found) directory.partitions.push_back(std::move(log));
  return {};
}

}  // namespace

std::string PartitionLog::file(Offset base, std::string_view suffix) const {
  return path + "/" + storage::offset_file_name(base, suffix);
}

Result<DataDirectory> look_at(const std::string& text) {
  std::error_code error;
  fs::path path = fs::path(text).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  const auto status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return fail_errno(ENOENT, text);
  if (error) return fail(error, text);
  Offset only = -1;
  if (status.type() != fs::file_type::directory) {
    const auto parsed = storage::parse_offset_file_name(path.filename().string());
    if (!parsed || parsed->suffix != storage::log_suffix)
      return fail_errno(EINVAL, text + " is no data directory, partition or segment");
    only = parsed->base;
    path = fs::canonical(path, error).parent_path();
  }
  DataDirectory directory;
  fs::directory_iterator entries(path, error);
  if (error) return fail(error, text);
  if (is_data_directory(path)) {
    directory.root = path.string();
    for (const auto& entry : entries) {
      if (!entry.is_directory(error)) continue;
      const auto added = add_partition(directory, entry.path().filename().string());
      if (!added) return std::unexpected(added.error());
    }
  } else {
    path = fs::canonical(path, error);  // its data directory is beside the thing, not beside a link
    if (error) return fail(error, text);
    directory.root = path.parent_path().string();
    const auto added = add_partition(directory, path.filename().string());
    if (!added) return std::unexpected(added.error());
    if (directory.partitions.empty())
      return fail_errno(EINVAL, text + " is no data directory, partition or segment");
  }
  if (only >= 0)
    std::erase_if(directory.partitions.front().segments,
                  [only](const SegmentFile& segment) { return segment.base != only; });
  std::ranges::sort(directory.partitions, {},
                    [](const PartitionLog& log) { return std::tie(log.topic, log.partition); });
  directory.has_root = is_data_directory(directory.root);
  directory.holder = lock_holder(directory.root);
  if (fs::exists(fs::path(directory.root) / "meta.properties", error))
    directory.writer = Writer::kafka;
  const auto added = add_frontiers(directory);
  if (!added) return std::unexpected(added.error());
  return directory;
}

}  // namespace sluice::inspect
