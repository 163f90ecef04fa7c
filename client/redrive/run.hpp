// The course of a redrive, over a RedrivePort: choose a window, make it durable, send it, note what
// became of it.
//
// Once each, whatever happens in between. A window is durable before it goes out, with the sequence
// of each of its batches and the offset before which its target cannot hold it. When it is not
// known whether a batch was stored (a kill, a lost answer), the target is searched for it from that
// offset on, and only if it is not there the same batch goes out again, under the same sequence.
// Sequences alone would not do: brokers forget a producer whose records are old (its last
// timestamp counts), and the records of a redrive are. The search alone would not do either: the
// lost request may still be on its way.
//
// What a window did becomes durable with the next one. All saves are batches of the redrive's own
// producer id; whoever resumes it takes the next epoch for them, and an earlier process that still
// runs is refused at its next save.
#pragma once

#include "client/redrive/ledger.hpp"
#include "client/redrive/port.hpp"
#include "client/redrive/progress.hpp"
#include "sluice/dead_letters.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::client {

struct RedriveLimits {
  std::int32_t window_records = 5000;
  std::size_t batch_bytes = 512 * 1024;             // larger records go alone
  std::chrono::milliseconds give_up_after{10'000};  // of one window
  std::chrono::milliseconds retry_backoff{50};
  std::chrono::milliseconds watch_interval{100};
};

class RedriveRun {
 public:
  enum class Mode : bool { real, dry };

  RedriveRun(RedrivePort& port, RedriveLedger& ledger, RedriveProgress progress,
             RedriveLimits limits, Mode mode = Mode::real);

  // Makes a new redrive durable. Errors: as all here, those of the port.
  Result<> save();
  // Takes over a redrive that somebody else began, before run() or abandon().
  Result<> claim();
  // Goes on to the end, or until `watch` says no. After an error the redrive can be resumed.
  // Errors besides: ErrorCode::invalid_producer_epoch when another process took it over;
  // ErrorCode::offset_out_of_range when it cannot be told any more whether the window under way was
  // stored: records are gone, there or in the dead-letter topic.
  Result<> run(const RedriveWatch& watch);
  // Finds out what became of the window under way and ends it there; whether its records can still
  // be read, `readable` says.
  Result<> abandon(bool readable = true);

  const RedriveProgress& progress() const { return progress_; }
  RedriveReport report() const;

 private:
  using Records = std::vector<RecordView>;

  // Chooses progress_.window; its records, unless they have to be read again.
  Result<std::optional<Records>> next_window();
  Result<Records> scan(PartitionIndex partition, RedrivePlace& place);
  // Whether the window has no room for the record.
  Result<bool> window_is_full(const RecordView& record);
  // Whether the record is to go out; else counts why not.
  Result<bool> is_wanted(const RecordView& record, const DeadLetterOrigin& origin);
  Result<RedriveTarget*> find_target(const std::string& topic);
  Result<> open_lanes();
  enum class Sent : bool { never, perhaps };
  // The batches of progress_.window, from records read again.
  Result<std::vector<RedriveBatch>> batches_again(Sent sent);
  Result<> settle(std::vector<RedriveBatch> batches, Sent sent);
  Result<> look_for(RedriveBatch& batch);
  // Concludes those batches of the window under way that are stored.
  Result<> look_for_window();
  void conclude(RedriveBatch& batch);
  void count_dry(const std::vector<RedriveBatch>& batches);
  void fail_record(std::string_view why, PartitionIndex partition, Offset offset,
                   std::int64_t count = 1);
  std::int32_t window_records_max() const;
  // Keeps to records_per_second. False: the watch said no.
  Result<bool> pace(const RedriveWatch& watch);

  RedrivePort& port_;
  RedriveLedger& ledger_;
  RedriveProgress progress_;
  RedriveLimits limits_;
  Mode mode_;
  std::map<std::string, std::optional<std::int32_t>> known_targets_;
  std::map<std::pair<std::string, PartitionIndex>, std::size_t> window_bytes_;
  std::vector<RedriveFailure> failures_;
  TimePoint began_;
  std::int64_t redriven_before_ = 0;
};

}  // namespace sluice::client
