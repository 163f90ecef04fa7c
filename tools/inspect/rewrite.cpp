#include "tools/inspect/rewrite.hpp"

#include "storage/format.hpp"
#include "storage/seal.hpp"
#include "storage/segment.hpp"
#include "tools/inspect/segment_walk.hpp"

#include <algorithm>
#include <filesystem>

namespace sluice::inspect {
namespace {

namespace fs = std::filesystem;
// Kafka's default of index.interval.bytes.
constexpr std::int64_t index_interval_bytes = 4096;

}  // namespace

Result<WholeFile> new_file(const std::string& path) {
  return WholeFile::create(path, storage::temporary_suffix);
}

Result<> write_durably(const std::string& path, Bytes bytes) {
  return sluice::write_durably(path, as_text(bytes), storage::temporary_suffix);
}

Result<> copy(WholeFile& to, const ReadFile& from, std::int64_t position, std::int64_t size) {
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min<std::int64_t>(size, 1 << 20)));
  while (size > 0) {
    const auto wanted = std::min<std::size_t>(piece.size(), static_cast<std::size_t>(size));
    const auto got = from.read(MutableBytes(piece).first(wanted), position);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return {};
    auto done = to.write(as_text(Bytes(piece).first(*got)));
    if (!done) return done;
    position += static_cast<std::int64_t>(*got);
    size -= static_cast<std::int64_t>(*got);
  }
  return {};
}

Result<> drop_side_files(const PartitionLog& log, Offset base) {
  Result<> done;
  for (const auto suffix :
       {storage::seal_suffix, storage::index_suffix, storage::time_index_suffix})
    if (done) done = remove_if_there(log.file(base, suffix));
  return done;
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

}  // namespace sluice::inspect
