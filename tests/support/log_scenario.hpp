// Random work on one log, with power cuts, kills and failing I/O, against a model that is a vector.
// The same seed does the same. What it finds wrong it returns, so that a test may also want it to
// find something (tests/planted).
#pragma once

#include "base/random.hpp"
#include "tests/support/log_bench.hpp"

#include <cstdint>
#include <deque>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::testing {

// What was accepted, by offset; what lies below `acknowledged` must stay for ever.
class LogModel {
 public:
  struct Batch {
    Offset base = 0;
    std::string tag;
    std::size_t count = 0;
    std::size_t size = 0;  // of a value
    BatchProducer producer;
    Offset end() const { return base + static_cast<Offset>(count); }
  };

  Offset end() const { return batches_.empty() ? 0 : batches_.back().end(); }
  Offset acknowledged() const { return acknowledged_; }
  Offset start() const { return start_; }
  const std::vector<Batch>& batches() const { return batches_; }
  // The newest batch of an idempotent producer that is still in the log.
  const Batch* newest_idempotent() const;

  void accept(Batch batch) { batches_.push_back(std::move(batch)); }
  void acknowledge(Offset end) { acknowledged_ = std::max(acknowledged_, end); }
  void delete_below(Offset offset) { start_ = std::max(start_, offset); }
  // After a crash, a restart or a reopening: the log may have lost what was not acknowledged.
  // Returns the batches it lost, or what is wrong.
  std::expected<std::vector<Batch>, std::string> settle(Offset end);
  // What is wrong with these records, which begin at `from`.
  std::optional<std::string> check(const std::vector<StoredRecord>& records, Offset from) const;

 private:
  std::vector<Batch> batches_;
  Offset acknowledged_ = 0;
  Offset start_ = 0;
};

// `records`: judges by what is read and acknowledged alone, not by epochs and what files hold.
enum class LogChecks : std::uint8_t { all, records };

class LogScenario {
 public:
  explicit LogScenario(std::uint64_t seed, LogChecks checks = LogChecks::all);

  // Runs it to its end, or to the first thing that is wrong: that is returned.
  std::optional<std::string> run();

 private:
  storage::LogOptions log_options();
  storage::StoreOptions store_options();

  void require(bool holds, std::string_view what, std::int64_t a = 0, std::int64_t b = 0);
  void note(std::optional<std::string> wrong);
  bool broken() const { return violation_.has_value(); }

  void step();
  void after_step();
  void after_crash();
  void open();
  void come_up();
  void settle();
  void note_watermark();
  void crash();
  void kill();
  void restart();
  bool went_down();
  void append_some(bool wait);
  std::optional<storage::AppendInfo> append_one();
  std::vector<std::byte> encode(LogModel::Batch& batch);
  void send_again();
  void read_some();
  void check_start();
  void check_epoch();
  void check_tail();
  void check_all();
  void maintain();
  void delete_some();
  void plant_fault();
  void spoil_hints();
  void rot();
  void read_past_rot(const std::string& file, Offset rotten);

  const LogChecks checks_;
  SeededRandom random_;
  bool large_ = false;  // set while the options are made, before bench_
  bool retains_ = false;
  std::size_t unit_ = 1;  // batches take a multiple of so many bytes
  LogBench bench_;
  LogModel model_;
  std::optional<std::string> violation_;
  std::deque<LogModel::Batch> lost_;  // to be sent again
  LeaderEpoch epoch_ = 0;
  LeaderEpoch epoch_used_ = -1;  // of the last batch
  BatchProducer producer_{.id = 5, .epoch = 0, .sequence = 0};
  int tag_ = 0;
  std::uint64_t crashes_ = 0;
  bool unsynced_ = false;  // the process was killed, the power has not gone since
  bool start_uncertain_ = false;
  Offset maybe_start_ = 0;
};

}  // namespace sluice::testing
