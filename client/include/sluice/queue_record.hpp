// What a queue consumer gives out, and what may become of it.
#pragma once

#include "sluice/export.hpp"
#include "sluice/record.hpp"
#include "sluice/result.hpp"
#include "sluice/types.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

// A record that this consumer holds until it says what became of it, or until its lock runs out.
// Lifetime: of what poll() gave, until the next poll begins; of what a handler gets, until its
// settlement.
struct QueueRecord : RecordView {
  std::int16_t delivery_count = 1;  // 1: nobody had it before
};

// Which record is meant: any of what names one. Borrows the topic's name.
struct RecordPlace {
  RecordPlace(std::string_view in, PartitionIndex index, Offset at)
      : topic(in), partition(index), offset(at) {}
  RecordPlace(const RecordView& record)
      : RecordPlace(record.topic, record.partition, record.offset) {}
  RecordPlace(const OwnedRecord& record)
      : RecordPlace(record.topic, record.partition, record.offset) {}
  std::string_view topic;
  PartitionIndex partition;
  Offset offset;
};

// What became of a record.
class Disposition {
 public:
  enum class Kind : std::uint8_t { accepted, released, rejected };

  // Done with: no member gets it again.
  static Disposition accept() { return {}; }
  // Back to the group, at once or after the group's backoff; with a delay, not before it is over.
  static Disposition release(std::optional<std::chrono::milliseconds> delay = std::nullopt) {
    Disposition made;
    made.kind_ = Kind::released;
    made.delay_ = delay;
    return made;
  }
  // No member can use it: to the group's dead-letter topic if it has one, with the reason.
  static Disposition reject(std::string reason = {}) {
    Disposition made;
    made.kind_ = Kind::rejected;
    made.reason_ = std::move(reason);
    return made;
  }

  Kind kind() const { return kind_; }
  const std::optional<std::chrono::milliseconds>& delay() const { return delay_; }
  const std::string& reason() const { return reason_; }

 private:
  Kind kind_ = Kind::accepted;
  std::optional<std::chrono::milliseconds> delay_;
  std::string reason_;
};

namespace client {
struct RunningRecord;
}

// The duty of a handler: to say, once, what becomes of its record. From any thread. One that is
// dropped without a word releases the record.
class SLUICE_EXPORT Settlement {
 public:
  explicit Settlement(std::shared_ptr<client::RunningRecord> record);
  Settlement(Settlement&&) noexcept;
  Settlement& operator=(Settlement&&) noexcept;
  ~Settlement();

  // The record's views are invalid after this.
  void operator()(Disposition disposition);

 private:
  std::shared_ptr<client::RunningRecord> record_;
};

// What a run did.
struct QueueTotals {
  std::uint64_t accepted = 0;
  std::uint64_t released = 0;  // by handlers, or not begun when the run ended
  std::uint64_t rejected = 0;
  // Handled, and not confirmed: the lock was lost or the answer was. They may come again.
  std::uint64_t unconfirmed = 0;
  std::uint64_t unreadable = 0;  // in a corrupt batch: released, too
};

// What became of the acknowledgements of each partition: of the first one that failed, why.
using Acknowledged = std::map<TopicPartition, Result<>>;

}  // namespace sluice
