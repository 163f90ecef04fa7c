// Consumer: reads records from assigned partitions, or as a member of a consumer group.
//
// By default blocking and without threads of its own: fetching, heartbeats and commits happen
// inside poll() and the other calls, on the caller's thread, one at a time. A member that does not
// call poll() for longer than the session timeout loses its partitions to others. On a Runtime
// (sluice/runtime.hpp) its thread fetches ahead and keeps the membership, and any thread may call.
//
//   auto consumer = Consumer::create({.client = {…}, .group_id = "billing"});
//   auto subscribed = consumer->subscribe({"orders"});
//   for (;;) {
//     auto records = consumer->poll(std::chrono::seconds(1));
//     for (const RecordView& record : *records) …
//   }
#pragma once

#include "sluice/completion.hpp"
#include "sluice/error.hpp"
#include "sluice/export.hpp"
#include "sluice/result.hpp"
#include "sluice/types.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// How the leader of a group shares the partitions out.
// sticky: balanced, moving as little as that takes; everybody stops for a rebalance.
// cooperative_sticky: the same, and only what moves stops.
enum class Assignor : std::uint8_t { range, round_robin, cooperative_sticky, sticky };
// The names on the wire: "range", "roundrobin", "cooperative-sticky", "sticky".
SLUICE_EXPORT std::string_view assignor_name(Assignor assignor);
SLUICE_EXPORT std::optional<Assignor> assignor_from_name(std::string_view name);

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

// What a rebalance did since it was last asked.
struct Rebalance {
  std::vector<TopicPartition> assigned;  // all that we hold now
  std::vector<TopicPartition> added;
  std::vector<TopicPartition> revoked;
};

namespace client {
class ConsumerCore;
// Ends a client; inside a completion without waiting for it.
struct SLUICE_EXPORT RetireConsumer {
  void operator()(ConsumerCore* core) const;
};
}  // namespace client

class SLUICE_EXPORT Consumer {
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
  // The same for all topics whose whole name matches this ECMAScript regular expression, as they
  // come and go; they are looked for every metadata_max_age. Error: Errc::invalid_argument.
  Result<> subscribe_pattern(const std::string& pattern);
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
  Result<Records> poll(Deadline deadline);
  // The same, and reports. The records are valid until the next poll begins.
  void poll(Done<Records> done, Deadline deadline);
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

  // Records that may be read and were not given out yet, as of the last fetch; -1 while not known.
  std::map<TopicPartition, std::int64_t> lag() const;

  // Commits the positions, or these offsets. Errors: the broker's; Errc::timed_out;
  // Errc::invalid_argument for a negative offset.
  Result<> commit(Deadline deadline = {});
  Result<> commit(const Offsets& offsets, Deadline deadline = {});
  // Commits the positions and reports.
  void commit(Done<> done, Deadline deadline = {});
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
  using Core = std::unique_ptr<client::ConsumerCore, client::RetireConsumer>;
  explicit Consumer(Core core);
  Core core_;
};

}  // namespace sluice
