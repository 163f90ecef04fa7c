// ScheduleShell: what it appends to its log, what the log need not hold any more, and the index.
#include "broker/partition.hpp"
#include "broker/queue/schedule_shell.hpp"
#include "broker/queue/schedule_shell_call.hpp"
#include "protocol/batch_builder.hpp"

#include <utility>

namespace sluice::broker {
namespace {

// Small, because one record is read with its whole batch.
constexpr std::size_t entry_batch_bytes = 16 << 10;
constexpr std::size_t done_offsets_max = 32 * 1024;  // of one record
constexpr std::size_t cut_bytes = 4 << 20;           // appended between two looks at what can go
constexpr std::size_t copies_max = 256;              // at a time
constexpr std::chrono::seconds done_pause{1};

}  // namespace

Task<ErrorCode> ScheduleShell::wait_loaded() {
  while (phase_ == Phase::loading) co_await phase_changed_.wait();
  if (phase_ == Phase::serving) co_return ErrorCode::none;
  co_return phase_ == Phase::ended ? ErrorCode::not_leader_or_follower
                                   : ErrorCode::kafka_storage_error;
}

// ---- What is to wait ----

Task<ErrorCode> ScheduleShell::keep(const ScheduleTarget* target, const ScheduleSource* source,
                                    const std::vector<DelayedRecord>* records) {
  const ErrorCode ready = co_await wait_loaded();
  if (ready != ErrorCode::none) co_return ready;
  const Call call{*this};
  std::vector<Keeping> entries;
  const auto count = static_cast<std::int32_t>(records->size());
  for (std::int32_t i = store_.stored_of(*target, *source); i < count; ++i) {
    const DelayedRecord& record = (*records)[static_cast<std::size_t>(i)];
    ScheduleEntry entry;
    entry.target = *target;
    entry.due_ms = record.delay.due_ms;
    entry.timestamp_ms = record.timestamp_ms;
    entry.source = *source;
    entry.index = i;
    entry.key = record.key;
    entries.push_back({entry, record.value, record.delay.headers});
  }
  if (entries.empty()) co_return ErrorCode::none;
  co_return co_await store_entries(&entries);
}

// Durable when it returns.
Task<ErrorCode> ScheduleShell::store_entries(const std::vector<Keeping>* entries) {
  std::vector<Placed> placed;
  ++placing_;
  ErrorCode error = co_await place_entries(entries, &placed);
  --placing_;
  if (error == ErrorCode::none) {
    Partition* partition = log_.partition();
    error = partition == nullptr
                ? ErrorCode::not_leader_or_follower
                : co_await partition->wait_durable(placed.back().first + placed.back().count);
  }
  if (error != ErrorCode::none) {
    for (const Placed& part : placed) store_.failed(part.first, part.count);
    co_return error;
  }
  auto entry = entries->begin();
  for (const Placed& part : placed)
    for (Offset offset = part.first; offset < part.first + part.count; ++offset, ++entry) {
      store_.stored(entry->entry, offset);
      if (entry->entry.due_ms < armed_ms_) wake();
    }
  tend_index();
  co_return error;
}

Task<ErrorCode> ScheduleShell::place_entries(const std::vector<Keeping>* entries,
                                             std::vector<Placed>* placed) {
  const std::int64_t now_ms = shard_.clock().wall_ms();
  protocol::BatchBuilder builder;
  for (auto entry = entries->begin(); entry != entries->end();) {
    for (; entry != entries->end(); ++entry) {
      const Blob key = encode_schedule_entry(entry->entry);
      const protocol::NewRecord record{now_ms, Bytes{key}, entry->value, entry->headers};
      if (!builder.empty() && builder.size_with(record) > entry_batch_bytes) break;
      builder.append(record);
    }
    const std::int32_t count = builder.record_count();
    const std::vector<std::byte> batch = builder.finish();
    Partition* partition = log_.partition();
    if (partition == nullptr) co_return ErrorCode::not_leader_or_follower;
    const AppendResult appended = co_await partition->append_own(batch);
    if (appended.error != ErrorCode::none) co_return appended.error;
    store_.accepted(appended.base_offset, count);
    placed->push_back({appended.base_offset, count});
    bytes_since_cut_ += batch.size();
  }
  co_return ErrorCode::none;
}

// ---- What is done ----

void ScheduleShell::note_done(Offset offset) {
  store_.finished(offset);
  done_.push_back(offset);
  if (std::exchange(writing_done_, true)) return;
  work_.spawn(write_done());
}

// Each batch takes what was done while the one before was written.
Task<> ScheduleShell::write_done() {
  const Blob key = encode_done_key();
  while (!done_.empty()) {
    const std::vector<Offset> offsets = std::exchange(done_, {});
    for (std::size_t at = 0; at < offsets.size(); at += done_offsets_max) {
      const std::size_t count = std::min(done_offsets_max, offsets.size() - at);
      const Blob value = encode_done(std::span{offsets}.subspan(at, count));
      protocol::BatchBuilder builder;
      builder.append({shard_.clock().wall_ms(), Bytes{key}, Bytes{value}, {}});
      std::vector<std::byte> batch = builder.finish();
      bytes_since_cut_ += batch.size();
      const auto appended = co_await log_.append(std::move(batch));
      if (appended.error == ErrorCode::none) continue;
      done_.insert(done_.end(), offsets.begin() + static_cast<std::ptrdiff_t>(at), offsets.end());
      // A stop does not wait for it: what is not noted is delivered once more, under the same id.
      if (stopping_) co_return;
      co_await shard_.timers().wait_for(done_pause);
      break;
    }
    co_await cut_log();
  }
  writing_done_ = false;
}

// ---- What can go ----

Task<> ScheduleShell::cut_log() {
  Partition* partition = log_.partition();
  const bool wanted = bytes_since_cut_ >= cut_bytes && placing_ == 0 && !stopping_;
  if (!wanted || partition == nullptr || partition->closing()) co_return;
  bytes_since_cut_ = 0;
  const storage::Log& log = partition->log();
  const Offset to = std::min(log.high_watermark(), store_.oldest_needed(log.high_watermark()));
  if (to > log.log_start_offset()) {
    const auto cut = co_await partition->delete_records(to);
    if (!cut) {
      shard_.logger().warn("scheduled records that are done could not be removed",
                           {{"partition", key_.index}, {"error", cut.error().message()}});
      co_return;
    }
  }
  partition = log_.partition();
  if (partition == nullptr || copying_ || reload_) co_return;
  auto oldest = store_.take_oldest(partition->log().log_start_offset(),
                                   partition->log().log_end_offset(), copies_max);
  if (oldest.empty()) co_return;
  copying_ = true;
  work_.spawn(copy_oldest(std::move(oldest)));
}

// A few that wait long keep a long log: they are stored once more at its end.
Task<> ScheduleShell::copy_oldest(std::vector<Offset> oldest) {
  ScheduleReader reader{log_};
  std::vector<KeptRecord> records;
  for (const Offset offset : oldest) {
    auto got = co_await reader.read(offset);
    if (got && *got)
      records.push_back(std::move(**got));
    else
      store_.put_back(offset, shard_.clock().wall_ms());  // its delivery says what is wrong
  }
  std::vector<std::vector<protocol::RecordHeader>> headers;
  std::vector<Keeping> entries;
  headers.reserve(records.size());
  for (const KeptRecord& record : records) {
    headers.emplace_back(record.headers.begin(), record.headers.end());
    ScheduleEntry entry = record.entry;
    entry.source = {};
    entry.origin = record.origin();
    entry.replaces = record.offset;
    entries.push_back({entry, record.value, headers.back()});
  }
  const ErrorCode error = entries.empty() ? ErrorCode::none : co_await store_entries(&entries);
  if (error != ErrorCode::none)
    for (const KeptRecord& record : records) store_.put_back(record.offset, record.entry.due_ms);
  else
    bytes_since_cut_ = cut_bytes;  // go on at the next look
  copying_ = false;
}

// ---- The index ----

void ScheduleShell::tend_index() {
  ScheduleIndex& index = store_.index();
  while (const auto read = index.begin_read()) work_.spawn(read_block(*read));
  if (index.wants_spill()) {
    auto spill = index.begin_spill([this](Offset offset) { return store_.alive(offset); });
    if (!spill.keys->empty()) work_.spawn(write_run(std::move(spill)));
  }
  if (auto merge = index.begin_merge()) work_.spawn(merge_runs(std::move(*merge)));
  for (const ScheduleIndex::RunId run : index.take_unneeded()) work_.spawn(remove_run(run));
}

Task<> ScheduleShell::write_run(ScheduleIndex::Spill spill) {
  const auto written = co_await runs_.write(spill.run, spill.keys.get());
  if (written) {
    store_.index().spilled(spill.run);
  } else {
    store_.index().spill_failed(spill.run);
    shard_.logger().warn("the index of scheduled records stays in memory",
                         {{"partition", key_.index}, {"error", written.error().message()}});
  }
  tend_index();
}

Task<> ScheduleShell::read_block(ScheduleIndex::Read read) {
  const auto keys = co_await runs_.read(read);
  if (keys) {
    store_.index().read_done(read.run, *keys);
  } else if (store_.index().knows(read.run)) {
    shard_.logger().error("the index of scheduled records is damaged and is made anew",
                          {{"partition", key_.index}, {"error", keys.error().message()}});
    reload_ = true;
  }
  if (!reload_) tend_index();
  wake();
}

Task<> ScheduleShell::merge_runs(ScheduleIndex::Merge merge) {
  const auto count = co_await runs_.merge(merge);
  if (count) {
    store_.index().merged(merge, *count);
  } else {
    store_.index().merge_failed();
    (void)co_await runs_.remove(merge.into);
    shard_.logger().warn("runs of the index of scheduled records were not merged",
                         {{"partition", key_.index}, {"error", count.error().message()}});
  }
  if (count) tend_index();
  wake();
}

Task<> ScheduleShell::remove_run(ScheduleIndex::RunId run) {
  const auto removed = co_await runs_.remove(run);
  if (!removed)
    shard_.logger().warn("a run of the index of scheduled records could not be removed",
                         {{"partition", key_.index}, {"error", removed.error().message()}});
}

}  // namespace sluice::broker
