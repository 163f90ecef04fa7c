// Opening a log: what the directory holds, what the checkpoints say, and whether the saved frontier
// is enough or recovery must look.
#include "base/planted_bug.hpp"
#include "protocol/crc32c.hpp"
#include "storage/checkpoint.hpp"
#include "storage/format.hpp"
#include "storage/log_parts.hpp"
#include "storage/small_file.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace sluice::storage {
namespace {

constexpr std::size_t checkpoint_size_max = 4 << 20;
constexpr std::size_t snapshot_size_max = 256 << 20;

std::vector<std::byte> text_bytes(std::string_view text) {
  const Bytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

LogParts::LogParts(std::shared_ptr<StoreParts> the_store, PartitionName the_name,
                   LogOptions the_options)
    : store(std::move(the_store)),
      name(std::move(the_name)),
      directory(name.topic + "-" + std::to_string(name.partition)),
      options(the_options),
      indexer(options.index_interval_bytes),
      tasks(store->executor) {}

std::string LogParts::path(Offset base, std::string_view suffix) const {
  return path(offset_file_name(base, suffix));
}

std::string LogParts::where(const Segment& segment, std::int64_t position) const {
  return path(segment.base, log_suffix) + " at " + std::to_string(position);
}

Task<Result<>> LogParts::open() {
  auto found = co_await list_directory();
  if (!found && is_not_found(found.error())) {
    co_return co_await create();
  }
  if (!found) co_return std::unexpected(found.error());
  co_return co_await load(*found);
}

Task<Result<DirectoryListing>> LogParts::list_directory() {
  const auto entries = co_await store->files.list(directory);
  if (!entries) co_return std::unexpected(entries.error());
  DirectoryListing found;
  for (const DirectoryEntry& entry : *entries) {
    const std::string_view file(entry.name);
    if (file == epoch_checkpoint_name) found.has_epochs = true;
    if (file == log_start_name) found.has_log_start = true;
    if (file == partition_metadata_name) found.has_metadata = true;
    if (file == cleaner_checkpoint_name) found.has_cleaner = true;
    if (file.ends_with(temporary_suffix) || file == spare_name)
      found.leftovers.push_back(entry.name);
    const auto parsed = parse_offset_file_name(file);
    if (!parsed) continue;
    if (parsed->suffix == log_suffix) {
      const std::string file_path = path(file);
      const auto stat = co_await store->files.stat(file_path);
      if (!stat) co_return std::unexpected(stat.error());
      found.segments.push_back({parsed->base, static_cast<std::int64_t>(stat->size)});
    } else if (parsed->suffix == snapshot_suffix) {
      found.snapshots.push_back(parsed->base);
    } else if (parsed->suffix == seal_suffix) {
      found.seals.push_back(parsed->base);
    } else if (parsed->suffix.ends_with(swap_suffix)) {
      found.swaps.push_back(entry.name);
    } else if (parsed->suffix.ends_with(cut_suffix)) {
      found.cuts.push_back(entry.name);
    } else if (parsed->suffix.ends_with(cleaned_suffix) ||
               parsed->suffix.ends_with(deleted_suffix)) {
      found.leftovers.push_back(entry.name);
    }
  }
  std::ranges::sort(found.segments, {}, &DirectoryListing::Found::base);
  co_return found;
}

// A log that has never been: directory, partition.metadata, epoch 0, an empty segment.
Task<Result<>> LogParts::create() {
  auto done = co_await store->files.make_directory(directory);
  if (!done && done.error().code != std::errc::file_exists) co_return done;
  const std::string metadata = "version: 0\ntopic_id: " + name.topic_id.to_string() + "\n";
  std::vector<std::byte> data = text_bytes(metadata);
  done = co_await replace_small_file(store->files, directory, std::string(partition_metadata_name),
                                     std::move(data));
  if (!done) co_return done;
  epochs.begin(0, 0);
  epoch = 0;
  snapshot_end = 0;  // an empty log needs none
  data = text_bytes(epochs.encode());
  epochs_crc = protocol::crc32c(data);
  done = co_await replace_small_file(store->files, directory, std::string(epoch_checkpoint_name),
                                     std::move(data));
  if (!done) co_return done;
  done = co_await add_segment(0);
  if (!done) co_return done;
  done = co_await store->files.sync_directory("");
  if (!done) co_return done;
  report.clean = true;
  save_frontier(0);
  co_return Result<>{};
}

Task<Result<>> LogParts::load(const DirectoryListing& listing) {
  DirectoryListing found = listing;
  for (const std::string& leftover : found.leftovers) {
    const std::string file = path(leftover);
    auto removed = co_await store->files.remove(file);
    if (!removed && !is_not_found(removed.error())) co_return removed;
  }
  const auto saved = store->frontier->find(key());
  store->frontier->doubt(key());
  const bool exact = saved && saved->exact;
  auto done = co_await load_cleaned_end(found, saved);
  if (!done) co_return done;
  done = co_await finish_swaps(found);
  // Nothing is known of it: its making may have ended half-way, before its names were durable.
  if (done && !saved) done = co_await store->files.sync_directory("");
  if (done && !saved) done = co_await store->files.sync_directory(directory);
  if (!done) co_return done;
  done = co_await load_epochs(saved);
  if (!done) co_return done;
  if (found.has_log_start) {
    // Seen is not durable: a sync that failed before this restart may have left a name behind.
    if (!exact) done = co_await store->files.sync_directory(directory);
    if (!done) co_return done;
    const auto start = co_await load_offset(log_start_name);
    if (!start) co_return std::unexpected(start.error());
    log_start = *start;
  }
  if (!found.has_metadata) {
    std::vector<std::byte> data =
        text_bytes("version: 0\ntopic_id: " + name.topic_id.to_string() + "\n");
    done = co_await replace_small_file(store->files, directory,
                                       std::string(partition_metadata_name), std::move(data));
    if (!done) co_return done;
  }

  for (const DirectoryListing::Found& file : found.segments) {
    auto segment = std::make_shared<Segment>(file.base);
    segment->size = file.size;
    segment->created_ms = store->clock.wall_ms();
    segment->sealed = std::ranges::find(found.seals, file.base) != found.seals.end();
    if (!segments.empty()) segments.back()->end = file.base;
    segments.push_back(std::move(segment));
  }

  done = co_await check_log_start(saved);
  if (!done) co_return done;
  // What a crash kept retention from deleting goes first: there may be holes between such segments.
  auto deleted = co_await delete_segments_below(log_start);
  if (!deleted) co_return std::unexpected(deleted.error());

  // An epoch that begins behind the end was left by a cut that did not come to its end.
  const bool clean = exact && !segments.empty() && active().base == saved->segment &&
                     active().size == saved->position && epochs.latest() >= 0 &&
                     epochs.entries().back().start <= saved->offset;
  if (clean) {
    end_offset = durable_offset = active().end = saved->offset;
    write_from(active().size);
    epoch = epochs.latest();
    report.clean = true;
  } else {
    done = co_await recover(saved);
    if (!done) co_return done;
  }
  log_start = std::max(log_start, segments.front()->base);
  if (log_start > end_offset) {  // else it hid what comes, after the next start
    log_start = end_offset;
    done = co_await write_log_start(log_start);
    if (!done) co_return done;
  }
  done = co_await load_producers(found.snapshots);
  if (!done) co_return done;
  if (epochs.latest() < 0) done = co_await begin_epoch();  // what was lost is not read again
  if (!done) co_return done;
  save_frontier(0);
  if (options.segment_jitter_ms > 0)
    roll_jitter_ms = static_cast<std::int64_t>(
        store->random.below(static_cast<std::uint64_t>(options.segment_jitter_ms)));
  co_return Result<>{};
}

// The file has no checksum: a bit that flipped in it would bring deleted records back, or delete
// others. The frontier knows better, exactly after a clean end, else a lower bound.
Task<Result<>> LogParts::check_log_start(std::optional<Frontier> saved) {
  if (!saved || saved->log_start < 0 || segments.empty()) co_return Result<>{};
  const Offset found = std::max(log_start, segments.front()->base);
  if (found == saved->log_start || (!saved->exact && found > saved->log_start))
    co_return Result<>{};
  store->logger.error(
      "the log start on disk is damaged and is put right",
      {{"file", path(log_start_name)}, {"found", log_start}, {"log_start", saved->log_start}});
  log_start = saved->log_start;
  co_return co_await write_log_start(log_start);
}

// The active segment ends at `position`, and all of it is durable.
void LogParts::write_from(std::int64_t position) {
  SLUICE_CHECK(flights.empty() && zeroing_end == 0);
  durable_position = durable_batch_position = issued_position = prepared = position;
  zeroed = block_ceil(position);
}

Task<Result<>> LogParts::load_epochs(std::optional<Frontier> saved) {
  const auto data =
      co_await read_small_file(store->files, path(epoch_checkpoint_name), checkpoint_size_max);
  if (!data && !is_not_found(data.error())) co_return std::unexpected(data.error());
  if (data) {
    auto decoded = Epochs::decode(as_text(*data));
    epochs_crc = protocol::crc32c(*data);
    // The file has no checksum of its own.
    const bool checked = saved && saved->log_start >= 0;
    const bool same = !checked || saved->epochs_crc == epochs_crc;
    const bool plausible = decoded && (!checked || decoded->latest() >= saved->epoch);
    if (plausible && (same || !saved->exact)) {
      epochs = std::move(*decoded);
      co_return Result<>{};
    }
    if (!decoded && decoded.error().code == Errc::unknown_format && !checked)
      co_return fail(Errc::unknown_format, path(epoch_checkpoint_name));
  }
  // Lost or garbled: recovery finds the largest epoch in the log and begins the next.
  store->logger.warn("leader epochs are lost, a new one begins", {{"log", directory}});
  co_return Result<>{};
}

// The offset in a checkpoint of one line, "topic partition offset". 0 if it is garbled: the oldest
// segment begins the log, everything is to be compacted.
Task<Result<Offset>> LogParts::load_offset(std::string_view file) {
  const auto data = co_await read_small_file(store->files, path(file), checkpoint_size_max);
  if (!data) co_return std::unexpected(data.error());
  const auto rows = decode_checkpoint(as_text(*data), 3);
  const auto offset =
      rows && rows->size() == 1 ? parse_number((*rows)[0][2]) : std::optional<std::int64_t>{};
  if (!offset || *offset < 0) {
    store->logger.warn("checkpoint is garbled", {{"log", directory}, {"file", file}});
    co_return Offset{0};
  }
  co_return *offset;
}

// The newest good snapshot at or below the end, then the batches after it. Snapshots beyond the end
// speak of records that are not there.
Task<Result<>> LogParts::load_producers(std::vector<Offset> snapshots) {
  Offset from = log_start;
  producers = {};
  snapshot_end = -1;
  std::ranges::sort(snapshots, std::ranges::greater{});
  for (const Offset offset : snapshots) {
    const std::string file = path(offset, snapshot_suffix);
    if (offset <= end_offset || planted(PlantedBug::snapshot_beyond_end)) {
      const auto data = co_await read_small_file(store->files, file, snapshot_size_max);
      if (!data) co_return std::unexpected(data.error());
      auto decoded = ProducerStates::decode(*data);
      if (decoded) {
        producers = std::move(*decoded);
        from = snapshot_end = offset;
        break;
      }
      store->logger.warn("producer snapshot discarded", {{"file", file}});
    }
    auto removed = co_await store->files.remove(file);
    if (!removed) co_return removed;
  }

  for (std::size_t i = segment_index(from); i < segments.size(); ++i) {
    const SegmentPtr segment = segments[i];
    if (segment->size == 0 || segment->end <= from) continue;
    OffsetIndex::Entry entry{segment->base, 0};
    if (from > segment->base) {
      auto indexes = co_await indexes_of(segment);
      if (!indexes) co_return std::unexpected(indexes.error());
      entry = (*indexes)->offsets.lookup(from);
    }
    auto fed = co_await feed_producers(segment, entry, from);
    if (fed && !*fed) fed = co_await feed_producers(segment, {segment->base, 0}, from);
    if (!fed) co_return std::unexpected(fed.error());
    if (segment != segments.back()) segment->file.reset();
  }
  co_return Result<>{};
}

// The producers' batches at or beyond `from`, scanned from an entry of the index on. False, and
// nothing is done, when the entry is wrong.
Task<Result<bool>> LogParts::feed_producers(SegmentPtr segment, OffsetIndex::Entry entry,
                                            Offset from) {
  auto file = co_await file_of(segment);
  if (!file) co_return std::unexpected(file.error());
  BatchScan scan(*file, entry.position, segment->size, ScanDepth::headers);
  while (scan.stopped() == BatchScan::Stop::no) {
    while (const auto batch = scan.take()) {
      const bool is_entry = batch->position == entry.position && entry.position != 0;
      if (is_entry && batch->header.last_offset() != entry.offset) co_return false;
      if (batch->header.base_offset >= from) producers.update(batch->header);
    }
    auto filled = co_await scan.fill();
    if (!filled) co_return std::unexpected(filled.error());
  }
  report.bytes_scanned += scan.bytes_read();
  co_return entry.position == 0 || scan.position() != entry.position;
}

// A new, empty active segment, in the file of the spare where there is one. Requires: everything in
// the old one is durable.
Task<Result<>> LogParts::add_segment(Offset base) {
  const OpenOptions open_options{.mode = OpenMode::create, .direct = true};
  const std::string file_name = path(base, log_suffix);
  const std::int64_t recycled = spare;
  Result<> done;
  if (recycled != 0) {
    const std::string from = path(spare_name);
    done = co_await store->files.rename(from, file_name);
    if (!done) co_return done;
    spare = 0;
  }
  auto file = co_await store->files.open(file_name, open_options);
  if (!file) co_return std::unexpected(file.error());
  if (recycled == 0) done = co_await (*file)->truncate(0);
  if (!done) co_return done;
  if (!planted(PlantedBug::no_directory_sync))
    done = co_await store->files.sync_directory(directory);
  if (!done) co_return done;

  auto segment = std::make_shared<Segment>(base);
  segment->file = leased(std::move(*file), *segment);
  segment->created_ms = store->clock.wall_ms();
  segment->indexes = std::make_shared<Indexes>(base);
  segment->tail = std::make_shared<Tail>(store->cache);
  segment->tail->start(0, {});
  segment->hash.emplace();
  segment->times_known = true;
  segments.push_back(segment);
  store->descriptors.touch(segment, 1);
  indexer = Indexer(options.index_interval_bytes);
  write_from(0);
  prepared = zeroed = recycled;
  trimmed = false;
  active_ready = !epoch_pending;
  if (options.segment_jitter_ms > 0)
    roll_jitter_ms = static_cast<std::int64_t>(
        store->random.below(static_cast<std::uint64_t>(options.segment_jitter_ms)));
  co_return Result<>{};
}

Task<Result<>> LogParts::drop_old_snapshots() {
  constexpr std::size_t kept = 3;
  const auto entries = co_await store->files.list(directory);
  if (!entries) co_return std::unexpected(entries.error());
  std::vector<std::string> names;  // sorted by name, so by offset
  for (const DirectoryEntry& entry : *entries)
    if (entry.name.ends_with(snapshot_suffix)) names.push_back(entry.name);
  for (std::size_t i = 0; i + kept < names.size(); ++i) {
    const std::string file = path(names[i]);
    auto removed = co_await store->files.remove(file);
    if (!removed && !is_not_found(removed.error())) co_return removed;
  }
  co_return Result<>{};
}

}  // namespace sluice::storage
