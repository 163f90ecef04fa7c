#include "client/redrive/dead_letters_core.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace sluice::client {
namespace {

constexpr std::string_view marks_dead_letters = "errors.deadletterqueue.group.enable";

RedriveReport report_of(const RedriveProgress& progress) {
  RedriveReport report{.id = progress.id,
                       .topic = progress.selection.topic,
                       .state = progress.state,
                       .started_ms = progress.started_ms,
                       .counts = progress.counts,
                       .targets = {},
                       .failures = {},
                       .uncertain = progress.uncertain};
  for (const auto& [topic, target] : progress.targets)
    if (target.redriven > 0) report.targets[topic] = target.redriven;
  return report;
}

std::string new_id(Random& random) {
  char text[16];
  std::snprintf(text, sizeof text, "%012llx",
                static_cast<unsigned long long>(random.next() & 0xffff'ffff'ffffULL));
  return text;
}

void add_to(DeadLetterSummary& summary, const DeadLetter& letter) {
  ++summary.depth;
  if (letter.redriven) {
    ++summary.redriven;
    return;
  }
  const auto& origin = letter.origin;
  const auto time =
      origin.last_failure_ms >= 0 ? origin.last_failure_ms : letter.record.timestamp_ms;
  if (summary.oldest_ms < 0 || time < summary.oldest_ms) summary.oldest_ms = time;
  summary.newest_ms = std::max(summary.newest_ms, time);
  ++summary.reasons[std::string(origin.reason)];
  ++summary.sources[{std::string(origin.topic), std::string(origin.group)}];
}

bool is_selected(const DeadLetterSelection& selection, const RecordView& record) {
  if (selection.offsets.empty()) return true;
  const auto ranges = selection.offsets.find(record.partition);
  return ranges != selection.offsets.end() &&
         std::ranges::any_of(ranges->second, [&](const OffsetRange& range) {
           return range.first <= record.offset && record.offset <= range.last;
         });
}

}  // namespace

DeadLettersCore::~DeadLettersCore() {
  const auto stopped = cluster_->loop().run(cluster_->stop());
  static_cast<void>(stopped);
}

RedriveLimits DeadLettersCore::limits() const {
  return {.give_up_after = options_.request_timeout, .retry_backoff = options_.retry_backoff};
}

Result<TopicInfo> DeadLettersCore::topic_info(const std::string& topic) {
  const auto infos = admin_.topics({topic});
  if (!infos) return std::unexpected(infos.error());
  if (infos->size() != 1 || infos->front().error == ErrorCode::unknown_topic_or_partition ||
      infos->front().error == ErrorCode::invalid_topic_exception)
    return fail(Errc::unknown_topic, topic);
  if (infos->front().error != ErrorCode::none)
    return sluice::fail(make_error_code(infos->front().error), topic);
  return infos->front();
}

Result<TopicReader> DeadLettersCore::open(const std::string& topic) {
  return TopicReader::create(options_, topic);
}

Result<std::vector<std::string>> DeadLettersCore::topics() {
  const auto infos = admin_.topics();
  if (!infos) return std::unexpected(infos.error());
  std::vector<std::string> names;
  for (const auto& info : *infos) {
    if (info.internal) continue;
    const auto entries = admin_.configs({ResourceType::topic, info.name});
    if (!entries && entries.error().is(ErrorCode::unknown_topic_or_partition)) continue;
    if (!entries) return std::unexpected(entries.error());
    const auto marked = std::ranges::find(*entries, marks_dead_letters, &ConfigEntry::name);
    if (marked != entries->end() && marked->value == "true") names.push_back(info.name);
  }
  return names;
}

Result<DeadLetterSummary> DeadLettersCore::describe(const std::string& topic) {
  DeadLetterSummary summary{.topic = topic, .reasons = {}, .sources = {}};
  const auto read_all = read({.topic = topic, .offsets = {}, .filter = {}, .again = true},
                             [&](const DeadLetter& letter) {
                               add_to(summary, letter);
                               return true;
                             });
  if (!read_all) return std::unexpected(read_all.error());
  return summary;
}

Result<> DeadLettersCore::read(const DeadLetterSelection& selection,
                               const std::function<bool(const DeadLetter&)>& take) {
  const auto good = selection.filter.check();
  if (!good) return good;
  const auto info = topic_info(selection.topic);
  if (!info) return std::unexpected(info.error());
  auto stored = load(info->name, info->id);
  if (!stored) return std::unexpected(stored.error());
  auto reader = open(info->name);
  if (!reader) return std::unexpected(reader.error());
  const auto partitions = reader->partitions();
  if (!partitions) return std::unexpected(partitions.error());
  auto starts = reader->starts(*partitions);
  auto ends = reader->ends(*partitions);
  if (!starts) return std::unexpected(starts.error());
  if (!ends) return std::unexpected(ends.error());
  for (const auto& where : *partitions) {
    for (Offset next = (*starts)[where]; next < (*ends)[where];) {
      const auto records = reader->read(where.partition, next, (*ends)[where], cluster_->loop());
      if (!records) return std::unexpected(records.error());
      if (records->empty()) break;
      for (const auto& record : *records) {
        const DeadLetter letter{record, dead_letter_origin(record),
                                stored->ledger->contains(record.partition, record.offset)};
        if (!is_selected(selection, record) || (letter.redriven && !selection.again) ||
            !selection.filter.matches(record, letter.origin))
          continue;
        if (!take(letter)) return {};
      }
      next = records->back().offset + 1;
    }
  }
  return {};
}

// ---- The progress topic ----

Result<> DeadLettersCore::make_progress_topic() {
  const std::string name(DeadLetters::progress_topic);
  const NewTopic topic{.name = name, .partitions = 1, .configs = {{"cleanup.policy", "compact"}}};
  const auto created = admin_.create_topic(topic);
  if (!created && !created.error().is(ErrorCode::topic_already_exists)) return created;
  return cluster_->loop().run(
      cluster_->ensure_topic(name, cluster_->now() + options_.request_timeout));
}

Result<StoredRedrives> DeadLettersCore::load(const std::string& topic, const TopicId& id) {
  StoredRedrives stored;
  stored.ledger.emplace(topic, id);
  const std::string name(DeadLetters::progress_topic);
  const auto info = topic_info(name);
  if (!info && info.error().is(Errc::unknown_topic)) return stored;  // none was ever begun
  if (!info) return std::unexpected(info.error());
  auto reader = open(name);
  if (!reader) return std::unexpected(reader.error());
  const Consumer::Partitions partitions{{name, 0}};
  auto starts = reader->starts(partitions);
  auto ends = reader->ends(partitions);
  if (!starts) return std::unexpected(starts.error());
  if (!ends) return std::unexpected(ends.error());
  const Offset end = (*ends)[partitions.front()];
  for (Offset next = (*starts)[partitions.front()]; next < end;) {
    const auto records = reader->read(0, next, end, cluster_->loop());
    if (!records) return std::unexpected(records.error());
    if (records->empty()) break;
    for (const auto& record : *records) {
      const auto key = record.key ? as_text(*record.key) : std::string_view();
      if (!key.starts_with(redrive_key_prefix)) {
        stored.ledger->take(key, record.value);
        continue;
      }
      const std::string redrive(key.substr(redrive_key_prefix.size()));
      if (!record.value) {
        stored.redrives.erase(redrive);
        continue;
      }
      auto progress = decode_progress(*record.value);
      if (!progress) return std::unexpected(progress.error());
      stored.redrives.insert_or_assign(redrive, std::move(*progress));
    }
    next = records->back().offset + 1;
  }
  return stored;
}

Result<std::vector<RedriveReport>> DeadLettersCore::redrives() {
  const auto stored = load();
  if (!stored) return std::unexpected(stored.error());
  std::vector<RedriveReport> reports;
  for (const auto& [id, progress] : stored->redrives) reports.push_back(report_of(progress));
  std::ranges::sort(reports, {}, &RedriveReport::started_ms);
  return reports;
}

// ---- Redriving ----

Result<RedriveProgress> DeadLettersCore::plan(const DeadLetterSelection& selection,
                                              const RedriveOptions& options, TopicReader& reader,
                                              const TopicInfo& info) {
  RedriveProgress progress{.selection = selection,
                           .topic_id = info.id,
                           .to = options.to,
                           .max_redrives = options.max_redrives,
                           .records_per_second = options.records_per_second,
                           .started_ms = cluster_->loop().clock().wall_ms()};
  const auto partitions = reader.partitions();
  if (!partitions) return std::unexpected(partitions.error());
  const auto starts = reader.starts(*partitions);
  if (!starts) return std::unexpected(starts.error());
  const auto ends = reader.ends(*partitions);
  if (!ends) return std::unexpected(ends.error());
  for (const auto& where : *partitions)
    progress.places[where.partition] = {starts->at(where), ends->at(where)};
  for (const auto& [partition, ranges] : selection.offsets)
    if (!progress.places.contains(partition))
      return fail(Errc::unknown_topic, "no partition " + std::to_string(partition) + " in topic '" +
                                           info.name + "', which has 0 to " +
                                           std::to_string(progress.places.size() - 1));
  return progress;
}

Result<> DeadLettersCore::check_free(const StoredRedrives& stored, const RedriveProgress& mine) {
  for (const auto& [id, other] : stored.redrives)
    if (id != mine.id && other.state == RedriveState::running &&
        other.selection.topic == mine.selection.topic && other.topic_id == mine.topic_id)
      return fail(Errc::invalid_argument,
                  "redrive " + id + " of topic " + mine.selection.topic + " is unfinished");
  return {};
}

Result<RedriveReport> DeadLettersCore::redrive(const DeadLetterSelection& selection,
                                               const RedriveOptions& options,
                                               const RedriveWatch& watch) {
  const auto good = selection.filter.check();
  if (!good) return std::unexpected(good.error());
  if (options.to == selection.topic)
    return fail(Errc::invalid_argument, "a dead-letter topic cannot be its own target");
  if (options.max_redrives < 1 || options.records_per_second < 0)
    return fail(Errc::invalid_argument, "max_redrives is below 1, or the rate negative");
  const auto info = topic_info(selection.topic);
  if (!info) return std::unexpected(info.error());
  if (options.to) {
    const auto target = topic_info(*options.to);
    if (!target) return std::unexpected(target.error());
  }
  auto reader = open(info->name);
  if (!reader) return std::unexpected(reader.error());
  auto progress = plan(selection, options, *reader, *info);
  if (!progress) return std::unexpected(progress.error());
  auto stored = load(info->name, info->id);
  if (!stored) return std::unexpected(stored.error());
  ClusterPort port(*cluster_, *reader, std::string(DeadLetters::progress_topic));
  if (options.dry_run) {
    RedriveRun run(port, *stored->ledger, std::move(*progress), limits(), RedriveRun::Mode::dry);
    const auto counted = run.run(watch);
    if (!counted) return std::unexpected(counted.error());
    return run.report();
  }
  const auto free = check_free(*stored, *progress);
  if (!free) return std::unexpected(free.error());
  const auto made = make_progress_topic();
  if (!made) return std::unexpected(made.error());
  const auto identity =
      cluster_->loop().run(new_identity(*cluster_, cluster_->now() + options_.request_timeout));
  if (!identity) return std::unexpected(identity.error());
  progress->id = new_id(cluster_->random());
  progress->producer_id = identity->id;
  progress->producer_epoch = progress->save_epoch = identity->epoch;
  for (const auto& [partition, place] : progress->places)
    stored->ledger->forget_before(partition, place.next);
  for (const auto& [id, earlier] : stored->redrives)
    if (earlier.selection.topic == info->name) stored->ledger->forget_redrive(id);
  RedriveRun run(port, *stored->ledger, *progress, limits());
  const auto saved = run.save();
  if (!saved) return std::unexpected(saved.error());
  // Somebody may have begun another at the same moment: whoever sees it withdraws.
  const auto seen = load();
  if (!seen) return std::unexpected(seen.error());
  if (const auto alone = check_free(*seen, *progress); !alone) {
    const auto withdrawn = run.abandon();
    return std::unexpected(withdrawn ? alone.error() : withdrawn.error());
  }
  const auto done = run.run(watch);
  if (!done) return std::unexpected(done.error());
  return run.report();
}

template <class Work>
Result<RedriveReport> DeadLettersCore::go_on(const std::string& id, Work work) {
  const auto known = load();
  if (!known) return std::unexpected(known.error());
  const auto found = known->redrives.find(id);
  if (found == known->redrives.end())
    return fail(Errc::invalid_argument, "no redrive '" + id + "' is known");
  if (found->second.state != RedriveState::running) return report_of(found->second);
  const auto& topic = found->second.selection.topic;
  // The ledger of the topic that the redrive is about; after it was made anew nothing is left.
  auto stored = load(topic, found->second.topic_id);
  if (!stored) return std::unexpected(stored.error());
  auto reader = open(topic);
  if (!reader) return std::unexpected(reader.error());
  ClusterPort port(*cluster_, *reader, std::string(DeadLetters::progress_topic));
  RedriveRun run(port, *stored->ledger, stored->redrives.at(id), limits());
  const auto ready = make_progress_topic();
  const auto claimed = ready ? run.claim() : ready;
  if (!claimed) return std::unexpected(claimed.error());
  const auto info = topic_info(topic);
  if (!info && !info.error().is(Errc::unknown_topic)) return std::unexpected(info.error());
  const bool same = info && info->id == run.progress().topic_id;
  const auto done = work(run, same);
  if (!done) return std::unexpected(done.error());
  return run.report();
}

Result<RedriveReport> DeadLettersCore::resume(const std::string& id, const RedriveWatch& watch) {
  return go_on(id, [&](RedriveRun& run, bool same_topic) -> Result<> {
    if (!same_topic)
      return fail(Errc::unknown_topic,
                  run.progress().selection.topic + ", as it was when the redrive began");
    return run.run(watch);
  });
}

Result<RedriveReport> DeadLettersCore::abandon(const std::string& id) {
  return go_on(id, [](RedriveRun& run, bool same_topic) { return run.abandon(same_topic); });
}

}  // namespace sluice::client
