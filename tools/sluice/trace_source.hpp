// Where `sluice trace` reads from: a cluster, or a data directory.
#pragma once

#include "sluice/record.hpp"
#include "tools/sluice/trace.hpp"

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace sluice::cli {

class TraceSource {
 public:
  // False: no more is wanted.
  using Sink = std::function<bool(const RecordView&, TraceTime)>;

  virtual ~TraceSource() = default;

  // These end with Exit::ok, or with the exit status after a complaint.
  // Gives the record at that place to `sink`, if it is there.
  virtual Exit find(const TopicPartition& where, Offset offset, const Sink& sink) = 0;
  // Gives all records of the topics to `sink`.
  virtual Exit scan(const Sink& sink) = 0;
  // Topics that scan() looks at.
  virtual std::size_t topics() const = 0;
  // Tells `trace` which records wait for their time. Comes before scan(): what is delivered in
  // between is seen twice, and not missed.
  virtual Exit add_waiting(Trace& trace) = 0;
  // Tells `trace`, which is sorted, what groups have committed, and when. Whether the offsets topic
  // could be read, and so there are times.
  virtual bool add_commits(Trace& trace) = 0;
  // Adds what else is known: whose clock stamped the records, what share groups do with them.
  virtual void add_details(Trace& trace) = 0;
};

using OpenedSource = std::expected<std::unique_ptr<TraceSource>, Exit>;
// Lifetime: borrow both. The error is the exit status after a complaint.
OpenedSource open_cluster_source(const Global& global, const TraceOptions& options);
OpenedSource open_directory_source(const Global& global, const TraceOptions& options);

// The topic with the offsets of groups, read from its first record on.
inline constexpr const char* offsets_topic = "__consumer_offsets";
class CommitReader {
 public:
  explicit CommitReader(Trace& trace) : trace_(trace) {}
  void take(const RecordView& record);

 private:
  Trace& trace_;
  // By partition: where the first record is missing; so far, the next record.
  std::map<PartitionIndex, Offset> whole_until_;
};

// The topic with the records that wait (broker/queue/schedule_records.hpp), read from its first
// record on.
inline constexpr const char* schedules_topic = "__sluice_schedules";
class WaitingReader {
 public:
  // Tells of topics that `names` has.
  WaitingReader(Trace& trace, std::map<TopicId, std::string> names)
      : trace_(trace), names_(std::move(names)) {}
  void take(const RecordView& record);

 private:
  using Place = std::pair<PartitionIndex, Offset>;

  Trace& trace_;
  std::map<TopicId, std::string> names_;
  // Under which id the record there waits: where a copy lies, the log does not say it.
  std::map<Place, std::string> ids_;
};

}  // namespace sluice::cli
