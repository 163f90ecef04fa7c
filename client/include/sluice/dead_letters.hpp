// DeadLetters: what lies in a dead-letter topic, and sending it back (redrive).
//
// A dead-letter topic holds copies of records that consumers failed on, with headers that say where
// each came from and why (`__dlq.errors.*`, the names of KIP-1191). A redrive sends such records to
// their source or elsewhere: key, value, timestamp and all headers but those, and a header
// `sluice-redrive-count`. Its progress is kept in a compacted topic, durable before each window of
// records goes out, so that it goes on after a kill without sending a record twice. What was
// redriven is remembered there too, and left out by the next redrive.
//
//   auto letters = DeadLetters::create({.brokers = {"localhost:9092"}});
//   auto report = letters->redrive({.topic = "dlq.orders"});
//
// Works on a sluiced and on Apache Kafka. Blocking; one thread at a time.
#pragma once

#include "sluice/export.hpp"
#include "sluice/result.hpp"
#include "sluice/types.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

// Where and why a record failed, as its headers say; of a name that repeats, the last.
// Lifetime: borrows the record's bytes.
struct DeadLetterOrigin {
  std::string_view topic;  // empty: not said
  PartitionIndex partition = -1;
  Offset offset = -1;
  std::string_view group;
  std::string_view reason;             // "rejected", "delivery-limit", …; empty: not said
  std::string_view message;            // free text
  std::int32_t attempts = -1;          // deliveries before it was given up
  std::int64_t first_failure_ms = -1;  // since the epoch; -1: not said
  std::int64_t last_failure_ms = -1;
  std::int32_t redrives = 0;  // how often it was redriven before it came here again
};
SLUICE_EXPORT DeadLetterOrigin dead_letter_origin(const RecordView& record);

// Both ends included.
struct OffsetRange {
  Offset first = 0;
  Offset last = 0;
  friend bool operator==(const OffsetRange&, const OffsetRange&) = default;
};

// All conditions must hold. A list of names: any of them; an empty one: all.
struct DeadLetterFilter {
  using Pair = std::pair<std::string, std::string>;
  std::vector<std::string> sources;
  std::vector<std::string> groups;
  std::vector<std::string> reasons;
  // Of the last failure, or of the record where that is not said: since <= time < until.
  std::optional<std::int64_t> since_ms;
  std::optional<std::int64_t> until_ms;
  std::optional<std::string> key;
  std::vector<Pair> headers;  // name and value; of a name that repeats, the last counts
  // A field of a JSON value: a path ("order.items[0].sku") and what is there: a string's text, or
  // a number, true, false or null as it is spelled.
  std::vector<Pair> fields;

  // Error: Errc::invalid_argument, for a path that is none.
  SLUICE_EXPORT Result<> check() const;
  SLUICE_EXPORT bool matches(const RecordView& record, const DeadLetterOrigin& origin) const;
};

struct DeadLetterSelection {
  std::string topic;                                           // the dead-letter topic
  std::map<PartitionIndex, std::vector<OffsetRange>> offsets;  // empty: every record
  DeadLetterFilter filter;
  bool again = false;  // also what was redriven before
};

// One record of a dead-letter topic. Lifetime: until the function it is given to returns.
struct DeadLetter {
  const RecordView& record;
  DeadLetterOrigin origin;
  bool redriven = false;
};

struct DeadLetterSummary {
  std::string topic;
  std::uint64_t depth = 0;      // records
  std::uint64_t redriven = 0;   // of them
  std::int64_t oldest_ms = -1;  // last failure of what was not redriven
  std::int64_t newest_ms = -1;
  std::map<std::string, std::uint64_t> reasons;                          // of what was not redriven
  std::map<std::pair<std::string, std::string>, std::uint64_t> sources;  // (topic, group)
};

struct RedriveOptions {
  std::optional<std::string> to;        // a topic; none: each record's source
  std::int32_t max_redrives = 3;        // records redriven so often are left: they go in circles
  std::int32_t records_per_second = 0;  // 0: as fast as they go
  bool dry_run = false;                 // only count
};

enum class RedriveState : std::int8_t { running = 0, finished = 1, abandoned = 2 };

struct RedriveCounts {
  std::int64_t examined = 0;    // records that were looked at
  std::int64_t already = 0;     // of them redriven before, and left out
  std::int64_t unselected = 0;  // not wanted by the filter
  std::int64_t redriven = 0;
  std::int64_t loop_guard = 0;  // left: redriven max_redrives times before
  std::int64_t failed = 0;      // left: no target, or refused there
  std::int64_t left() const { return loop_guard + failed; }
};

// Records that could not be sent for the same reason.
struct RedriveFailure {
  std::string why;
  PartitionIndex partition = 0;  // in the dead-letter topic, of the first
  Offset offset = 0;
  std::int64_t count = 0;
};

struct RedriveReport {
  std::string id;  // empty for a dry run
  std::string topic;
  RedriveState state = RedriveState::running;
  std::int64_t started_ms = 0;
  RedriveCounts counts;                         // since its start, also before a kill
  std::map<std::string, std::int64_t> targets;  // redriven, by topic
  std::vector<RedriveFailure> failures;         // of this run
  bool uncertain = false;  // abandoned, and whether the last window was sent is not known
};

namespace client {
class DeadLettersCore;
}

// Called after each window and at least every 100 ms while waiting. No: stop, to be resumed.
using RedriveWatch = std::function<bool(const RedriveReport&)>;

// Errors of all calls: as those of Admin; Errc::unknown_topic. What does not answer within the
// client's request timeout is an error; a redrive may take as long as it has work.
class SLUICE_EXPORT DeadLetters {
 public:
  // The topic that the progress of redrives is kept in. Made when missing; compacted.
  static constexpr std::string_view progress_topic = "sluice.redrive";

  // Connects at first use. Errors: Errc::invalid_argument.
  static Result<DeadLetters> create(ClientOptions options);
  ~DeadLetters();
  DeadLetters(DeadLetters&&) noexcept;
  DeadLetters& operator=(DeadLetters&&) noexcept;

  // Topics whose config says that groups may write dead letters to them.
  Result<std::vector<std::string>> topics();
  // Reads the whole topic.
  Result<DeadLetterSummary> describe(const std::string& topic);
  // Gives the selected records in order of partitions and offsets, up to where the topic ends now,
  // while `take` says yes.
  Result<> read(const DeadLetterSelection& selection,
                const std::function<bool(const DeadLetter&)>& take);

  // Sends the selected records of the topic as it is now. A report with state `running` means that
  // `watch` stopped it. On an error the rest can be resumed.
  // Errors besides: Errc::invalid_argument when another redrive of the topic is unfinished.
  Result<RedriveReport> redrive(const DeadLetterSelection& selection,
                                const RedriveOptions& options = {}, const RedriveWatch& watch = {});
  // Goes on with a redrive that was stopped or killed. A finished one is only reported.
  // Errors besides: Errc::invalid_argument for an id that is not known.
  Result<RedriveReport> resume(const std::string& id, const RedriveWatch& watch = {});
  // Ends an unfinished redrive: finds out what became of its last window and sends no other.
  // Errors: as resume().
  Result<RedriveReport> abandon(const std::string& id);
  // All that are known, finished ones until the next redrive of their topic begins.
  Result<std::vector<RedriveReport>> redrives();

  // Removes records before these offsets. Returns the new first offsets.
  Result<std::map<TopicPartition, Offset>> purge(const std::string& topic,
                                                 const std::map<PartitionIndex, Offset>& before);
  // For each partition the offset of the first record that did not fail before `time_ms`: what
  // purge() takes.
  Result<std::map<PartitionIndex, Offset>> offsets_since(const std::string& topic,
                                                         std::int64_t time_ms);

 private:
  explicit DeadLetters(std::unique_ptr<client::DeadLettersCore> core);
  std::unique_ptr<client::DeadLettersCore> core_;
};

}  // namespace sluice
