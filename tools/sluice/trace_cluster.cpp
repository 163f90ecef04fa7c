// A trace in a cluster: every topic read once, then the topic with the offsets of groups.
#include "sluice/admin.hpp"
#include "tools/sluice/progress.hpp"
#include "tools/sluice/reading.hpp"
#include "tools/sluice/topic_names.hpp"
#include "tools/sluice/trace_source.hpp"

#include <algorithm>
#include <set>

namespace sluice::cli {
namespace {

const Place at_start{Place::Kind::start, 0};
const Place at_end{Place::Kind::end, 0};

std::set<std::string> topics_of(const Trace& trace) {
  std::set<std::string> topics;
  for (const auto& record : trace.records()) topics.insert(record.where.topic);
  return topics;
}

class ClusterSource final : public TraceSource {
 public:
  ClusterSource(const Global& global, Admin admin, Range range, std::vector<std::string> topics,
                std::map<TopicId, std::string> names)
      : global_(global),
        admin_(std::move(admin)),
        range_(range),
        topics_(std::move(topics)),
        names_(std::move(names)) {}

  Exit find(const TopicPartition& where, Offset offset, const Sink& sink) override;
  Exit scan(const Sink& sink) override;
  std::size_t topics() const override { return topics_.size(); }
  Exit add_waiting(Trace& trace) override;
  bool add_commits(Trace& trace) override;
  void add_details(Trace& trace) override;

 private:
  Exit read(Reader& reader, const Sink& sink);
  void add_committed_now(Trace& trace);
  void add_queue(Trace& trace, const std::string& group);

  const Global& global_;
  Admin admin_;
  Range range_;
  std::vector<std::string> topics_;
  std::map<TopicId, std::string> names_;  // of topics_, and of schedules_topic where there is one
};

Exit ClusterSource::read(Reader& reader, const Sink& sink) {
  catch_interrupts();
  std::uint64_t scanned = 0;
  Progress progress(global_, "scanned", reader.total());
  return read_all(global_, reader, [&](Consumer::Records records) {
    for (const auto& record : records) {
      if (!reader.wanted(record)) continue;
      ++scanned;
      if (!sink(record, TraceTime::unknown)) return false;
    }
    progress.show(scanned);
    return true;
  });
}

Exit ClusterSource::find(const TopicPartition& where, Offset offset, const Sink& sink) {
  const ReadOptions options{.topics = {where.topic}, .partitions = {where.partition}};
  const Range range{Place{Place::Kind::offset, offset}, Place{Place::Kind::offset, offset + 1}};
  auto reader = Reader::open(bulk_settings(global_), options, range);
  if (!reader) return complain_of_reading(global_, reader.error());
  return read(*reader, [&](const RecordView& record, TraceTime time) {
    return record.offset == offset ? sink(record, time) : true;
  });
}

Exit ClusterSource::scan(const Sink& sink) {
  if (topics_.empty()) return Exit::ok;
  auto reader = Reader::open(bulk_settings(global_), {.topics = topics_}, range_);
  if (!reader) return complain_of_reading(global_, reader.error());
  return read(*reader, sink);
}

Exit ClusterSource::add_waiting(Trace& trace) {
  const auto is_schedules = [](const auto& row) { return row.second == schedules_topic; };
  if (std::ranges::none_of(names_, is_schedules)) return Exit::ok;
  auto reader =
      Reader::open(bulk_settings(global_), {.topics = {schedules_topic}}, {at_start, at_end});
  if (!reader) return complain_of_reading(global_, reader.error());
  WaitingReader waiting(trace, names_);
  return read(*reader, [&](const RecordView& record, TraceTime) {
    waiting.take(record);
    return true;
  });
}

bool ClusterSource::add_commits(Trace& trace) {
  auto reader =
      Reader::open(bulk_settings(global_), {.topics = {offsets_topic}}, {at_start, at_end});
  if (reader) {
    CommitReader commits(trace);
    const Exit done = read(*reader, [&](const RecordView& record, TraceTime) {
      commits.take(record);
      return true;
    });
    if (done == Exit::ok) return true;
  } else if (reader.error().is(Errc::unknown_topic)) {
    return true;  // nobody has ever committed
  }
  add_committed_now(trace);
  return false;
}

// What the topic does not tell to us, the coordinators may.
void ClusterSource::add_committed_now(Trace& trace) {
  const auto groups = admin_.groups();
  if (!groups) return;
  for (const auto& group : *groups) {
    const auto offsets = admin_.group_offsets(group.id);
    if (!offsets) continue;
    for (const auto& [where, committed] : *offsets)
      trace.commit({.group = group.id, .where = where, .offset = committed.offset});
  }
}

void ClusterSource::add_details(Trace& trace) {
  std::set<std::string> appended;
  for (const auto& topic : topics_of(trace)) {
    const auto configs = admin_.configs({.type = ResourceType::topic, .name = topic});
    if (!configs) continue;
    const auto at = std::ranges::find(*configs, "message.timestamp.type", &ConfigEntry::name);
    if (at != configs->end() && at->value == "LogAppendTime") appended.insert(topic);
  }
  for (auto& record : trace.records())
    record.time = appended.contains(record.where.topic) ? TraceTime::log_append : TraceTime::create;
  const auto groups = admin_.groups();
  if (!groups) return;
  for (const auto& group : *groups)
    if (group.type == "share") add_queue(trace, group.id);
}

// Only a sluiced tells what a share group does with single records.
void ClusterSource::add_queue(Trace& trace, const std::string& group) {
  const auto topics = topics_of(trace);
  const auto queue = admin_.describe_queue(group, {topics.begin(), topics.end()});
  if (!queue) return;
  for (auto& record : trace.records()) {
    const auto at = std::ranges::find(*queue, record.where, &QueuePartition::where);
    if (at == queue->end()) continue;
    auto delivery = delivery_of(*at, record.offset);
    if (!delivery) continue;
    delivery->group = group;
    record.deliveries.push_back(std::move(*delivery));
  }
}

}  // namespace

OpenedSource open_cluster_source(const Global& global, const TraceOptions& options) {
  const auto range = parse_range({.from = options.from}, SystemClock{}.wall_ms());
  if (!range) return std::unexpected(complain(Exit::usage, range.error()));
  auto admin = Admin::create(global.client_options());
  if (!admin) return std::unexpected(complain(global, admin.error()));
  const auto all = admin->topics();
  if (!all) return std::unexpected(complain(global, all.error()));
  std::vector<std::string> topics = options.among;
  if (topics.empty())
    for (const auto& topic : *all)
      if (!topic.internal) topics.push_back(topic.name);
  std::map<TopicId, std::string> names;
  for (const auto& topic : *all)
    if (topic.name == schedules_topic || std::ranges::find(topics, topic.name) != topics.end())
      names[topic.id] = topic.name;
  return std::make_unique<ClusterSource>(global, std::move(*admin), Range{range->from, at_end},
                                         std::move(topics), std::move(names));
}

}  // namespace sluice::cli
