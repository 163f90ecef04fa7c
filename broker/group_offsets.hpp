// The committed offsets of one group. Sans-IO: what is committed becomes visible to fetch() only
// when the write that stores it is durable; GroupCoordinator tells when, in the order of the log.
//
// An offset expires (offsets.retention.minutes) counted from: the moment the group became Empty;
// for a Stable consumer group the commit, and only topics nobody subscribes to any more; for a
// group nobody ever joined ("simple") the commit. A retention time given with the commit (v2-4)
// goes instead. Source: KIP-211, KIP-496.
#pragma once

#include "broker/group.hpp"
#include "broker/group_types.hpp"
#include "broker/offsets_records.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

// One change on its way to the log: set, or deleted when `value` is nullopt.
struct OffsetChange {
  std::string topic;
  std::int32_t partition = 0;
  std::optional<OffsetValue> value;
};

class GroupOffsets {
 public:
  // Decides each partition of a commit: what may be stored is added to `changes` and counted as
  // being written, the others get their error in the reply.
  CommitReply begin_commit(const CommitRequest& request, const GroupOptions& options,
                           std::int64_t wall_ms, std::vector<OffsetChange>& changes);
  // Likewise for OffsetDelete: GROUP_SUBSCRIBED_TO_TOPIC where `group` says so; deleting what does
  // not exist is no error and no change.
  DeleteOffsetsReply begin_delete(const DeleteOffsetsRequest& request, const GroupCore& group,
                                  std::vector<OffsetChange>& changes);
  // Deletes every offset.
  void begin_delete_all(std::vector<OffsetChange>& changes);
  // Deletes the offsets of a topic that is gone; those stored for another topic of its name stay.
  void begin_delete_topic(std::string_view topic, const TopicId& id,
                          std::vector<OffsetChange>& changes);
  // Deletes what has expired. True when the group then has no offsets.
  bool begin_expiry(const GroupCore& group, const GroupOptions& options, std::int64_t wall_ms,
                    std::vector<OffsetChange>& changes);

  // The changes are durable, or have failed. Requires: in the order in which they were begun.
  void apply(const std::vector<OffsetChange>& changes);
  void forget(const std::vector<OffsetChange>& changes);
  // A record of the log, at load.
  void load(const std::string& topic, std::int32_t partition, std::optional<OffsetValue> value);

  FetchOffsetsReply fetch(const FetchOffsetsRequest& request) const;
  const OffsetValue* find(std::string_view topic, std::int32_t partition) const;
  // Nothing stored and nothing on its way.
  bool empty() const { return topics_.empty(); }
  // What it keeps in memory, roughly.
  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::optional<OffsetValue> value;  // the durable one
    std::uint32_t being_written = 0;   // changes on their way
  };
  using Partitions = std::map<std::int32_t, Entry>;

  void begin(std::string_view topic, std::int32_t partition, std::optional<OffsetValue> value,
             std::vector<OffsetChange>& changes);
  void finish(const OffsetChange& change, bool durable);
  void set(Entry& entry, std::optional<OffsetValue> value);
  void drop_if_unused(std::string_view topic, std::int32_t partition);
  static FetchedPartition fetched(std::int32_t partition, const OffsetValue* value);

  std::map<std::string, Partitions, std::less<>> topics_;
  std::size_t bytes_ = 0;
};

}  // namespace sluice::broker
