// A log on a simulated disk, for the tests of storage: make batches, open, append, read back,
// crash.
#pragma once

#include "base/random.hpp"
#include "protocol/batch_builder.hpp"
#include "storage/store.hpp"
#include "tests/support/must.hpp"
#include "tests/support/sim_disk.hpp"
#include "tests/support/sim_executor.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sluice::testing {

// The error's code; no error if there is a value.
template <class T>
std::error_code code_of(const Result<T>& result) {
  return result ? std::error_code() : result.error().code;
}

struct TestRecord {
  std::string key;
  std::string value;
  TimestampMs timestamp = SimClock::first_wall_ms;
  bool tombstone = false;
};

struct BatchProducer {
  ProducerId id = -1;
  ProducerEpoch epoch = -1;
  Sequence sequence = -1;
};

// One encoded batch.
std::vector<std::byte> make_batch(const std::vector<TestRecord>& records,
                                  BatchProducer producer = {},
                                  protocol::Compression codec = protocol::Compression::none);
// `count` records whose values hold `tag` and their number, padded to `value_size`.
std::vector<std::byte> make_batch(std::string tag, std::size_t count, std::size_t value_size = 16,
                                  BatchProducer producer = {});

struct StoredRecord {
  Offset offset = 0;
  LeaderEpoch epoch = 0;
  TimestampMs timestamp = 0;
  std::string key;
  std::string value;
  bool tombstone = false;
  bool operator==(const StoredRecord&) const = default;
};

// Decodes batches, checking each CRC.
std::vector<StoredRecord> decode_records(Bytes batches);

// One store and one log. What it does it does to the end: run() drives the simulated loop.
class LogBench {
 public:
  explicit LogBench(std::uint64_t seed = 1, storage::LogOptions options = {},
                    storage::StoreOptions store_options = {});
  ~LogBench();

  SimExecutor& sim() { return sim_; }
  SimDisk& disk() { return disk_; }
  storage::Log& log() { return *log_; }
  storage::Store& store() { return *store_; }
  SimClock& clock() { return sim_.clock(); }
  const storage::LogOptions& options() const { return options_; }
  void set_options(const storage::LogOptions& options);
  storage::PartitionName name() const { return name_; }
  std::string file(std::string_view base_name) const;

  // Mounts the disk if needed, opens store and log.
  Result<> try_open();
  void open();
  // Cleanly: the next open finds the mark.
  Result<> try_close();
  void close();
  // The power goes; whatever was in flight ends with errors. open() mounts again.
  void crash(SimSurvival survival = SimSurvival::random);
  // The process dies and the system goes on.
  void kill();
  // After the disk crashed by itself (crash_at): drops everything that was open.
  void drop();

  // Appends without waiting for the disk.
  Result<storage::AppendInfo> append(const std::vector<std::byte>& batch);
  // Appends and waits until it is durable.
  Result<storage::AppendInfo> append_durable(const std::vector<std::byte>& batch);
  Result<storage::ReadResult> read(Offset from, std::size_t max_bytes = 1 << 20,
                                   Offset limit = std::numeric_limits<Offset>::max(),
                                   storage::AtLeastOneBatch least = storage::AtLeastOneBatch::yes,
                                   storage::Handout handout = storage::Handout::memory);
  // Everything from `from` to the high watermark.
  Result<std::vector<StoredRecord>> read_all(Offset from);
  std::vector<StoredRecord> must_read_all() { return must(read_all(log().log_start_offset())); }

 private:
  SimExecutor sim_;
  SimDisk disk_;
  SeededRandom random_;
  NullLogger logger_;
  storage::LogOptions options_;
  storage::StoreOptions store_options_;
  storage::PartitionName name_;
  std::unique_ptr<storage::FileSystem> files_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<storage::Log> log_;
};

// `count` batches of one record of `size` bytes, tagged by their number, each durable.
void append_some(LogBench& bench, int count, std::size_t size = 1000);
// Waits until the store's frontier may be saved, and has it saved.
void save_frontier(LogBench& bench);
// What the disk shows of one of the log's files.
std::vector<std::byte> file_of(LogBench& bench, std::string_view name);

}  // namespace sluice::testing
