#include "tools/inspect/directory.hpp"

#include "storage/checkpoint.hpp"
#include "storage/directory_lock.hpp"
#include "storage/format.hpp"
#include "storage/open_file_system.hpp"
#include "tools/inspect/blocking.hpp"
#include "tools/inspect/read_file.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace sluice::inspect {
namespace {

namespace fs = std::filesystem;
using storage::FrontierFile;

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

std::optional<TopicId> parse_topic_id(std::string_view text) {
  static constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  TopicId id;
  if (text.size() != 22) return std::nullopt;
  std::uint32_t bits = 0;
  int held = 0;
  std::size_t at = 0;
  for (const char c : text) {
    const auto digit = alphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    if (at < id.octets.size()) id.octets[at++] = static_cast<std::byte>(bits >> held);
  }
  return id;
}

void read_metadata(PartitionLog& log) {
  const auto bytes = read_whole(log.path + "/" + std::string(storage::partition_metadata_name));
  if (!bytes) return;
  const std::string_view text = as_text(*bytes);
  constexpr std::string_view label = "topic_id: ";
  const auto at = text.find(label);
  if (at == std::string_view::npos) return;
  auto value = text.substr(at + label.size());
  value = value.substr(0, value.find('\n'));
  log.topic_id = parse_topic_id(value).value_or(TopicId{});
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

Task<Result<>> add_frontiers(DataDirectory* directory) {
  const storage::FileSystemOptions options{
      .backend = storage::Backend::threads, .threads = 1, .create_root = false};
  auto files = co_await storage::open_file_system(directory->root, options);
  if (!files) co_return std::unexpected(files.error());
  const std::string meta(storage::meta_directory);
  const auto entries = co_await (*files)->list(meta);
  bool clean = false;
  bool any = false;
  if (entries) {
    for (const auto& entry : *entries) {
      if (!entry.name.starts_with("frontier-")) continue;
      const std::string path = meta + "/" + entry.name;
      const auto file = co_await FrontierFile::open(**files, path);
      if (!file) continue;  // the check of small files tells of it
      clean = (any ? clean : true) && (*file)->was_clean();
      any = true;
      for (PartitionLog& log : directory->partitions)
        if (auto found = (*file)->find({log.topic_id, log.partition})) log.frontier = *found;
    }
  }
  directory->clean = any && clean;
  co_await (*files)->close();
  co_return Result<>{};
}

bool is_data_directory(const fs::path& path) {
  std::error_code error;
  return fs::exists(path / storage::lock_file_name, error) ||
         fs::exists(path / "meta.properties", error) || fs::exists(path / "meta", error);
}

Result<> add_partition(DataDirectory& directory, const std::string& name) {
  const auto parsed = parse_partition_name(name);
  if (!parsed) return {};
  PartitionLog log{.directory = name,
                   .path = directory.root + "/" + name,
                   .topic = parsed->first,
                   .partition = parsed->second};
  const auto found = read_partition(log);
  if (!found) return std::unexpected(found.error());
  if (*found) directory.partitions.push_back(std::move(log));
  return {};
}

}  // namespace

std::string PartitionLog::file(Offset base, std::string_view suffix) const {
  return path + "/" + storage::offset_file_name(base, suffix);
}

std::optional<std::pair<std::string, PartitionIndex>> parse_partition_name(std::string_view name) {
  const auto dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  PartitionIndex partition = 0;
  const auto* last = name.data() + name.size();
  const auto [end, ec] = std::from_chars(name.data() + dash + 1, last, partition);
  if (ec != std::errc{} || end != last || partition < 0) return std::nullopt;
  return std::pair{std::string(name.substr(0, dash)), partition};
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
    path = fs::absolute(path, error).parent_path();
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
    path = fs::absolute(path, error);
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
  directory.holder = lock_holder(directory.root);
  if (fs::exists(fs::path(directory.root) / "meta.properties", error))
    directory.writer = Writer::kafka;
  const auto added = run_blocking(add_frontiers(&directory));
  if (!added) return std::unexpected(added.error());
  return directory;
}

}  // namespace sluice::inspect
