#include "tools/inspect/frontiers.hpp"

#include "storage/format.hpp"
#include "storage/open_file_system.hpp"
#include "tools/inspect/blocking.hpp"
#include "tools/inspect/segment_walk.hpp"

#include <filesystem>

namespace sluice::inspect {
namespace {

namespace fs = std::filesystem;
using storage::FrontierFile;

constexpr storage::FileSystemOptions plain_io{
    .backend = storage::Backend::threads, .threads = 1, .create_root = false};

Task<Result<>> read_all(DataDirectory* directory) {
  auto files = co_await storage::open_file_system(directory->root, plain_io);
  if (!files) co_return std::unexpected(files.error());
  bool clean = true;
  bool any = false;
  for (const auto& path : frontier_files(directory->root)) {
    const auto file = co_await FrontierFile::open(**files, path);
    if (!file) continue;  // the check of small files tells of it
    clean = clean && (*file)->was_clean();
    any = true;
    for (PartitionLog& log : directory->partitions)
      if (auto found = (*file)->find({log.topic_id, log.partition})) log.frontier = *found;
  }
  directory->clean = any && clean;
  co_await (*files)->close();
  co_return Result<>{};
}

Task<Result<>> save(const DataDirectory* directory, storage::FrontierKey key,
                    storage::Frontier frontier) {
  auto files = co_await storage::open_file_system(directory->root, plain_io);
  if (!files) co_return std::unexpected(files.error());
  Result<> done;
  for (const auto& path : frontier_files(directory->root)) {
    auto file = co_await FrontierFile::open(**files, path);
    if (!file) {
      done = std::unexpected(file.error());
      break;
    }
    if (!(*file)->find(key)) continue;
    (*file)->set(key, frontier, 0);
    done = co_await (*file)->save((*file)->was_clean() ? FrontierFile::Mark::clean
                                                       : FrontierFile::Mark::running);
    if (!done) break;
  }
  co_await (*files)->close();
  co_return done;
}

}  // namespace

std::vector<std::string> frontier_files(const std::string& root) {
  const std::string meta(storage::meta_directory);
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fs::path(root) / meta, error)) {
    std::string name = entry.path().filename().string();
    if (name.starts_with("frontier-")) names.push_back(meta + "/" + std::move(name));
  }
  return names;
}

Result<> add_frontiers(DataDirectory& directory) { return run_blocking(read_all(&directory)); }

Result<std::optional<storage::Frontier>> find_frontier(const PartitionLog& log,
                                                       const SegmentFile& segment) {
  if (!log.frontier || log.frontier->segment != segment.base) return std::nullopt;
  auto frontier = *log.frontier;
  if (frontier.offset <= segment.base) {
    frontier.position = 0;
    return frontier;
  }
  const auto file = ReadFile::open(log.file(segment.base, storage::log_suffix));
  if (!file) return std::unexpected(file.error());
  SegmentWalk::Range range{.first_offset = segment.base};
  if (segment.next_base) range.end_offset = *segment.next_base;
  SegmentWalk walk(*file, range);
  for (;;) {
    const auto step = walk.next();
    if (!step) return std::unexpected(step.error());
    if (!*step || !(*step)->is_batch()) return std::nullopt;
    const auto& header = (*step)->header;
    if (header.next_offset() < frontier.offset) continue;
    const bool before = header.base_offset >= frontier.offset;
    frontier.position = (*step)->position + (before ? 0 : (*step)->size);
    if (!before) frontier.offset = header.next_offset();
    if (!before) frontier.epoch = header.partition_leader_epoch;
    return frontier;
  }
}

Result<> move_frontier(const DataDirectory& directory, const PartitionLog& log,
                       const storage::Frontier& frontier) {
  if (!log.frontier) return {};
  return run_blocking(save(&directory, {log.topic_id, log.partition}, frontier));
}

}  // namespace sluice::inspect
