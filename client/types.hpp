// The values that the client library takes and gives.
#pragma once

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "protocol/error_code.hpp"
#include "protocol/ids.hpp"
#include "protocol/record.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::client {

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
  friend bool operator==(const TopicPartition&, const TopicPartition&) = default;
};

// A header that borrows its bytes: `key`, which may repeat, and a `value` that may be null.
using Header = protocol::RecordHeader;

struct OwnedHeader {
  std::string key;
  std::optional<std::string> value;
};

// What compresses the records of a batch; the numbers are Kafka's.
enum class Codec : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };
// "none", "gzip", … ; nothing for another word.
std::optional<Codec> codec_from_name(std::string_view name);
std::string_view codec_name(Codec codec);

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
  protocol::ErrorCode error = protocol::ErrorCode::none;
  std::vector<PartitionInfo> partitions;  // in order of their numbers, from 0 without gaps
};

// A moment by which a call must have answered. The default is the client's request timeout.
class Deadline {
 public:
  Deadline() = default;  // the client's own time limit
  explicit Deadline(TimePoint at) : at_(at) {}
  template <class Rep, class Period>
  static Deadline in(std::chrono::duration<Rep, Period> wait) {
    return Deadline(SystemClock{}.now() +
                    std::chrono::duration_cast<std::chrono::steady_clock::duration>(wait));
  }
  TimePoint or_after(std::chrono::milliseconds standard) const {
    return at_ ? *at_ : SystemClock{}.now() + standard;
  }

 private:
  std::optional<TimePoint> at_;
};

// How to reach a cluster; shared by producers, consumers and admins.
struct ClientOptions {
  std::vector<std::string> brokers = {"127.0.0.1:9092"};  // HOST:PORT, IPv6 as [::1]:9092
  std::string client_id = "sluice";
  std::chrono::milliseconds request_timeout{30'000};
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds retry_backoff{50};
  std::chrono::milliseconds retry_backoff_max{1'000};
  std::chrono::milliseconds metadata_max_age{300'000};
};

}  // namespace sluice::client
