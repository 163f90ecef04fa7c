#include "tools/sluice/group_details.hpp"

#include "sluice/consumer.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

namespace sluice::cli {
namespace {

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

// Where their logs begin and end, also those of the other partitions of these topics, which get
// rows; partitions of topics that are gone are left out.
Result<> add_bounds(Admin& admin, std::map<TopicPartition, GroupRow>& rows) {
  std::vector<std::string> names;
  for (const auto& [where, row] : rows)
    if (names.empty() || names.back() != where.topic) names.push_back(where.topic);
  const auto topics = admin.topics(names);
  if (!topics) return std::unexpected(topics.error());
  std::map<TopicPartition, std::int64_t> starts;
  std::map<TopicPartition, std::int64_t> ends;
  for (const auto& topic : *topics) {
    if (topic.error != ErrorCode::none) continue;
    for (std::size_t index = 0; index < topic.partitions.size(); ++index) {
      const TopicPartition where{topic.name, static_cast<PartitionIndex>(index)};
      rows.try_emplace(where);
      ends[where] = static_cast<std::int64_t>(OffsetSpec::latest);
      starts[where] = static_cast<std::int64_t>(OffsetSpec::earliest);
    }
  }
  const auto begin = admin.offsets(starts);
  if (!begin) return std::unexpected(begin.error());
  const auto end = admin.offsets(ends);
  if (!end) return std::unexpected(end.error());
  for (const auto& [where, at] : *begin) rows[where].start = at.offset;
  for (const auto& [where, at] : *end) rows[where].end = at.offset;
  return {};
}

void add_seconds(const Global& global, GroupDetails& details) {
  std::map<TopicPartition, Offset> behind;
  for (auto& row : details.rows) {
    if (row.lag() == 0) row.lag_seconds = 0;
    if (row.lag().value_or(0) > 0) behind[row.where] = *row.next();
  }
  if (behind.empty()) return;
  const auto found = first_timestamps(global, behind);
  if (!found) return;  // the rest is worth showing all the same
  for (auto& row : details.rows)
    if (const auto at = found->find(row.where); at != found->end() && at->second >= 0)
      row.lag_seconds = std::max(0.0, static_cast<double>(details.taken_ms - at->second) / 1000);
}

}  // namespace

void LagTotal::add(const GroupRow& row) {
  ++partitions;
  if (!row.lag()) ++unknown;
  records += row.lag().value_or(0);
  if (!row.committed && row.end.value_or(0) > 0) ++without_offset;
  if (row.lag_seconds) seconds = std::max(seconds.value_or(0), *row.lag_seconds);
}

LagTotal GroupDetails::total() const {
  LagTotal sum;
  for (const auto& row : rows) sum.add(row);
  return sum;
}

std::map<std::string, LagTotal> GroupDetails::by_topic() const {
  std::map<std::string, LagTotal> sums;
  for (const auto& row : rows) sums[row.where.topic].add(row);
  return sums;
}

Result<std::map<TopicPartition, std::int64_t>> first_timestamps(
    const Global& global, const std::map<TopicPartition, Offset>& at) {
  ConsumerOptions options{.client = global.client_options(),
                          .offset_reset = OffsetReset::earliest,
                          .partition_bytes_max = 64 * 1024,
                          .prefetch_bytes = 1};
  auto consumer = Consumer::create(std::move(options));
  if (!consumer) return std::unexpected(consumer.error());
  Consumer::Partitions partitions;
  for (const auto& [where, offset] : at) partitions.push_back(where);
  if (const auto assigned = consumer->assign(partitions); !assigned)
    return std::unexpected(assigned.error());
  for (const auto& [where, offset] : at)
    if (const auto sought = consumer->seek(where, offset); !sought)
      return std::unexpected(sought.error());
  std::map<TopicPartition, std::int64_t> found;
  const auto end = std::chrono::steady_clock::now() + global.timeout();
  // Behind an offset may be no record any more, only what compaction or a repair left.
  const auto all_known = [&] {
    if (found.size() == at.size()) return true;
    return std::ranges::all_of(consumer->lag(), [&](const auto& one) {
      return one.second == 0 || found.contains(one.first);
    });
  };
  while (!all_known() && std::chrono::steady_clock::now() < end && !interrupted()) {
    const auto records = consumer->poll(std::chrono::milliseconds(100));
    if (!records) return std::unexpected(records.error());
    std::set<TopicPartition> done;
    for (const auto& record : *records) {
      const TopicPartition where{std::string(record.topic), record.partition};
      if (found.emplace(where, record.timestamp_ms).second) done.insert(where);
    }
    for (const auto& where : done)
      if (const auto paused = consumer->pause(where); !paused)
        return std::unexpected(paused.error());
  }
  return found;
}

Result<GroupDetails> group_details(Admin& admin, const Global& global, const std::string& id,
                                   LagSeconds seconds) {
  auto description = admin.describe_group(id);
  if (!description) return std::unexpected(description.error());
  GroupDetails details{.description = std::move(*description)};
  const auto offsets = admin.group_offsets(id);
  if (!offsets) return std::unexpected(offsets.error());
  if (details.description.state == "Dead" && offsets->empty())
    return fail(make_error_code(ErrorCode::group_id_not_found), id);
  std::map<TopicPartition, GroupRow> rows;
  for (const auto& [where, committed] : *offsets) rows[where].committed = committed.offset;
  for (const auto& member : details.description.members) {
    for (const auto& where : member.assignment) {
      rows[where].member_id = member.member_id;
      rows[where].host = member.host;
    }
  }
  if (const auto bounds = add_bounds(admin, rows); !bounds) return std::unexpected(bounds.error());
  for (auto& [where, row] : rows) {
    row.where = where;
    details.rows.push_back(std::move(row));
  }
  details.taken_ms = now_ms();
  if (seconds == LagSeconds::find) add_seconds(global, details);
  return details;
}

std::string_view GroupTrend::direction() const {
  if (consumed_per_second == produced_per_second) return "steady";
  return consumed_per_second < produced_per_second ? "growing" : "shrinking";
}

std::optional<GroupTrend> trend(const GroupDetails& before, const GroupDetails& after) {
  const double seconds = static_cast<double>(after.taken_ms - before.taken_ms) / 1000;
  if (seconds <= 0) return std::nullopt;
  std::map<TopicPartition, const GroupRow*> earlier;
  for (const auto& row : before.rows) earlier[row.where] = &row;
  std::int64_t consumed = 0, produced = 0, left = 0;
  for (const auto& row : after.rows) {
    const auto at = earlier.find(row.where);
    if (at == earlier.end() || !row.lag() || !at->second->lag()) continue;
    consumed += *row.committed - *at->second->committed;
    produced += *row.end - *at->second->end;
    left += *row.lag();
  }
  GroupTrend moved{.consumed_per_second = static_cast<double>(consumed) / seconds,
                   .produced_per_second = static_cast<double>(produced) / seconds};
  const double nearer = moved.consumed_per_second - moved.produced_per_second;
  if (left == 0)
    moved.eta_seconds = 0;
  else if (nearer > 0)
    moved.eta_seconds = static_cast<double>(left) / nearer;
  return moved;
}

Exit no_such_group(Admin& admin, const std::string& id) {
  std::vector<std::string> ids;
  if (const auto groups = admin.groups())
    for (const auto& group : *groups) ids.push_back(group.id);
  return no_such("group", id, ids);
}

}  // namespace sluice::cli
