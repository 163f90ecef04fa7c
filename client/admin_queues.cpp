// The part of Admin that looks into share groups and changes what they do, by messages of our own.
#include "client/admin_core.hpp"
#include "protocol/messages/alter_queue.hpp"
#include "protocol/messages/describe_queue.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

std::optional<std::string> owned(const std::optional<std::string_view>& text) {
  return text ? std::optional(std::string(*text)) : std::nullopt;
}

QueuePartition partition_of(std::string_view topic,
                            const protocol::DescribeQueueResponse::Partition& row) {
  QueuePartition partition{.where = {std::string(topic), row.partition_index},
                           .error = row.error_code,
                           .start = row.start_offset,
                           .end = row.end_offset,
                           .high_watermark = row.high_watermark,
                           .acquired = row.acquired,
                           .waiting = row.waiting,
                           .settling = row.settling,
                           .dead_lettering = row.dead_lettering,
                           .finished = row.finished,
                           .more_ranges = row.more_ranges,
                           .ranges = {}};
  for (const auto& range : row.ranges)
    partition.ranges.push_back({.first = range.first_offset,
                                .last = range.last_offset,
                                .state = std::string(range.state),
                                .delivery_count = range.delivery_count,
                                .member_id = owned(range.member_id),
                                .until_ms = range.until_ms,
                                .first_failure_ms = range.first_failure_ms,
                                .last_failure_ms = range.last_failure_ms,
                                .reason = owned(range.reason)});
  return partition;
}

}  // namespace

Task<Result<std::vector<QueuePartition>>> AdminCore::describe_queue(std::string group,
                                                                    std::vector<std::string> topics,
                                                                    std::int32_t ranges_max,
                                                                    TimePoint until) {
  protocol::DescribeQueueRequest request;
  request.group_id = group;
  request.max_ranges = ranges_max;
  if (!topics.empty()) request.topics.emplace();
  for (const auto& topic : topics) request.topics->emplace_back().name = topic;
  const auto reply = co_await ask_controller<protocol::DescribeQueueResponse>(request, until);
  if (!reply) co_return std::unexpected(reply.error());
  const auto good =
      outcome(reply->body.error_code, "queue of group " + group, reply->body.error_message);
  if (!good) co_return std::unexpected(good.error());
  std::vector<QueuePartition> partitions;
  for (const auto& topic : reply->body.topics)
    for (const auto& row : topic.partitions) partitions.push_back(partition_of(topic.name, row));
  std::ranges::sort(partitions, {}, &QueuePartition::where);
  co_return partitions;
}

Task<Result<std::int64_t>> AdminCore::alter_queue(std::string group, QueueChange change,
                                                  TimePoint until) {
  protocol::AlterQueueRequest request;
  request.group_id = group;
  auto& topic = request.topics.emplace_back();
  topic.name = change.where.topic;
  auto& partition = topic.partitions.emplace_back();
  partition.partition_index = change.where.partition;
  auto& row = partition.changes.emplace_back();
  row.first_offset = change.first;
  row.last_offset = change.last;
  row.action = static_cast<std::int8_t>(change.action);
  if (change.reason) row.reason = *change.reason;
  const auto reply = co_await ask_controller<protocol::AlterQueueResponse>(request, until);
  if (!reply) co_return std::unexpected(reply.error());
  const auto& body = reply->body;
  const auto good = outcome(body.error_code, "queue of group " + group, body.error_message);
  if (!good) co_return std::unexpected(good.error());
  if (body.topics.size() != 1 || body.topics.front().partitions.size() != 1)
    co_return fail(Errc::malformed_response, "AlterQueue");
  const auto& answer = body.topics.front().partitions.front();
  const auto changed = outcome(answer.error_code, change.where.to_string(), answer.error_message);
  if (!changed) co_return std::unexpected(changed.error());
  co_return answer.changed;
}

}  // namespace sluice::client
