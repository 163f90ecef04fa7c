// `sluice trace`: one record's path through topics, by its W3C trace id: where and when it was
// produced, what is known of when it was stored, who committed past it when, and what came of it.
#pragma once

#include "sluice/types.hpp"
#include "tools/sluice/cli.hpp"
#include "tools/sluice/trace_context.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sluice {
struct QueuePartition;
struct RecordView;
}  // namespace sluice

namespace sluice::cli {

struct TraceOptions {
  std::string trace;  // TRACE_ID or TRACEPARENT; empty: of the record that is named
  std::optional<std::string> topic;
  std::optional<PartitionIndex> partition;
  std::optional<Offset> offset;
  std::vector<std::string> among;  // topics to look in; empty: all but the broker's own
  std::optional<std::string> from;
  std::string data;  // a data directory to read instead of a cluster; empty: the cluster
  std::int64_t limit = 1000;
};
Exit trace(const Global& global, const TraceOptions& options);
void add_trace_options(CLI::App& command, TraceOptions& options);

// ---- What is found ----

// What a group's offsets tell of one record.
struct TraceCommit {
  std::string group;
  bool committed = false;  // past the record
  Offset offset = -1;      // that was committed; the last one that is not past it
  // When; -1: before now, no more is known.
  std::int64_t at_ms = -1;
  // No earlier commit past the record can have been compacted away.
  bool exact = false;
  // Committed past it, and set back to it or before later.
  bool set_back = false;
};

// Why a record is a dead letter, as its headers tell.
struct TraceLetter {
  TopicPartition source;
  Offset offset = -1;
  std::string group;
  std::string reason;
  std::string message;
  std::int32_t attempts = -1;
  std::int64_t last_failure_ms = -1;
};

// What a share group does with it.
struct TraceDelivery {
  std::string group;
  std::string state;
  std::int32_t deliveries = 0;
  std::int64_t until_ms = -1;
};

// What a share group does with the record at `offset`, without the group's name; nothing where the
// broker does not say.
std::optional<TraceDelivery> delivery_of(const QueuePartition& queue, Offset offset);

enum class TraceTime : std::uint8_t { create, log_append, unknown };

struct TraceRecord {
  TopicPartition where;
  Offset offset = 0;
  std::int64_t timestamp_ms = -1;
  TraceTime time = TraceTime::unknown;  // whose clock that was
  std::optional<std::string> key;
  std::int64_t value_bytes = -1;  // -1: null
  std::string span_id;            // that sent it; empty: no traceparent
  std::optional<std::int64_t> scheduled_for_ms;
  std::string schedule_id;  // under which it waited, or waits; empty: it did not
  std::optional<std::int32_t> retry_attempt;
  std::int32_t redrives = 0;
  std::optional<TraceLetter> letter;
  std::vector<TraceCommit> commits;       // by group
  std::vector<TraceDelivery> deliveries;  // by group

  // When it can have come to its topic, at the earliest, as its headers tell: for the order.
  std::int64_t moment_ms() const;
};

// One that waits for its time: its record has no offset yet, and is scheduled for when it is due.
using TraceWaiting = TraceRecord;

// A commit that was found.
struct SeenCommit {
  std::string group;
  TopicPartition where;
  Offset offset = -1;
  std::int64_t at_ms = -1;        // -1: not known; it is what is committed now
  bool all_before_known = false;  // all commits before it were seen: none was compacted away
};

class Trace {
 public:
  // Keeps `limit` records at most. An empty trace id: none but those that are added by hand.
  Trace(std::string trace_id, std::size_t limit) : id_(std::move(trace_id)), limit_(limit) {}

  const std::string& id() const { return id_; }
  const std::vector<TraceRecord>& records() const { return records_; }
  std::vector<TraceRecord>& records() { return records_; }
  // Whether there were more than it keeps.
  bool full() const { return full_; }

  // Takes the record when it is of this trace. False: not any more, it is full.
  bool take(const RecordView& record, TraceTime time);
  void add(const RecordView& record, TraceTime time);
  // Takes a record that waits, when it is of this trace.
  void wait(const RecordView& record, std::int64_t due_ms, std::string schedule_id);
  // Takes back what wait() took under this id.
  void waits_no_more(const std::string& schedule_id);
  // The next that is due first. After sort().
  const std::vector<TraceWaiting>& waiting() const { return waiting_; }
  bool empty() const { return records_.empty() && waiting_.empty(); }
  // Ends taking: puts the records in order.
  void sort();

  // Takes a group's commits in the order in which they were made. Requires: sort() was called.
  void commit(const SeenCommit& commit);
  // The first record sent by the same span, before this one, or of all when it waits; null: none.
  const TraceRecord* same_span_before(const TraceRecord& record) const;

 private:
  TraceCommit& commit_of(TraceRecord& record, const std::string& group);

  std::string id_;
  std::size_t limit_;
  bool full_ = false;
  std::vector<TraceRecord> records_;
  std::vector<TraceWaiting> waiting_;
  std::map<TopicPartition, std::vector<std::size_t>> places_;  // of records_, after sort()
};

struct TraceReport {
  Trace trace;
  std::size_t topics = 0;  // looked in
  bool interrupted = false;
  bool commit_times = false;  // the offsets topic could be read
};
std::string trace_text(const TraceReport& report);
// One JSON object and '\n'.
std::string trace_json(const TraceReport& report);

}  // namespace sluice::cli
