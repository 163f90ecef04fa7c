// Consumer: reads records from assigned partitions, or as a member of a consumer group.
//
// Blocking and without threads of its own: fetching, heartbeats and commits happen inside poll()
// and the other calls, on the caller's thread. A member that does not call poll() for longer than
// the session timeout loses its partitions to others.
//
//   auto consumer = Consumer::create({.client = {…}, .group_id = "billing"});
//   auto subscribed = consumer->subscribe({"orders"});
//   for (;;) {
//     auto records = consumer->poll(std::chrono::seconds(1));
//     for (const RecordView& record : *records) …
//   }
#pragma once

#include "base/result.hpp"
#include "client/assignor.hpp"
#include "client/error.hpp"
#include "client/types.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::client {

// Where to begin when a group has no offset, or the offset is gone.
enum class OffsetReset : std::uint8_t { latest, earliest, none };

struct ConsumerOptions {
  ClientOptions client;
  std::string group_id;                                 // empty: no group, no commits
  std::optional<std::string> instance_id;               // static membership (KIP-345)
  std::vector<Assignor> assignors = {Assignor::range};  // in order of preference
  std::chrono::milliseconds session_timeout{45'000};
  std::chrono::milliseconds rebalance_timeout{300'000};
  std::chrono::milliseconds heartbeat_interval{3'000};
  bool auto_commit = true;
  std::chrono::milliseconds auto_commit_interval{5'000};
  OffsetReset offset_reset = OffsetReset::latest;
  Isolation isolation = Isolation::read_uncommitted;
  bool check_crcs = true;
  std::chrono::milliseconds fetch_wait{500};  // how long the broker may wait for fetch_bytes_min
  std::size_t fetch_bytes_min = 1;
  std::size_t fetch_bytes_max = 50 * 1024 * 1024;  // of one answer
  std::size_t partition_bytes_max = 1024 * 1024;   // of one partition in an answer
  std::size_t prefetch_bytes = 2 * 1024 * 1024;    // of one partition, fetched and not polled
  std::size_t poll_records = 5000;  // about so many a poll: batches are given out whole
};

// One record, borrowed from the fetched buffer.
// Lifetime: until the next poll(), seek(), assign(), subscribe() or close() of its consumer.
struct RecordView {
  std::string_view topic;
  PartitionIndex partition = 0;
  Offset offset = 0;
  std::int64_t timestamp_ms = -1;
  std::optional<Bytes> key;
  std::optional<Bytes> value;
  protocol::RecordHeaders headers;
};

// A record that owns its bytes.
struct OwnedRecord {
  std::string topic;
  PartitionIndex partition = 0;
  Offset offset = 0;
  std::int64_t timestamp_ms = -1;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<OwnedHeader> headers;
};
OwnedRecord copy(const RecordView& record);

// What a rebalance did since it was last asked.
struct Rebalance {
  std::vector<TopicPartition> assigned;  // all that we hold now
  std::vector<TopicPartition> added;
  std::vector<TopicPartition> revoked;
};

class Consumer {
 public:
  using Records = std::span<const RecordView>;
  using Partitions = std::vector<TopicPartition>;
  using Offsets = std::map<TopicPartition, Offset>;

  // Connects at first use. Errors: Errc::invalid_argument.
  static Result<Consumer> create(ConsumerOptions options);
  // Leaves the group without committing; close() does it properly.
  ~Consumer();
  Consumer(Consumer&&) noexcept;
  Consumer& operator=(Consumer&&) noexcept;

  // Joins the group for these topics, or changes the topics. Error: Errc::invalid_argument without
  // a group.
  Result<> subscribe(std::vector<std::string> topics);
  // Reads exactly these partitions, outside group management. They begin at the group's committed
  // offsets, if there is a group, else where offset_reset says, unless seek() is called.
  // Errors: Errc::unknown_topic, ::unreachable, ::timed_out.
  Result<> assign(Partitions partitions, Deadline deadline = {});
  Partitions assignment() const;

  // Waits up to `wait` for records; none in time is an empty range, not an error.
  // Errors: the broker's that do not pass (not authorized, fenced instance, …);
  // Errc::corrupt_batch; Errc::no_offset; Errc::unreachable while no broker can be connected to at
  // all.
  Result<Records> poll(std::chrono::milliseconds wait);
  // What changed since the last call, if anything did.
  std::optional<Rebalance> take_rebalance();

  // The next record that poll() gives from this partition. Error: Errc::invalid_argument when the
  // partition is not assigned.
  Result<> seek(const TopicPartition& where, Offset offset);
  Result<> pause(const TopicPartition& where);
  Result<> resume(const TopicPartition& where);
  // Next offset of each assigned partition; -1 while it is not known.
  Offsets positions() const;
  // One past the last record that may be read, as of the last fetch; -1 while it is not known.
  Offsets end_positions() const;

  // Commits the positions, or these offsets. Errors: the broker's; Errc::timed_out.
  Result<> commit(Deadline deadline = {});
  Result<> commit(const Offsets& offsets, Deadline deadline = {});
  // Commits the positions without waiting; the outcome is dropped unless it ends the membership.
  void commit_later();
  // What the group has stored; partitions without an offset are left out.
  Result<std::map<TopicPartition, CommittedOffset>> committed(const Partitions& partitions,
                                                              Deadline deadline = {});

  // Offsets by time, or first and last ones.
  Result<std::map<TopicPartition, TimestampOffset>> offsets_for_times(
      const std::map<TopicPartition, std::int64_t>& times, Deadline deadline = {});
  Result<Offsets> beginning_offsets(const Partitions& partitions, Deadline deadline = {});
  Result<Offsets> end_offsets(const Partitions& partitions, Deadline deadline = {});
  // All partitions of a topic.
  Result<Partitions> partitions_of(std::string_view topic, Deadline deadline = {});

  // Commits (with auto_commit), leaves the group and disconnects.
  Result<> close(Deadline deadline = {});

 private:
  class Impl;
  explicit Consumer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::client
