#include "tools/inspect/rewrite.hpp"

#include "storage/format.hpp"
#include "storage/open_file_system.hpp"
#include "storage/segment.hpp"
#include "tools/inspect/blocking.hpp"
#include "tools/inspect/segment_walk.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace sluice::inspect {
namespace {

namespace fs = std::filesystem;
// Kafka's default of index.interval.bytes.
constexpr std::int64_t index_interval_bytes = 4096;

std::string parent_of(const std::string& path) { return fs::path(path).parent_path().string(); }

Task<Result<>> save_frontier(const DataDirectory* directory, storage::FrontierKey key,
                             storage::Frontier frontier) {
  const storage::FileSystemOptions options{
      .backend = storage::Backend::threads, .threads = 1, .create_root = false};
  auto files = co_await storage::open_file_system(directory->root, options);
  if (!files) co_return std::unexpected(files.error());
  const std::string meta(storage::meta_directory);
  const auto entries = co_await (*files)->list(meta);
  if (!entries) co_return std::unexpected(entries.error());
  Result<> done;
  for (const auto& entry : *entries) {
    if (!done || !entry.name.starts_with("frontier-")) continue;
    const std::string path = meta + "/" + entry.name;
    auto file = co_await storage::FrontierFile::open(**files, path);
    if (!file) co_return std::unexpected(file.error());
    if (!(*file)->find(key)) continue;
    (*file)->set(key, frontier, 0);
    using Mark = storage::FrontierFile::Mark;
    const Mark mark = (*file)->was_clean() ? Mark::clean : Mark::running;
    done = co_await (*file)->save(mark);
  }
  co_await (*files)->close();
  co_return done;
}

}  // namespace

Result<NewFile> NewFile::create(const std::string& path) {
  const std::string name = path + std::string(storage::temporary_suffix);
  const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return fail_errno(errno, name);
  return NewFile(descriptor, path);
}

NewFile::NewFile(NewFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

NewFile::~NewFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink((path_ + std::string(storage::temporary_suffix)).c_str());
}

Result<> NewFile::append(Bytes bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, path_);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<> NewFile::append_from(const ReadFile& from, std::int64_t position, std::int64_t size) {
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min<std::int64_t>(size, 1 << 20)));
  while (size > 0) {
    const auto wanted = std::min<std::size_t>(piece.size(), static_cast<std::size_t>(size));
    const auto got = from.read(MutableBytes(piece).first(wanted), position);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return {};
    auto done = append(Bytes(piece).first(*got));
    if (!done) return done;
    position += static_cast<std::int64_t>(*got);
    size -= static_cast<std::int64_t>(*got);
  }
  return {};
}

Result<> NewFile::finish() {
  const int descriptor = std::exchange(descriptor_, -1);
  const bool synced = ::fsync(descriptor) == 0;
  const int number = errno;
  ::close(descriptor);
  const std::string temporary = path_ + std::string(storage::temporary_suffix);
  if (!synced) {
    ::unlink(temporary.c_str());
    return fail_errno(number, path_);
  }
  return rename_durably(temporary, path_);
}

Result<> write_durably(const std::string& path, Bytes bytes) {
  auto file = NewFile::create(path);
  if (!file) return std::unexpected(file.error());
  auto done = file->append(bytes);
  return done ? file->finish() : done;
}

Result<> sync_directory(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return fail_errno(errno, path);
  const bool synced = ::fsync(descriptor) == 0;
  const int number = errno;
  ::close(descriptor);
  if (!synced) return fail_errno(number, path);
  return {};
}

Result<> remove_if_there(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail_errno(errno, path);
}

Result<> rename_durably(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return fail_errno(errno, to);
  return sync_directory(parent_of(to));
}

std::string aside_name(const PartitionLog& log, Offset base, std::int64_t position) {
  const std::string stem = log.file(base, storage::log_suffix) + "." + std::to_string(position);
  std::string name = stem + std::string(aside_suffix);
  std::error_code error;
  for (int i = 1; fs::exists(name, error); ++i)
    name = stem + "-" + std::to_string(i) + std::string(aside_suffix);
  return name;
}

Result<> make_side_files(const PartitionLog& log, const SegmentFile& segment, WithSeal seal) {
  auto file = ReadFile::open(log.file(segment.base, storage::log_suffix));
  if (!file) return std::unexpected(file.error());
  SegmentWalk::Range range{.first_offset = segment.base};
  if (segment.next_base) range.end_offset = *segment.next_base;
  storage::SealHash hash;
  SegmentWalk walk(*file, range, [&](Bytes bytes) { hash.update(bytes); });
  storage::Segment built(segment.base);
  built.indexes = std::make_shared<storage::Indexes>(segment.base);
  storage::Indexer indexer(index_interval_bytes);
  for (;;) {
    const auto step = walk.next();
    if (!step) return std::unexpected(step.error());
    if (!*step) break;
    if (!(*step)->is_batch()) continue;
    hash.count((*step)->header);
    indexer.add(built, (*step)->header, (*step)->position);
  }
  if (!segment.active) storage::Indexer::finish(built);
  std::vector<std::byte> bytes;
  built.indexes->offsets.encode(0, bytes);
  auto done = write_durably(log.file(segment.base, storage::index_suffix), bytes);
  if (!done) return done;
  bytes.clear();
  built.indexes->times.encode(0, bytes);
  done = write_durably(log.file(segment.base, storage::time_index_suffix), bytes);
  if (!done || seal == WithSeal::no || !segment.next_base) return done;
  bytes = hash.finish(segment.base, *segment.next_base).encode();
  return write_durably(log.file(segment.base, storage::seal_suffix), bytes);
}

Result<> move_frontier(const DataDirectory& directory, const PartitionLog& log,
                       const storage::Frontier& frontier) {
  if (!log.frontier) return {};
  const storage::FrontierKey key{log.topic_id, log.partition};
  return run_blocking(save_frontier(&directory, key, frontier));
}

}  // namespace sluice::inspect
