#include "client/redrive/run.hpp"

#include "client/redrive/window_batches.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice::client {
namespace {

// The first selected offset from `from` on; max when there is none.
Offset next_selected(const DeadLetterSelection& selection, PartitionIndex partition, Offset from) {
  if (selection.offsets.empty()) return from;
  Offset nearest = std::numeric_limits<Offset>::max();
  const auto ranges = selection.offsets.find(partition);
  if (ranges == selection.offsets.end()) return nearest;
  for (const auto& range : ranges->second)
    if (range.last >= from) nearest = std::min(nearest, std::max(range.first, from));
  return nearest;
}

// Whether one record of the batch may be what the broker does not take, and others would do.
bool is_about_records(const Error& error) {
  return error.is(ErrorCode::message_too_large) || error.is(ErrorCode::record_list_too_large) ||
         error.is(ErrorCode::invalid_record) || error.is(ErrorCode::invalid_timestamp) ||
         error.is(ErrorCode::policy_violation);
}

}  // namespace

RedriveRun::RedriveRun(RedrivePort& port, RedriveLedger& ledger, RedriveProgress progress,
                       RedriveLimits limits, Mode mode)
    : port_(port),
      ledger_(ledger),
      progress_(std::move(progress)),
      limits_(limits),
      mode_(mode),
      began_(port.now()),
      redriven_before_(progress_.counts.redriven) {
  if (progress_.window_records <= 0) progress_.window_records = window_records_max();
}

std::int32_t RedriveRun::window_records_max() const {
  if (progress_.records_per_second <= 0) return limits_.window_records;
  return std::clamp(progress_.records_per_second / 4, 1, limits_.window_records);
}

Result<> RedriveRun::save() {
  auto entries = ledger_.take_changes();
  RedriveProgress after = progress_;
  after.save_sequence =
      protocol::add_sequence(after.save_sequence, static_cast<std::int32_t>(entries.size()) + 1);
  entries.push_back(
      {.key = std::string(redrive_key_prefix) + after.id, .value = encode_progress(after)});
  const auto saved =
      port_.save(entries, progress_.producer_id, progress_.save_epoch, progress_.save_sequence);
  if (!saved) return saved;
  progress_.save_sequence = after.save_sequence;
  return {};
}

Result<> RedriveRun::claim() {
  ++progress_.save_epoch;
  progress_.save_sequence = 0;
  return save();
}

Result<> RedriveRun::run(const RedriveWatch& watch) {
  const auto stopped = [&] { return watch && !watch(report()); };
  if (!progress_.window.empty()) {
    auto batches = batches_again(Sent::perhaps);
    if (!batches) return std::unexpected(batches.error());
    const auto settled = settle(std::move(*batches), Sent::perhaps);
    if (!settled) return settled;
  }
  while (!stopped()) {
    const auto paced = pace(watch);
    if (!paced) return std::unexpected(paced.error());
    if (!*paced) break;
    auto records = next_window();
    if (!records) return std::unexpected(records.error());
    if (progress_.window.empty()) {
      progress_.state = RedriveState::finished;
      break;
    }
    const auto opened = *records ? open_lanes() : Result<>{};
    if (!opened) return opened;
    WindowBatches building(progress_);
    if (*records)
      for (const auto& record : **records) building.add(record);
    auto batches = *records ? Result<std::vector<RedriveBatch>>(building.finish())
                            : batches_again(Sent::never);
    if (!batches) return std::unexpected(batches.error());
    if (mode_ == Mode::dry) {
      count_dry(*batches);
      continue;
    }
    const auto saved = save();
    if (!saved) return saved;
    const auto settled = settle(std::move(*batches), Sent::never);
    if (!settled) return settled;
  }
  return mode_ == Mode::dry ? Result<>{} : save();
}

Result<> RedriveRun::abandon(bool readable) {
  if (!progress_.window.empty()) {
    const auto looked = readable ? look_for_window() : fail(Errc::unknown_topic);
    // Records that would tell are gone.
    if (!looked && (looked.error().is(ErrorCode::offset_out_of_range) ||
                    looked.error().is(Errc::unknown_topic)))
      progress_.uncertain = true;
    else if (!looked)
      return looked;
    progress_.window = {};
  }
  progress_.state = RedriveState::abandoned;
  return save();
}

Result<> RedriveRun::look_for_window() {
  auto batches = batches_again(Sent::perhaps);
  if (!batches) return std::unexpected(batches.error());
  for (auto& batch : *batches) {
    const auto looked = look_for(batch);
    if (!looked) return looked;
    if (batch.outcome == RedriveBatch::Outcome::stored) conclude(batch);
  }
  return {};
}

// ---- Choosing ----

Result<std::optional<RedriveRun::Records>> RedriveRun::next_window() {
  window_bytes_.clear();
  progress_.window = {};
  if (!progress_.retries.empty()) {
    auto& first = progress_.retries.front();
    auto rest = split_offsets(first.offsets, progress_.window_records);
    progress_.window = {first.partition, std::move(first.offsets)};
    first.offsets = std::move(rest);
    if (first.offsets.empty()) progress_.retries.erase(progress_.retries.begin());
    return std::nullopt;
  }
  for (auto& [partition, place] : progress_.places) {
    while (place.next < place.end) {
      auto records = scan(partition, place);
      if (!records) return std::unexpected(records.error());
      if (!records->empty()) return records;
    }
  }
  return std::nullopt;
}

Result<RedriveRun::Records> RedriveRun::scan(PartitionIndex partition, RedrivePlace& place) {
  place.next = std::min(next_selected(progress_.selection, partition, place.next), place.end);
  Records taken;
  if (place.next == place.end) return taken;
  const auto chunk = port_.read(partition, place.next, place.end);
  if (!chunk) return std::unexpected(chunk.error());
  if (chunk->empty()) place.next = place.end;
  for (const auto& record : *chunk) {
    if (next_selected(progress_.selection, partition, record.offset) != record.offset) continue;
    const auto before = progress_.counts;
    const auto wanted = is_wanted(record, dead_letter_origin(record));
    if (!wanted) return std::unexpected(wanted.error());
    if (*wanted) {
      const auto full = window_is_full(record);
      if (!full) return std::unexpected(full.error());
      if (*full) {  // the next window begins with it
        progress_.counts = before;
        place.next = record.offset;
        return taken;
      }
      progress_.window.partition = partition;
      append_offset(progress_.window.offsets, record.offset);
      taken.push_back(record);
    }
    place.next = record.offset + 1;
  }
  return taken;
}

Result<bool> RedriveRun::is_wanted(const RecordView& record, const DeadLetterOrigin& origin) {
  auto& counts = progress_.counts;
  ++counts.examined;
  const auto leave = [](std::int64_t& why) {
    ++why;
    return false;
  };
  if (!progress_.selection.again && ledger_.contains(record.partition, record.offset))
    return leave(counts.already);
  if (!progress_.selection.filter.matches(record, origin)) return leave(counts.unselected);
  if (origin.redrives >= progress_.max_redrives) return leave(counts.loop_guard);
  const std::string topic(target_topic(progress_, origin));
  std::string why;
  if (topic.empty()) {
    why = "its headers name no source topic; --to names a target";
  } else if (topic == progress_.selection.topic) {
    why = "its source is the dead-letter topic itself";
  } else {
    const auto target = find_target(topic);
    if (!target) return std::unexpected(target.error());
    if (*target) return true;
    why = "there is no topic '" + topic + "'";
  }
  fail_record(why, record.partition, record.offset);
  return false;
}

Result<RedriveTarget*> RedriveRun::find_target(const std::string& topic) {
  const auto used = progress_.targets.find(topic);
  if (used != progress_.targets.end()) return &used->second;
  auto known = known_targets_.find(topic);
  if (known == known_targets_.end()) {
    const auto count = port_.partition_count(topic);
    if (!count) return std::unexpected(count.error());
    known = known_targets_.emplace(topic, *count).first;
  }
  if (!known->second) return nullptr;
  auto& target = progress_.targets[topic];
  target.partition_count = *known->second;
  return &target;
}

Result<bool> RedriveRun::window_is_full(const RecordView& record) {
  if (count_offsets(progress_.window.offsets) >= progress_.window_records) return true;
  const auto origin = dead_letter_origin(record);
  const std::string topic(target_topic(progress_, origin));
  const auto target = find_target(topic);
  if (!target) return std::unexpected(target.error());
  const auto partition = target_partition(record, origin, (*target)->partition_count);
  const auto size = redriven_size_max(record);
  auto [bytes, is_new] = window_bytes_.try_emplace({topic, partition}, 0);
  if (!is_new && bytes->second + size > limits_.batch_bytes) return true;
  bytes->second += size;
  (*target)->lanes.try_emplace(partition);
  return false;
}

Result<> RedriveRun::open_lanes() {
  if (mode_ == Mode::dry) return {};
  for (auto& [topic, target] : progress_.targets) {
    for (auto& [partition, lane] : target.lanes) {
      if (lane.from >= 0) continue;
      const auto end = port_.end_offset({topic, partition});
      if (!end) return std::unexpected(end.error());
      lane.from = *end;
    }
  }
  return {};
}

// ---- Sending ----

Result<std::vector<RedriveBatch>> RedriveRun::batches_again(Sent sent) {
  WindowBatches building(progress_);
  const auto partition = progress_.window.partition;
  std::vector<OffsetRange> present;
  for (const auto& range : progress_.window.offsets) {
    for (Offset next = range.first; next <= range.last;) {
      const auto chunk = port_.read(partition, next, range.last + 1);
      if (!chunk) return std::unexpected(chunk.error());
      if (chunk->empty()) break;
      for (const auto& record : *chunk) {
        building.add(record);
        append_offset(present, record.offset);
      }
      next = chunk->back().offset + 1;
    }
  }
  const auto gone = count_offsets(progress_.window.offsets) - count_offsets(present);
  const Offset first = progress_.window.offsets.front().first;
  if (gone > 0 && sent == Sent::perhaps)  // the batches would not be the same
    return sluice::fail(make_error_code(ErrorCode::offset_out_of_range),
                        std::to_string(gone) + " records of the window under way, from " +
                            std::to_string(partition) + ":" + std::to_string(first) +
                            " on, are gone from " + progress_.selection.topic);
  if (gone > 0) fail_record("it is gone from the dead-letter topic", partition, first, gone);
  progress_.window.offsets = std::move(present);
  return building.finish();
}

Result<> RedriveRun::settle(std::vector<RedriveBatch> batches, Sent sent) {
  using Outcome = RedriveBatch::Outcome;
  const TimePoint deadline = port_.now() + limits_.give_up_after;
  const auto unsettled = [&] {
    return std::ranges::find(batches, Outcome::unknown, &RedriveBatch::outcome);
  };
  for (int attempt = 0; unsettled() != batches.end(); ++attempt) {
    if (attempt > 0) {
      if (port_.now() >= deadline) return std::unexpected(unsettled()->error);
      port_.wait(
          std::min(limits_.retry_backoff * (1 << std::min(attempt, 5)), limits_.give_up_after));
    }
    if (sent == Sent::perhaps) {
      const auto look = [&](RedriveBatch& batch) { return look_for(batch); };
      bool all_known = true;
      for (auto& batch : batches) {
        if (batch.outcome != Outcome::unknown) continue;
        const auto looked = look(batch);
        if (!looked && !retriable(looked.error())) return looked;
        if (!looked) batch.error = looked.error();
        all_known = all_known && looked.has_value();
      }
      if (!all_known) continue;
    }
    sent = Sent::perhaps;
    if (unsettled() != batches.end()) port_.send(batches);
    for (const auto& batch : batches)
      if (batch.outcome == Outcome::unknown && !retriable(batch.error))
        return std::unexpected(batch.error);
  }
  for (auto& batch : batches) conclude(batch);
  const bool refused =
      std::ranges::find(batches, Outcome::refused, &RedriveBatch::outcome) != batches.end();
  if (!refused)
    progress_.window_records = std::min(progress_.window_records * 2, window_records_max());
  progress_.window = {};
  return {};
}

Result<> RedriveRun::look_for(RedriveBatch& batch) {
  const auto& lane = progress_.targets[batch.topic].lanes[batch.partition];
  const auto found = port_.find({batch.topic, batch.partition}, lane.from, progress_.producer_id,
                                progress_.producer_epoch, batch.base_sequence);
  if (!found) return std::unexpected(found.error());
  if (!*found) return {};
  batch.outcome = RedriveBatch::Outcome::stored;
  batch.base_offset = **found;
  return {};
}

void RedriveRun::conclude(RedriveBatch& batch) {
  const auto count = static_cast<std::int32_t>(batch.offsets.size());
  const auto partition = progress_.window.partition;
  if (batch.outcome == RedriveBatch::Outcome::stored) {
    auto& target = progress_.targets[batch.topic];
    auto& lane = target.lanes[batch.partition];
    lane.next_sequence = protocol::add_sequence(lane.next_sequence, count);
    if (batch.base_offset >= 0) lane.from = batch.base_offset + count;
    target.redriven += count;
    progress_.counts.redriven += count;
    for (const auto offset : batch.offsets) ledger_.mark(partition, offset);
    return;
  }
  if (count > 1 && is_about_records(batch.error)) {
    RedriveWindow retry{.partition = partition, .offsets = {}};
    for (const auto offset : batch.offsets) append_offset(retry.offsets, offset);
    progress_.retries.insert(progress_.retries.begin(), std::move(retry));
    progress_.window_records = std::max(1, count / 2);
    return;
  }
  fail_record(batch.error.message(), partition, batch.offsets.front(), count);
}

void RedriveRun::count_dry(const std::vector<RedriveBatch>& batches) {
  for (const auto& batch : batches) {
    const auto count = static_cast<std::int64_t>(batch.offsets.size());
    progress_.counts.redriven += count;
    progress_.targets[batch.topic].redriven += count;
  }
}

void RedriveRun::fail_record(std::string_view why, PartitionIndex partition, Offset offset,
                             std::int64_t count) {
  progress_.counts.failed += count;
  const auto known = std::ranges::find(failures_, why, &RedriveFailure::why);
  if (known != failures_.end())
    known->count += count;
  else
    failures_.push_back({std::string(why), partition, offset, count});
}

Result<bool> RedriveRun::pace(const RedriveWatch& watch) {
  if (progress_.records_per_second <= 0 || mode_ == Mode::dry) return true;
  const auto sent = progress_.counts.redriven - redriven_before_;
  const TimePoint due =
      began_ + std::chrono::milliseconds(sent * 1000 / progress_.records_per_second);
  if (port_.now() < due) {  // what the last window did is not lost while we wait
    const auto saved = save();
    if (!saved) return std::unexpected(saved.error());
  }
  while (port_.now() < due) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - port_.now());
    port_.wait(std::min(left, limits_.watch_interval));
    if (watch && !watch(report())) return false;
  }
  return true;
}

RedriveReport RedriveRun::report() const {
  RedriveReport report{.id = progress_.id,
                       .topic = progress_.selection.topic,
                       .state = progress_.state,
                       .started_ms = progress_.started_ms,
                       .counts = progress_.counts,
                       .targets = {},
                       .failures = failures_,
                       .uncertain = progress_.uncertain};
  for (const auto& [topic, target] : progress_.targets)
    if (target.redriven > 0) report.targets[topic] = target.redriven;
  return report;
}

}  // namespace sluice::client
