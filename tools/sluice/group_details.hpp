// Where a group stands: its members, its offsets, how far behind it is in records and in seconds.
#pragma once

#include "sluice/admin.hpp"
#include "tools/sluice/cli.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

// One partition of a topic that a group has an offset in, or that one of its members holds.
struct GroupRow {
  TopicPartition where;
  std::optional<Offset> committed;
  std::optional<Offset> start;  // of the log
  std::optional<Offset> end;
  // Age of the oldest record that was not consumed; 0 without one, nothing when it is not known.
  std::optional<double> lag_seconds;
  std::optional<std::string> member_id;
  std::string host;

  // The first record that it has still to read: what was deleted, nobody waits for.
  std::optional<Offset> next() const {
    if (!committed) return std::nullopt;
    return std::max(*committed, start.value_or(0));
  }
  std::optional<std::int64_t> lag() const {
    if (!committed || !end) return std::nullopt;
    return std::max<std::int64_t>(0, *end - *next());
  }
};

// The sum of the records, and the oldest, of several partitions.
struct LagTotal {
  std::int64_t records = 0;
  std::optional<double> seconds;
  std::size_t partitions = 0;
  std::size_t unknown = 0;  // of these: no lag, since the group has committed nothing there
  std::size_t without_offset =
      0;  // of those: there are records, so it is behind by nobody knows how far

  void add(const GroupRow& row);
};

struct GroupDetails {
  GroupDescription description;
  std::vector<GroupRow> rows;  // in order of topics and partitions
  std::int64_t taken_ms = 0;   // when this was so, since the epoch

  LagTotal total() const;
  std::map<std::string, LagTotal> by_topic() const;
};

enum class LagSeconds : std::uint8_t { skip, find };

// Errors: as Admin's; not found when there is no such group, also where the broker calls it dead.
Result<GroupDetails> group_details(Admin& admin, const Global& global, const std::string& id,
                                   LagSeconds seconds);

// Timestamps (ms since the epoch) of the first records at or behind these offsets. What has none,
// or does not come before the time limit, is left out.
Result<std::map<TopicPartition, std::int64_t>> first_timestamps(
    const Global& global, const std::map<TopicPartition, Offset>& at);

// How a group's lag moved between two looks at it.
struct GroupTrend {
  double consumed_per_second = 0;
  double produced_per_second = 0;
  // Until nothing is left at these rates; nothing when it does not come nearer.
  std::optional<double> eta_seconds;

  std::string_view direction() const;  // "growing", "shrinking", "steady"
};
// Of the partitions that both know; nothing when no time passed between them.
std::optional<GroupTrend> trend(const GroupDetails& before, const GroupDetails& after);

void append_json(std::string& out, const GroupDetails& group,
                 const std::optional<GroupTrend>& moved);
std::string group_text(const GroupDetails& group, const std::optional<GroupTrend>& moved,
                       Style style);

// "orders:0-2,5 refunds:1": what a member holds, in order.
std::string short_assignment(std::vector<TopicPartition> partitions);

// "no group 'x'", with what may have been meant.
Exit no_such_group(Admin& admin, const std::string& id);

}  // namespace sluice::cli
