#include "tools/inspect/log_statistics.hpp"

#include "tools/inspect/batch_records.hpp"
#include "tools/inspect/workers.hpp"

#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <tuple>

namespace sluice::inspect {
namespace {

constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::uint64_t sample_seed = 1;

constexpr auto is_bigger = [](const BigRecord& a, const BigRecord& b) {
  return std::tie(b.bytes, a.topic, a.partition, a.offset) <
         std::tie(a.bytes, b.topic, b.partition, b.offset);
};

std::int64_t size_or_null(const std::optional<Bytes>& bytes) {
  return bytes ? static_cast<std::int64_t>(bytes->size()) : -1;
}

std::int64_t hour_of(TimestampMs timestamp) {
  return timestamp >= 0 ? timestamp / hour_ms : (timestamp + 1) / hour_ms - 1;
}

// More threads take more memory than they save time.
constexpr std::size_t threads_max = 8;

struct Job {
  const DataDirectory* directory = nullptr;
  const PartitionLog* log = nullptr;
  std::uint32_t topic = 0;  // in LogStatistics::topics
  std::uint64_t number = 0;
  std::int64_t size = 0;
};

// What one thread finds.
class Collector {
 public:
  Collector(const StatisticsOptions& options, const std::vector<TopicStatistics>& topics)
      : options_(options), keys_(options.keys_max), sample_(options.sample_batches, sample_seed) {
    found_.topics = topics;
  }

  // False: go on no further.
  bool take(const Job& job);
  // Why it went on no further.
  const std::optional<Error>& failed() const { return failed_; }
  void merge(Collector&& other);
  LogStatistics finish();

 private:
  bool stopped() const { return options_.stop && *options_.stop; }
  Result<> partition(const Job& job);
  void batch(const PartitionLog& log, const PartitionWalk::Step& step);
  void record(const PartitionLog& log, const protocol::BatchHeader& header,
              const protocol::Record& record);
  void keyed(const protocol::Record& record);
  void hour(TimestampMs timestamp, std::uint64_t bytes);
  void big(const BigRecord& record);
  void add_hour(std::int64_t hour, const Tally& tally);

  StatisticsOptions options_;
  std::optional<Error> failed_;
  LogStatistics found_;
  HeavyHitters keys_;
  BatchSample sample_;
  BatchRecords records_;
  std::optional<CompactionGain> gain_;  // of the partition that is being read
  std::uint32_t topic_ = 0;
  std::uint64_t number_ = 0;
  // The batch that is being read, to say what a record takes as it is stored.
  std::uint64_t area_stored_ = 0;
  std::uint64_t area_plain_ = 0;
};

bool Collector::take(const Job& job) {
  if (stopped()) return false;
  if (auto done = partition(job); !done) failed_ = std::move(done.error());
  return !failed_;
}

Result<> Collector::partition(const Job& job) {
  const PartitionLog& log = *job.log;
  topic_ = job.topic;
  number_ = job.number;
  TopicStatistics& topic = found_.topics[topic_];
  ++topic.partitions;
  ++found_.partitions;
  gain_.emplace(options_.compaction_slots);
  PartitionWalk walk(*job.directory, log, options_.progress);
  const SegmentFile* segment = nullptr;
  while (!stopped()) {
    const auto step = walk.next();
    if (!step) return std::unexpected(step.error());
    if (!*step) break;
    if (std::exchange(segment, (*step)->segment) != (*step)->segment) {
      ++found_.segments;
      if (segment->active) gain_->close_segments();
    }
    batch(log, **step);
  }
  if (segment && !segment->active) gain_->close_segments();
  topic.compaction += gain_->estimate();
  gain_.reset();
  found_.damaged_bytes += walk.damaged_bytes();
  return {};
}

void Collector::batch(const PartitionLog& log, const PartitionWalk::Step& step) {
  const auto& header = step.batch.header;
  const auto area = records_.area(step.batch);
  if (!area) {
    ++found_.damaged_batches;
    return;
  }
  area_stored_ = step.batch.records().size();
  area_plain_ = std::max<std::uint64_t>(1, area->size());
  const BatchTally one{.batches = 1,
                       .records = static_cast<std::uint64_t>(std::max(0, header.record_count)),
                       .stored_bytes = step.batch.bytes.size(),
                       .plain_bytes = protocol::batch_header_size + area->size()};
  found_.batches += one;
  found_.codecs[header.compression()] += one;
  found_.topics[topic_].batches += one;
  if (!header.is_control() && header.record_count > 0)
    sample_.offer({.log = &log,
                   .segment = step.segment->base,
                   .position = step.position,
                   .size = static_cast<std::int64_t>(step.batch.bytes.size())},
                  number_);
  protocol::RecordIterator records(*area, header.record_count);
  while (const auto next = records.next()) record(log, header, *next);
  if (records.error()) ++found_.damaged_batches;
}

void Collector::record(const PartitionLog& log, const protocol::BatchHeader& header,
                       const protocol::Record& record) {
  const std::uint64_t bytes = record.bytes.size();
  const auto timestamp = protocol::timestamp_of(record, header);
  hour(timestamp, bytes);
  if (header.is_control()) return found_.control.add(bytes);
  (record.key && !record.value ? found_.tombstones : found_.records).add(bytes);
  big({.topic = topic_,
       .partition = log.partition,
       .offset = protocol::offset_of(record, header),
       .timestamp = timestamp,
       .bytes = bytes,
       .key_bytes = size_or_null(record.key),
       .value_bytes = size_or_null(record.value),
       .headers = record.headers.size()});
  if (record.key)
    keyed(record);
  else
    found_.without_key.add(bytes);
}

void Collector::keyed(const protocol::Record& record) {
  const std::uint64_t bytes = record.bytes.size();
  const std::uint64_t hash = hash_of_key(*record.key);
  keys_.add(topic_, hash, *record.key, bytes);
  // Its share of the compressed bytes: no record has more of its own.
  const auto stored = static_cast<std::uint32_t>(
      std::min<std::uint64_t>((bytes * area_stored_ + area_plain_ / 2) / area_plain_,
                              std::numeric_limits<std::uint32_t>::max()));
  found_.topics[topic_].keyed_bytes += stored;
  gain_->add(hash, stored, !record.value);
}

void Collector::hour(TimestampMs timestamp, std::uint64_t bytes) {
  add_hour(hour_of(timestamp), {.records = 1, .bytes = bytes});
}

void Collector::add_hour(std::int64_t hour, const Tally& tally) {
  const auto found = found_.hours.find(hour);
  if (found != found_.hours.end())
    found->second += tally;
  else if (found_.hours.size() < LogStatistics::hours_max)
    found_.hours[hour] = tally;
  else
    found_.other_hours += tally;
}

void Collector::big(const BigRecord& record) {
  auto& biggest = found_.biggest;
  if (biggest.size() >= options_.top) {
    if (biggest.empty() || !is_bigger(record, biggest.back())) return;
    biggest.pop_back();
  }
  biggest.insert(std::ranges::upper_bound(biggest, record, is_bigger), record);
}

void Collector::merge(Collector&& other) {
  const LogStatistics& from = other.found_;
  found_.partitions += from.partitions;
  found_.segments += from.segments;
  found_.damaged_bytes += from.damaged_bytes;
  found_.damaged_batches += from.damaged_batches;
  found_.batches += from.batches;
  found_.records += from.records;
  found_.tombstones += from.tombstones;
  found_.control += from.control;
  found_.without_key += from.without_key;
  for (const auto& [codec, tally] : from.codecs) found_.codecs[codec] += tally;
  for (const auto& [hour, tally] : from.hours) add_hour(hour, tally);
  found_.other_hours += from.other_hours;
  for (std::size_t i = 0; i < found_.topics.size(); ++i) found_.topics[i] += from.topics[i];
  for (const BigRecord& record : from.biggest) big(record);
  keys_.merge(other.keys_);
  sample_.merge(other.sample_);
}

LogStatistics Collector::finish() {
  found_.sample = sample_.places();
  found_.top_keys = keys_.top(options_.top);
  found_.keys_exact = keys_.exact();
  // What a record takes in a compressed batch is a share of it.
  for (TopicStatistics& topic : found_.topics)
    topic.compaction.exact =
        topic.compaction.exact && topic.batches.stored_bytes == topic.batches.plain_bytes;
  return std::move(found_);
}

}  // namespace

BatchTally& BatchTally::operator+=(const BatchTally& other) {
  batches += other.batches;
  records += other.records;
  stored_bytes += other.stored_bytes;
  plain_bytes += other.plain_bytes;
  return *this;
}

TopicStatistics& TopicStatistics::operator+=(const TopicStatistics& other) {
  partitions += other.partitions;
  batches += other.batches;
  keyed_bytes += other.keyed_bytes;
  compaction += other.compaction;
  return *this;
}

Result<LogStatistics> take_statistics(std::span<const DataDirectory> directories,
                                      const StatisticsOptions& options) {
  std::vector<TopicStatistics> topics;
  std::map<std::string_view, std::uint32_t> numbers;  // of topics
  std::vector<Job> jobs;
  for (const DataDirectory& directory : directories) {
    for (const PartitionLog& log : directory.partitions) {
      const auto [at, fresh] =
          numbers.try_emplace(log.topic, static_cast<std::uint32_t>(topics.size()));
      if (fresh) topics.push_back({.topic = log.topic});
      Job job{.directory = &directory, .log = &log, .topic = at->second, .number = jobs.size()};
      for (const SegmentFile& segment : log.segments) job.size += segment.size;
      jobs.push_back(job);
    }
  }
  // The largest first: so no thread is left alone with one at the end.
  std::ranges::sort(jobs, std::ranges::greater{}, &Job::size);
  const std::size_t threads = std::min(threads_max, threads_for(options.threads, jobs.size()));
  std::deque<Collector> collectors;  // they stay where they are
  for (std::size_t i = 0; i < threads; ++i) collectors.emplace_back(options, topics);
  work_off(jobs, collectors,
           [](const Job& job, Collector& collector) { return collector.take(job); });
  for (Collector& collector : collectors) {
    if (collector.failed()) return std::unexpected(*collector.failed());
    if (&collector != &collectors.front()) collectors.front().merge(std::move(collector));
  }
  return collectors.front().finish();
}

}  // namespace sluice::inspect
