#include "tests/support/log_scenario.hpp"

#include <algorithm>
#include <cerrno>

namespace sluice::testing {
namespace {

using storage::AppendInfo;
using storage::Errc;
using storage::Finding;
using storage::LogOptions;
using storage::StoreOptions;

constexpr int steps = 60;
constexpr std::size_t log_name_size = 24;  // 20 digits and ".log"
constexpr std::size_t block = 4096;

}  // namespace

LogScenario::LogScenario(std::uint64_t seed, LogChecks checks)
    : checks_(checks), random_(seed * 977 + 13), bench_(seed, log_options(), store_options()) {
  // Side files overtake the data.
  if (random_.below(3) == 0) bench_.disk().set_slow(std::chrono::milliseconds(2), ".log");
}

std::optional<std::string> LogScenario::run() {
  open();
  for (int i = 0; i < steps && !broken(); ++i) {
    step();
    if (!broken()) after_step();
  }
  bench_.disk().clear_faults();
  if (!broken()) crash();
  if (!broken()) check_all();
  if (!broken() && random_.below(3) == 0) rot();
  return violation_;
}

LogOptions LogScenario::log_options() {
  // Large batches: several writes in flight. Retention: segments made of old ones' files. Batches
  // that end with a sector or a block: what lies behind them is not written over by their padding.
  // Judged by its records alone, an orphan shows only where all of that comes together.
  const bool orphans = checks_ == LogChecks::records;
  large_ = random_.below(3) == 0 || orphans;
  retains_ = random_.below(3) == 0 && !orphans;
  if (random_.below(3) == 0 || orphans) unit_ = random_.below(2) == 0 ? 512 : block;
  LogOptions options;
  options.segment_bytes =
      6000 + static_cast<std::int64_t>(random_.below(large_ ? 900'000 : 60'000));
  if (retains_)
    options.retention_bytes = static_cast<std::int64_t>(random_.below(3)) * options.segment_bytes;
  options.index_interval_bytes = 512;
  options.segment_jitter_ms = 100;
  options.unwritten_bytes_max =
      20'000 + static_cast<std::int64_t>(random_.below(large_ ? 2'000'000 : 200'000));
  return options;
}

StoreOptions LogScenario::store_options() {
  StoreOptions options;
  options.tail_cache_bytes = 16 << random_.below(14);
  if (large_) options.tail_cache_bytes *= 16;
  options.index_cache_bytes = 100 << random_.below(10);
  options.descriptors_max = 2;
  options.frontier_interval_ms = 1 << random_.below(12);
  options.snapshot_bytes = 1000 << random_.below(12);
  options.idle_ms = 50;
  return options;
}

// ---- What is wrong ----

void LogScenario::require(bool holds, std::string_view what, std::int64_t a, std::int64_t b) {
  if (holds || broken()) return;
  violation_ = std::string(what) + " (" + std::to_string(a) + ", " + std::to_string(b) + ")";
}

void LogScenario::note(std::optional<std::string> wrong) {
  if (wrong && !broken()) violation_ = std::move(wrong);
}

// ---- Up and down ----

// A crash during recovery is a crash as any other.
void LogScenario::come_up() {
  for (int tries = 0; tries < 20; ++tries) {
    if (bench_.try_open()) {
      crashes_ = bench_.disk().crashes();
      return;
    }
    // What a failed sync has lost, reads go on showing: only the disk itself can tell.
    if (std::exchange(unsynced_, false)) {
      bench_.crash();
    } else {
      bench_.drop();
    }
  }
  require(false, "does not open");
}

void LogScenario::open() {
  come_up();
  if (broken()) return;
  settle();
  if (broken()) return;
  check_start();
  if (checks_ == LogChecks::all) {
    check_epoch();
    check_tail();
  }
  for (const Finding& finding : bench_.log().recovery().findings)
    require(finding.kind == Finding::Kind::tail_cut, "damage in " + finding.path, finding.position);
}

void LogScenario::check_epoch() {
  const LeaderEpoch epoch = bench_.log().leader_epoch();
  require(epoch >= epoch_, "the epoch went back", epoch_, epoch);
  if (!bench_.log().recovery().clean)
    require(epoch > epoch_used_, "an epoch is used again", epoch_used_, epoch);
  epoch_ = epoch;
}

// Before anything is appended, nothing lies behind the last record, not even after a power cut.
void LogScenario::check_tail() {
  std::string newest;
  for (const std::string& path : bench_.disk().paths())
    if (path.ends_with(".log")) newest = path;
  const auto content = bench_.disk().durable_content(newest);
  protocol::BatchIterator batches{Bytes(content)};
  Offset end = -1;
  while (const auto batch = batches.next()) end = batch->header.next_offset();
  require(batches.position() == content.size(), "bytes behind the end of the log",
          static_cast<std::int64_t>(batches.position()), static_cast<std::int64_t>(content.size()));
  require(end == -1 || end == bench_.log().high_watermark(), "batches behind the end of the log",
          end, bench_.log().high_watermark());
}

// Takes over what the log still has.
void LogScenario::settle() {
  const Offset end = bench_.log().high_watermark();
  require(bench_.log().log_end_offset() == end, "the end is not the watermark", end);
  auto lost = model_.settle(end);
  if (!lost) return note(lost.error());
  for (LogModel::Batch& batch : *lost)
    if (lost_.size() < 30) lost_.push_back(std::move(batch));
  const LogModel::Batch* newest = model_.newest_idempotent();
  if (newest != nullptr && newest->base >= bench_.log().log_start_offset()) {
    producer_ = newest->producer;
    producer_.sequence += static_cast<Sequence>(newest->count);
  } else {
    producer_.epoch = static_cast<ProducerEpoch>(producer_.epoch + 1);
    producer_.sequence = 0;
  }
}

// Only deletions move the start, and retention where there is one.
void LogScenario::check_start() {
  const Offset start = bench_.log().log_start_offset();
  if (retains_) {
    require(start >= model_.start(), "the start went back", model_.start(), start);
    require(start <= bench_.log().high_watermark(), "the start is beyond the end", start);
    model_.delete_below(start);
  }
  require(start == model_.start(), "the start", model_.start(), start);
}

// Whatever was below the watermark may have been read, and must stay.
void LogScenario::note_watermark() { model_.acknowledge(bench_.log().high_watermark()); }

void LogScenario::crash() {
  note_watermark();
  bench_.crash();
  unsynced_ = false;
  spoil_hints();
  open();
}

void LogScenario::kill() {
  note_watermark();
  bench_.kill();
  unsynced_ = true;
  // What recovery keeps it must sync; that, too, may fail.
  if (random_.below(3) == 0) bench_.disk().fail_nth(sim_sync, 1 + random_.below(2), EIO, ".log");
  open();
}

void LogScenario::restart() {
  note_watermark();
  const bool closed = bench_.try_close().has_value();
  bench_.disk().clear_faults();
  if (!closed) {
    bench_.drop();
    unsynced_ = true;
  }
  spoil_hints();
  open();
}

bool LogScenario::went_down() {
  if (bench_.disk().crashes() == crashes_) return false;
  crashes_ = bench_.disk().crashes();
  return true;
}

// Indexes of closed segments and snapshots are hints: a flipped bit in one changes nothing.
void LogScenario::spoil_hints() {
  if (random_.below(4) != 0) return;
  std::vector<std::string> hints;
  std::string newest;
  for (const std::string& path : bench_.disk().paths()) {
    if (path.ends_with(".log")) newest = path.substr(0, path.size() - 4);
    if (path.ends_with(".index") || path.ends_with(".snapshot")) hints.push_back(path);
  }
  std::erase_if(hints, [&](const std::string& path) {
    return bench_.disk().content(path).empty() || (path == newest + ".index");
  });
  if (hints.empty()) return;
  const std::string& file = hints[random_.below(hints.size())];
  const std::size_t size = bench_.disk().content(file).size();
  bench_.disk().corrupt(file, random_.below(size), std::byte{1} << random_.below(8));
}

// ---- Work ----

void LogScenario::step() {
  switch (random_.below(16)) {
    case 0:
    case 1:
    case 2:
      return append_some(false);
    case 3:
    case 4:
    case 5:
      return append_some(true);
    case 6:
    case 7:
      return read_some();
    case 8:
      return maintain();
    case 9:
      return restart();
    case 10:
      return crash();
    case 11:
      return bench_.disk().crash_at(1 + random_.below(40));
    case 12:
      return plant_fault();
    case 13:
      return delete_some();
    case 14:
      return kill();
    case 15:
      return send_again();
  }
}

void LogScenario::after_step() {
  if (start_uncertain_ || went_down()) return after_crash();
  if (bench_.log().fenced() && random_.below(4) == 0) {
    bench_.disk().clear_faults();
    maintain();
    if (!broken() && bench_.log().fenced()) restart();
  }
  if (broken()) return;
  const SimCounters& counters = bench_.disk().counters();
  require(counters.overlapping_writes == 0, "two writes in flight to one block");
  require(counters.changed_in_flight == 0, "memory of a write in flight has changed");
  if (retains_) model_.delete_below(bench_.log().log_start_offset());
}

// The disk crashed by itself, or nobody knows what became of the log start.
void LogScenario::after_crash() {
  note_watermark();
  bench_.disk().clear_faults();
  bench_.crash();
  unsynced_ = false;
  crashes_ = bench_.disk().crashes();
  if (std::exchange(start_uncertain_, false)) {
    // Whether the log start moved is known only now.
    come_up();
    if (broken()) return;
    const Offset start = bench_.log().log_start_offset();
    require(retains_ || start == model_.start() || start == maybe_start_, "the start", start);
    model_.delete_below(start);
    bench_.crash();
  }
  open();
  if (!broken()) check_all();
}

void LogScenario::plant_fault() {
  SimDisk& disk = bench_.disk();
  if (random_.below(4) == 0) {
    const std::uint64_t bytes =
        random_.below(4) == 0 ? random_.below(block) : block * (1 + random_.below(large_ ? 20 : 2));
    return disk.shorten_nth_write(1 + random_.below(10), bytes);
  }
  disk.fail_nth(static_cast<std::uint16_t>(1u << random_.below(11)), 1 + random_.below(20),
                random_.below(3) == 0 ? EIO : ENOSPC);
}

std::vector<std::byte> LogScenario::encode(LogModel::Batch& batch) {
  auto bytes = make_batch(batch.tag, batch.count, batch.size, batch.producer);
  for (int tries = 0; tries < 4 && batch.count == 1 && bytes.size() % unit_ != 0; ++tries) {
    batch.size += unit_ - bytes.size() % unit_;
    bytes = make_batch(batch.tag, batch.count, batch.size, batch.producer);
    // The length of the lengths may have grown.
    if (const std::size_t over = bytes.size() % unit_; over != 0 && over < 16) {
      batch.size -= over;
      bytes = make_batch(batch.tag, batch.count, batch.size, batch.producer);
    }
  }
  return bytes;
}

// Empty when the log did not take it.
std::optional<AppendInfo> LogScenario::append_one() {
  LogModel::Batch batch;
  bool idempotent = random_.below(2) == 0;
  const bool again = !lost_.empty() && random_.below(4) != 0;
  if (again) {
    // As a client would: what was not acknowledged is sent once more.
    batch = std::move(lost_.front());
    lost_.pop_front();
    idempotent = batch.producer.id >= 0;
  } else {
    batch.count = unit_ == 1 ? 1 + random_.below(4) : 1;
    batch.size = random_.below(8) == 0 ? random_.below(5000) : random_.below(300);
    if (large_ && random_.below(2) == 0) batch.size = random_.below(40'000);
  }
  batch.base = model_.end();
  batch.tag = std::to_string(100'000 + ++tag_);
  batch.producer = idempotent ? producer_ : BatchProducer{};
  const auto info = bench_.append(encode(batch));
  if (!info) {
    const std::error_code code = code_of(info);
    require(code != Errc::out_of_order_sequence && code != Errc::invalid_producer_epoch,
            "the producer's state was lost", model_.end());
    return std::nullopt;
  }
  require(!info->duplicate, "a new batch taken for an old one", model_.end(), info->base_offset);
  require(info->base_offset == model_.end(), "offset of a new batch", model_.end(),
          info->base_offset);
  if (broken()) return std::nullopt;
  if (idempotent) producer_.sequence += static_cast<Sequence>(batch.count);
  epoch_used_ = bench_.log().leader_epoch();
  model_.accept(std::move(batch));
  return *info;
}

void LogScenario::append_some(bool wait) {
  const std::size_t batches = 1 + random_.below(large_ ? 10 : 5);
  Offset end = -1;
  for (std::size_t i = 0; i < batches; ++i) {
    const auto info = append_one();
    if (!info) return;
    end = info->durable_end();
    const std::uint64_t pause = random_.below(8) == 0 ? 2'000 : 60;
    if (random_.below(2) == 0)
      bench_.sim().run_for(std::chrono::microseconds(random_.below(pause)));
  }
  if (wait && bench_.sim().run(bench_.log().wait_durable(end))) model_.acknowledge(end);
  // The worst moment: something has just been promised, or is just on its way.
  if (went_down()) return after_crash();
  const std::uint64_t dice = random_.below(12);
  if (dice == 0) crash();
  if (dice == 1) kill();
}

// A batch that was sent before is known, and keeps its offset.
void LogScenario::send_again() {
  const LogModel::Batch* newest = model_.newest_idempotent();
  if (newest == nullptr || newest->base < bench_.log().log_start_offset()) return;
  const auto info =
      bench_.append(make_batch(newest->tag, newest->count, newest->size, newest->producer));
  if (!info) return require(bench_.log().fenced(), "a batch sent again is refused", newest->base);
  require(info->duplicate, "a batch sent again is taken twice", newest->base);
  require(info->base_offset == newest->base, "offset of a batch sent again", newest->base,
          info->base_offset);
}

void LogScenario::read_some() {
  const Offset start = bench_.log().log_start_offset();
  const Offset hw = bench_.log().high_watermark();
  if (start == hw) return;
  const Offset from =
      start + static_cast<Offset>(random_.below(static_cast<std::uint64_t>(hw - start)));
  auto got = bench_.read(from, random_.below(20'000));
  if (!got) {
    // Only I/O may fail here, or retention has come first.
    require(code_of(got) != Errc::damaged, got.error().message(), from);
    if (code_of(got) == Errc::offset_out_of_range)
      require(retains_ && bench_.log().log_start_offset() > from, "out of range", from);
    return;
  }
  require(!got->empty(), "nothing to read below the watermark", from, hw);
  const storage::Slice slice = contiguous(std::move(*got));
  auto records = decode_records(slice.bytes);
  std::erase_if(records, [from](const StoredRecord& r) { return r.offset < from; });
  note(model_.check(records, from));
  // What somebody has seen must not vanish.
  if (!records.empty()) model_.acknowledge(records.back().offset + 1);
}

void LogScenario::check_all() {
  bench_.sim().run_until_idle();  // retention, if it is at work
  const Offset start = bench_.log().log_start_offset();
  const auto records = bench_.read_all(start);
  if (!records && went_down()) return;
  if (!records) return require(false, records.error().message());
  note(model_.check(*records, start));
  const Offset end = bench_.log().high_watermark();
  require(static_cast<Offset>(records->size()) == end - start, "records are missing", start, end);
}

void LogScenario::maintain() {
  bench_.sim().run_for(std::chrono::milliseconds(random_.below(300)));
  (void)bench_.sim().run(bench_.store().maintain());
  const bool fenced = bench_.log().fenced();
  (void)bench_.sim().run(bench_.log().maintain());
  bench_.sim().run_until_idle();
  if (!fenced || bench_.log().fenced()) return;
  settle();
  const LeaderEpoch epoch = bench_.log().leader_epoch();
  if (checks_ == LogChecks::all)
    require(epoch > epoch_used_, "an epoch is used again after healing", epoch_used_, epoch);
  epoch_ = epoch;
}

void LogScenario::delete_some() {
  const Offset hw = bench_.log().high_watermark();
  const Offset start = bench_.log().log_start_offset();
  if (hw == start) return;
  const Offset to =
      start + static_cast<Offset>(random_.below(static_cast<std::uint64_t>(hw - start)));
  const auto done = bench_.sim().run(bench_.log().delete_records(to));
  if (done) {
    model_.delete_below(to);
    model_.acknowledge(to);
  } else {
    // It may have become durable all the same.
    start_uncertain_ = true;
    maybe_start_ = to;
  }
}

// ---- Bit rot ----

// A bit flips below the saved frontier. Nothing is cut, nothing is skipped: reads of that batch say
// that it is damaged, and everything else is as it was.
void LogScenario::rot() {
  bench_.sim().run_for(std::chrono::seconds(5));
  if (!bench_.sim().run(bench_.store().maintain())) return;
  struct Place {
    std::string file;
    std::size_t position;
    std::size_t size;
    Offset base;
  };
  std::vector<Place> places;
  const Offset start = bench_.log().log_start_offset();
  const Offset end = bench_.log().high_watermark();
  for (const std::string& path : bench_.disk().paths()) {
    if (!path.ends_with(".log")) continue;
    const auto content = bench_.disk().content(path);
    protocol::BatchIterator batches{Bytes(content)};
    std::size_t position = 0;
    while (const auto batch = batches.next()) {
      if (batch->header.base_offset >= start)
        places.push_back({path, position, batch->bytes.size(), batch->header.base_offset});
      position = batches.position();
    }
  }
  if (places.empty()) return;
  // Behind the CRC, which guards it; offset and epoch before it are guarded by their neighbours.
  constexpr std::size_t guarded = 21;
  const Place& place = places[random_.below(places.size())];
  bench_.crash();
  bench_.disk().corrupt(place.file, place.position + guarded + random_.below(place.size - guarded),
                        std::byte{1} << random_.below(8));
  come_up();
  if (broken()) return;
  require(bench_.log().high_watermark() == end, "damage has moved the end", end,
          bench_.log().high_watermark());
  require(bench_.log().log_start_offset() == start, "damage has moved the start", start);
  read_past_rot(place.file, place.base);
}

void LogScenario::read_past_rot(const std::string& file, Offset rotten) {
  const Offset start = bench_.log().log_start_offset();
  const auto in_file = [&](Offset offset) {
    std::string holder;
    for (const std::string& path : bench_.disk().paths()) {
      if (!path.ends_with(".log")) continue;
      if (std::stoll(path.substr(path.size() - log_name_size, 20)) <= offset) holder = path;
    }
    return holder == file;
  };
  for (const LogModel::Batch& batch : model_.batches()) {
    if (batch.base < start) continue;
    auto got = bench_.read(batch.base, 1);
    if (!got) {
      // Behind the damage the way may be lost; before it and in other files it is not.
      const bool may = batch.base >= rotten && in_file(batch.base);
      require(may && code_of(got) == Errc::damaged, got.error().message(), batch.base, rotten);
      continue;
    }
    require(batch.base != rotten, "a rotten batch was handed out", rotten);
    require(!got->empty(), "nothing where a batch was", batch.base);
    if (broken()) return;
    const storage::Slice slice = contiguous(std::move(*got));
    auto records = decode_records(slice.bytes);
    std::erase_if(records, [&](const StoredRecord& r) { return r.offset < batch.base; });
    note(model_.check(records, batch.base));
  }
}

}  // namespace sluice::testing
