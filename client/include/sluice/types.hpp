// The values that the client library takes and gives.
#pragma once

#include "sluice/clock.hpp"
#include "sluice/error_code.hpp"
#include "sluice/export.hpp"
#include "sluice/ids.hpp"
#include "sluice/record.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;
  // "orders-3", as Kafka writes it.
  std::string to_string() const { return topic + "-" + std::to_string(partition); }
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
  friend bool operator==(const TopicPartition&, const TopicPartition&) = default;
};

// What compresses the records of a batch; the numbers are Kafka's.
enum class Codec : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };
// "none", "gzip", … ; nothing for another word.
SLUICE_EXPORT std::optional<Codec> codec_from_name(std::string_view name);
SLUICE_EXPORT std::string_view codec_name(Codec codec);

// When the broker answers a producer: never, when the leader has it, when every replica in sync
// has.
enum class Acks : std::int16_t { none = 0, leader = 1, all = -1 };

// Positions that are asked for by name; anything >= 0 is a time in milliseconds since the epoch.
enum class OffsetSpec : std::int64_t { latest = -1, earliest = -2, max_timestamp = -3 };

struct TimestampOffset {
  Offset offset = -1;  // -1: no such record
  std::int64_t timestamp_ms = -1;
};

// What a group has stored for a partition: the next offset to read.
struct CommittedOffset {
  Offset offset = -1;
  LeaderEpoch leader_epoch = -1;
  std::string metadata;
};

// Whether records of open and aborted transactions are seen.
enum class Isolation : std::int8_t { read_uncommitted = 0, read_committed = 1 };

struct BrokerInfo {
  BrokerId id = -1;
  std::string host;
  std::uint16_t port = 0;
  std::optional<std::string> rack;
};

struct PartitionInfo {
  PartitionIndex partition = 0;
  BrokerId leader = -1;  // -1: none at the moment
  LeaderEpoch leader_epoch = -1;
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> in_sync;
  std::vector<BrokerId> offline;
};

struct TopicInfo {
  std::string name;
  TopicId id;
  bool internal = false;
  ErrorCode error = ErrorCode::none;
  std::vector<PartitionInfo> partitions;  // in order of their numbers, from 0 without gaps
};

// How long a call may take, and how to give it up before. The default is the client's request
// timeout, or what the call says.
//
// A call that is given up ends at once with Errc::cancelled. What it had begun may still happen.
class Deadline {
 public:
  Deadline() = default;  // the client's own time limit
  explicit Deadline(TimePoint at) : at_(at) {}
  // `wait` from now, at most a hundred years: any duration may be given, also its type's max().
  template <class Rep, class Period>
  static Deadline in(std::chrono::duration<Rep, Period> wait) {
    using Steady = std::chrono::steady_clock::duration;
    constexpr std::chrono::years longest{100};
    const std::chrono::duration<double> seconds = wait;  // compared without overflow
    const TimePoint now = SystemClock{}.now();
    if (seconds <= seconds.zero()) return Deadline(now);
    return Deadline(
        now + (seconds < longest ? std::chrono::duration_cast<Steady>(wait) : Steady(longest)));
  }
  // The same, and ends when a stop is requested, from whatever thread.
  Deadline with(std::stop_token stop) const {
    Deadline both = *this;
    both.stop_ = std::move(stop);
    return both;
  }
  const std::stop_token& stop_token() const { return stop_; }
  TimePoint or_after(std::chrono::milliseconds standard) const {
    return at_ ? *at_ : *in(standard).at_;
  }

 private:
  std::optional<TimePoint> at_;
  std::stop_token stop_;
};

namespace client {
class Host;
}

// How to reach a cluster; shared by producers, consumers and admins.
struct ClientOptions {
  std::vector<std::string> brokers = {"127.0.0.1:9092"};  // HOST:PORT, IPv6 as [::1]:9092
  std::string client_id = "sluice";
  std::chrono::milliseconds request_timeout{30'000};
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds retry_backoff{50};
  std::chrono::milliseconds retry_backoff_max{1'000};
  std::chrono::milliseconds metadata_max_age{300'000};
  // What the client runs on: null for a loop of its own, which runs inside its blocking calls; else
  // of a Runtime (sluice/runtime.hpp) or of a Broker in this process (sluice/broker.hpp).
  std::shared_ptr<client::Host> host;
};

}  // namespace sluice
