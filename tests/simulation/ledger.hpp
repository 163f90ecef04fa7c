// What clients know, kept outside of the broker: which records were sent, acknowledged and read.
// The first thing that contradicts it is the run's violation.
#pragma once

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "protocol/ids.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::simulation {

// A partition by name.
struct Place {
  std::string topic;
  PartitionIndex partition = 0;
  auto operator<=>(const Place&) const = default;
  std::string text() const { return topic + "-" + std::to_string(partition); }
};

// Names a record for good. The number grows with each record of its producer.
struct RecordId {
  std::uint32_t producer = 0;
  std::uint32_t number = 0;
  auto operator<=>(const RecordId&) const = default;
  std::string text() const { return std::to_string(producer) + ":" + std::to_string(number); }
};

// Key and value that follow from the id, so that a reader can tell every wrong byte.
std::string value_of(RecordId id);
std::string key_of(RecordId id);
// Nothing where the value is not one of ours, byte for byte.
std::optional<RecordId> id_of(Bytes value);

// A batch as it was sent: the records `first` and those after it.
struct SentBatch {
  RecordId first;
  std::uint32_t count = 1;
  bool once = false;  // idempotent: no record of it may be there twice
};

// One record as a reader got it.
struct ReadRecord {
  Offset offset = 0;
  RecordId id;
};

// Of a partition.
struct Bounds {
  Offset start = 0;
  Offset end = 0;  // the high watermark
};

// What is wrong, told once.
class Verdict {
 public:
  void fail(std::string what) {
    if (!violation_) violation_ = std::move(what);
  }
  bool failed() const { return violation_.has_value(); }
  const std::optional<std::string>& violation() const { return violation_; }

 private:
  std::optional<std::string> violation_;
};

class Ledger {
 public:
  explicit Ledger(Verdict& verdict) : verdict_(verdict) {}

  // Before the first attempt.
  void sent(const Place& place, const SentBatch& batch);
  // The broker has confirmed it: its records lie at `base` and after it.
  void acked(const Place& place, const SentBatch& batch, Offset base, TimePoint now);
  // When the record at `offset` was confirmed; nothing: it was not.
  std::optional<TimePoint> acked_at(const Place& place, Offset offset) const;
  // Somebody got this record from there. Nothing where it is not what was sent.
  std::optional<RecordId> read(const Place& place, Offset offset, std::optional<Bytes> key,
                               std::optional<Bytes> value);
  // What an answer to a question asked now must not fall behind of. Answers overtake each other:
  // take it before the question.
  Bounds promised(const Place& place) const;
  // What the broker answered.
  void bounds(const Place& place, Bounds answered, Bounds promised);

  // The whole partition was read, from `start` to its high watermark.
  void audit(const Place& place, Bounds answered, const std::vector<ReadRecord>& records);

  // What was acknowledged or read.
  const std::map<Offset, RecordId>& known(const Place& place) const;
  std::uint64_t acked_records() const { return acked_records_; }
  std::uint64_t read_records() const { return read_records_; }

 private:
  struct Partition {
    std::map<Offset, RecordId> known;  // acknowledged or read: must stay
    std::map<Offset, TimePoint> acked_at;
    std::map<RecordId, SentBatch> batches;  // by every record's id
    std::map<RecordId, Offset> once;        // where records of idempotent producers lie
    Bounds bounds;                          // the highest that were seen
  };

  void know(const Place& place, Partition& partition, Offset offset, RecordId id);
  void check_order(const Place& place, const Partition& partition, Offset offset, RecordId id);

  Verdict& verdict_;
  std::map<Place, Partition> partitions_;
  std::uint64_t acked_records_ = 0;
  std::uint64_t read_records_ = 0;
};

}  // namespace sluice::simulation
