#include "broker/queue/schedule_runs.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>

namespace sluice::broker {
namespace {

constexpr std::string_view directory = "schedules";
constexpr std::size_t merge_block = 4096;  // entries read or written at a time
constexpr std::size_t write_block = 64 * 1024;

Bytes bytes_of(const ScheduleKeys& keys, std::size_t first, std::size_t count) {
  return std::as_bytes(std::span{keys}.subspan(first, count));
}

Task<Result<ScheduleKeys>> read_keys(storage::File& file, std::uint64_t first, std::size_t count) {
  ScheduleKeys keys(count);
  const auto got =
      co_await file.read(std::as_writable_bytes(std::span{keys}), first * sizeof(ScheduleKey));
  if (!got) co_return std::unexpected(got.error());
  if (*got != count * sizeof(ScheduleKey)) co_return fail_errno(EIO, file.path());
  co_return keys;
}

// One run on its way through a merge.
struct Cursor {
  std::unique_ptr<storage::File> file;
  std::uint64_t next = 0;
  std::uint64_t count = 0;
  ScheduleKeys keys;
  std::size_t at = 0;

  bool dry() const { return at == keys.size() && next < count; }
  bool over() const { return at == keys.size() && next == count; }
};

Task<Result<>> fill(Cursor& cursor) {
  const auto count = std::min<std::uint64_t>(merge_block, cursor.count - cursor.next);
  auto keys = co_await read_keys(*cursor.file, cursor.next, static_cast<std::size_t>(count));
  if (!keys) co_return std::unexpected(keys.error());
  cursor.next += count;
  cursor.keys = std::move(*keys);
  cursor.at = 0;
  co_return Result<>{};
}

}  // namespace

std::string ScheduleRuns::path_of(ScheduleIndex::RunId run) const {
  return std::string(directory) + "/" + std::to_string(partition_) + "-" + std::to_string(run);
}

Task<Result<>> ScheduleRuns::clear() {
  auto made = co_await files_.make_directories(std::string(directory));
  if (!made) co_return made;
  const auto entries = co_await files_.list(std::string(directory));
  if (!entries) co_return std::unexpected(entries.error());
  const std::string prefix = std::to_string(partition_) + "-";
  for (const storage::DirectoryEntry& entry : *entries) {
    if (!entry.name.starts_with(prefix)) continue;
    auto removed = co_await files_.remove(std::string(directory) + "/" + entry.name);
    if (!removed) co_return removed;
  }
  co_return Result<>{};
}

Task<Result<>> ScheduleRuns::write(ScheduleIndex::RunId run, const ScheduleKeys* keys) {
  const storage::OpenOptions options{.mode = storage::OpenMode::create_new};
  auto file = co_await files_.open(path_of(run), options);
  if (!file) co_return std::unexpected(file.error());
  for (std::size_t at = 0; at < keys->size(); at += write_block) {
    const Bytes part = bytes_of(*keys, at, std::min(write_block, keys->size() - at));
    auto written =
        co_await (*file)->write(part, at * sizeof(ScheduleKey), storage::Durability::none);
    if (!written) co_return written;
  }
  co_return co_await (*file)->close();
}

Task<Result<ScheduleKeys>> ScheduleRuns::read(ScheduleIndex::Read wanted) {
  const storage::OpenOptions options{.mode = storage::OpenMode::read_only};
  auto file = co_await files_.open(path_of(wanted.run), options);
  if (!file) co_return std::unexpected(file.error());
  auto keys = co_await read_keys(**file, wanted.first, wanted.count);
  (void)co_await (*file)->close();
  co_return keys;
}

Task<Result<std::uint64_t>> ScheduleRuns::merge(ScheduleIndex::Merge merge) {
  std::vector<Cursor> cursors;
  const storage::OpenOptions reading{.mode = storage::OpenMode::read_only};
  for (const ScheduleIndex::Part& part : merge.parts) {
    auto file = co_await files_.open(path_of(part.run), reading);
    if (!file) co_return std::unexpected(file.error());
    cursors.push_back({std::move(*file), part.first, part.count, {}, 0});
  }
  const storage::OpenOptions writing{.mode = storage::OpenMode::create_new};
  auto out = co_await files_.open(path_of(merge.into), writing);
  if (!out) co_return std::unexpected(out.error());
  std::uint64_t written = 0;
  ScheduleKeys block;
  std::optional<ScheduleKey> last;
  for (;;) {
    for (Cursor& cursor : cursors) {
      if (!cursor.dry()) continue;
      if (auto filled = co_await fill(cursor); !filled) co_return std::unexpected(filled.error());
    }
    std::erase_if(cursors, [](const Cursor& cursor) { return cursor.over(); });
    // Until one of them needs its next block.
    while (!cursors.empty() && block.size() < merge_block) {
      const auto least = std::ranges::min_element(
          cursors, {}, [](const Cursor& cursor) { return cursor.keys[cursor.at]; });
      const ScheduleKey key = least->keys[least->at++];
      if (key != last) block.push_back(key);
      last = key;
      if (least->at == least->keys.size()) break;
    }
    if (block.size() >= merge_block || cursors.empty()) {
      auto done = co_await (*out)->write(bytes_of(block, 0, block.size()),
                                         written * sizeof(ScheduleKey), storage::Durability::none);
      if (!done) co_return std::unexpected(done.error());
      written += block.size();
      block.clear();
      if (cursors.empty()) break;
    }
  }
  auto closed = co_await (*out)->close();
  if (!closed) co_return std::unexpected(closed.error());
  co_return written;
}

Task<Result<>> ScheduleRuns::remove(ScheduleIndex::RunId run) {
  auto removed = co_await files_.remove(path_of(run));
  co_return removed || storage::is_not_found(removed.error()) ? Result<>{} : std::move(removed);
}

}  // namespace sluice::broker
