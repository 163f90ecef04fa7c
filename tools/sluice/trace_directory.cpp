// A trace in a data directory, with no broker.
#include "broker/offsets_records.hpp"
#include "broker/queue/schedule_records.hpp"
#include "tools/inspect/record_stream.hpp"
#include "tools/sluice/byte_progress.hpp"
#include "tools/sluice/log.hpp"
#include "tools/sluice/trace_source.hpp"

#include <algorithm>
#include <set>
#include <variant>

namespace sluice::cli {
namespace {

using inspect::DataDirectory;
using inspect::PartitionLog;
using inspect::RecordStream;

bool is_internal(const PartitionLog& log) { return log.topic.starts_with("__"); }

class DirectorySource final : public TraceSource {
 public:
  DirectorySource(const Global& global, const TraceOptions& options, DataDirectory directory)
      : global_(global), options_(options), directory_(std::move(directory)) {}

  Exit find(const TopicPartition& where, Offset offset, const Sink& sink) override;
  Exit scan(const Sink& sink) override;
  std::size_t topics() const override;
  Exit add_waiting(Trace& trace) override;
  bool add_commits(Trace& trace) override;
  void add_details(Trace&) override {}  // the batches have told it

 private:
  using Wanted = std::function<bool(const PartitionLog&)>;
  bool is_wanted(const PartitionLog& log) const;
  Exit read(const Wanted& wanted, const Sink& sink);

  const Global& global_;
  const TraceOptions& options_;
  DataDirectory directory_;
};

bool DirectorySource::is_wanted(const PartitionLog& log) const {
  if (options_.among.empty()) return !is_internal(log);
  return std::ranges::find(options_.among, log.topic) != options_.among.end();
}

std::size_t DirectorySource::topics() const {
  std::set<std::string> topics;
  for (const auto& log : directory_.partitions)
    if (is_wanted(log)) topics.insert(log.topic);
  return topics.size();
}

Exit DirectorySource::read(const Wanted& wanted, const Sink& sink) {
  std::int64_t total = 0;
  for (const auto& log : directory_.partitions)
    for (const auto& segment : log.segments) total += wanted(log) ? segment.size : 0;
  catch_interrupts();
  std::uint64_t damage = 0;
  {
    ByteProgress progress(global_, total);
    for (const auto& log : directory_.partitions) {
      if (!wanted(log)) continue;
      RecordStream stream(directory_, log, &progress.done);
      for (bool going_on = true; going_on && !progress.stop;) {
        const auto found = stream.next();
        if (!found) return complain_of_file(found.error());
        if (!*found) break;
        const auto& record = stream.record();
        const bool appended =
            stream.header().timestamp_type() == protocol::TimestampType::log_append_time;
        going_on = stream.header().is_control() ||
                   sink({.topic = log.topic,
                         .partition = log.partition,
                         .offset = stream.offset(),
                         .timestamp_ms = stream.timestamp(),
                         .key = record.key,
                         .value = record.value,
                         .headers = record.headers},
                        appended ? TraceTime::log_append : TraceTime::create);
      }
      damage += static_cast<std::uint64_t>(stream.damaged_bytes()) + stream.damaged_batches();
    }
  }
  if (damage > 0) say(global_, "damage was passed over; 'sluice log verify' tells where");
  return Exit::ok;
}

Exit DirectorySource::find(const TopicPartition& where, Offset offset, const Sink& sink) {
  const auto names = names_in(directory_);
  const auto is_there = [&](const PartitionLog& log) {
    return log.topic == where.topic && log.partition == where.partition;
  };
  if (std::ranges::none_of(directory_.partitions, is_there))
    return no_such("partition", where.topic + "-" + std::to_string(where.partition), names);
  return read(is_there, [&](const RecordView& record, TraceTime time) {
    if (record.offset < offset) return true;
    if (record.offset == offset) static_cast<void>(sink(record, time));
    return false;
  });
}

Exit DirectorySource::scan(const Sink& sink) {
  return read([this](const PartitionLog& log) { return is_wanted(log); }, sink);
}

Exit DirectorySource::add_waiting(Trace& trace) {
  std::map<TopicId, std::string> names;
  for (const auto& log : directory_.partitions)
    if (is_wanted(log)) names[log.topic_id] = log.topic;
  WaitingReader waiting(trace, std::move(names));
  const auto wanted = [](const PartitionLog& log) { return log.topic == schedules_topic; };
  return read(wanted, [&](const RecordView& record, TraceTime) {
    waiting.take(record);
    return true;
  });
}

bool DirectorySource::add_commits(Trace& trace) {
  const auto wanted = [](const PartitionLog& log) { return log.topic == offsets_topic; };
  CommitReader commits(trace);
  return read(wanted, [&](const RecordView& record, TraceTime) {
           commits.take(record);
           return true;
         }) == Exit::ok;
}

}  // namespace

OpenedSource open_directory_source(const Global& global, const TraceOptions& options) {
  auto directory = open_directory(options.data, {});
  if (!directory) return std::unexpected(directory.error());
  const auto names = names_in(*directory);
  for (const auto& topic : options.among)
    if (std::ranges::find(directory->partitions, topic, &PartitionLog::topic) ==
        directory->partitions.end())
      return std::unexpected(no_such("topic", topic, names));
  return std::make_unique<DirectorySource>(global, options, std::move(*directory));
}

void WaitingReader::take(const RecordView& record) {
  const auto kind = record.key ? broker::schedule_record_kind(*record.key) : std::nullopt;
  if (!kind) return;
  const auto forget = [&](Offset offset) {
    const auto at = ids_.find({record.partition, offset});
    if (at == ids_.end()) return;
    trace_.waits_no_more(at->second);
    ids_.erase(at);
  };
  if (*kind == broker::ScheduleRecordKind::done) {
    const auto done = record.value ? broker::decode_done(*record.value) : std::nullopt;
    for (const Offset offset : done.value_or(std::vector<Offset>{})) forget(offset);
    return;
  }
  const auto entry = broker::decode_schedule_entry(*record.key);
  if (!entry) return;
  forget(entry->replaces);
  const auto name = names_.find(entry->target.topic);
  if (name == names_.end()) return;
  const auto before = trace_.waiting().size();
  auto id = to_string(
      broker::ScheduleId{record.partition, entry->origin >= 0 ? entry->origin : record.offset});
  trace_.wait({.topic = name->second,
               .partition = entry->target.partition,
               .offset = -1,
               .timestamp_ms = entry->timestamp_ms,
               .key = entry->key,
               .value = record.value,
               .headers = record.headers},
              entry->due_ms, id);
  if (trace_.waiting().size() > before) ids_[{record.partition, record.offset}] = std::move(id);
}

void CommitReader::take(const RecordView& record) {
  Offset& whole_until = whole_until_[record.partition];
  const bool whole = record.offset == whole_until;
  if (whole) ++whole_until;
  if (!record.key || !record.value) return;
  const auto decoded = broker::decode_offsets_key(*record.key);
  if (!decoded) return;
  const auto* commit = std::get_if<broker::OffsetCommitKey>(&*decoded);
  const auto offset = commit ? broker::decode_offset_value(*record.value) : std::nullopt;
  if (!offset) return;
  trace_.commit({.group = commit->group_id,
                 .where = {commit->topic, commit->partition},
                 .offset = offset->offset,
                 .at_ms = offset->commit_ms,
                 .all_before_known = whole});
}

}  // namespace sluice::cli
