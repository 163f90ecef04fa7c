// DescribeQueue and AlterQueue: what a share group does with the records of partitions, and
// changing that by hand.
#include "broker/broker.hpp"
#include "broker/handlers/share_handlers.hpp"
#include "broker/share/share_route.hpp"
#include "broker/share/share_shell.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

using protocol::AlterQueueRequest;
using protocol::AlterQueueResponse;
using protocol::DescribeQueueRequest;
using protocol::DescribeQueueResponse;

constexpr std::int32_t ranges_max = 100'000;  // of one answer

Task<QueueView> describe_on(Shard* shard, const ShareKey* key, std::size_t max) {
  co_return co_await shard->shares().describe(key, max);
}
Task<HandResult> change_on(Shard* shard, const ShareKey* key,
                           const std::vector<HandChange>* changes) {
  co_return co_await shard->shares().change_by_hand(key, *changes);
}

bool has_partition(const Topic* topic, PartitionIndex index) {
  return topic != nullptr && index >= 0 && index < topic->partition_count;
}

// ---- DescribeQueue ----

// Partitions by topic, in the order of the answer.
struct Asked {
  std::string_view name;
  const Topic* topic = nullptr;  // null: unknown
  std::vector<PartitionIndex> partitions;
};

std::vector<PartitionIndex> stored_partitions(const std::vector<ShareKey>& stored,
                                              const Topic* topic) {
  std::vector<PartitionIndex> found;
  for (const ShareKey& key : stored)
    if (topic != nullptr && key.topic == topic->id) found.push_back(key.partition);
  return found;
}

std::vector<Asked> asked_of(const DescribeQueueRequest& message, const Catalog& catalog,
                            const std::vector<ShareKey>& stored) {
  std::vector<Asked> all;
  if (message.topics) {
    for (const auto& wanted : *message.topics) {
      const Topic* topic = catalog.find(wanted.name);
      auto partitions = wanted.partitions ? *wanted.partitions : stored_partitions(stored, topic);
      all.push_back({wanted.name, topic, std::move(partitions)});
    }
    return all;
  }
  for (const ShareKey& key : stored) {  // in order of topics
    const Topic* topic = catalog.find(key.topic);
    if (topic == nullptr) continue;
    if (all.empty() || all.back().topic != topic) all.push_back({topic->name, topic, {}});
    all.back().partitions.push_back(key.partition);
  }
  return all;
}

std::string reason_text(const Failure& failure) {
  std::string reason(to_string(failure.reason));
  if (!failure.message.empty()) reason.append(": ").append(failure.message);
  return reason;
}

void fill(DescribeQueueResponse::Partition& out, const QueueView& view, ReplyArena& arena) {
  out.error_code = view.error;
  out.start_offset = view.start;
  out.end_offset = view.end;
  out.high_watermark = view.high_watermark;
  out.acquired = view.counts.acquired;
  out.waiting = view.counts.waiting;
  out.settling = view.counts.settling;
  out.dead_lettering = view.counts.dead_lettering;
  out.finished = view.counts.finished;
  out.more_ranges = view.more;
  for (const QueueRange& range : view.ranges) {
    auto& row = out.ranges.emplace_back();
    row.first_offset = range.first;
    row.last_offset = range.last;
    row.state = to_string(range.state);
    row.delivery_count = range.deliveries;
    row.until_ms = range.until_ms;
    if (!range.member.empty()) row.member_id = arena.keep(std::string(range.member));
    if (!range.failure) continue;
    row.first_failure_ms = range.failure->first_ms;
    row.last_failure_ms = range.failure->last_ms;
    row.reason = arena.keep(reason_text(*range.failure));
  }
}

// ---- AlterQueue ----

struct Altered {
  ErrorCode error = ErrorCode::none;
  std::string message;
  std::int64_t changed = 0;
};

std::string message_of(ErrorCode error) {
  switch (error) {
    case ErrorCode::invalid_request:
      return "An action is 2 (release) or 3 (reject), and a range ends where it begins or later.";
    case ErrorCode::group_id_not_found:
      return "The share group has no state of this partition.";
    default:
      return {};
  }
}

Task<Altered> alter_one(Request& request, std::string_view group, const Topic* topic,
                        const AlterQueueRequest::Partition& partition) {
  Altered done;
  if (!has_partition(topic, partition.partition_index)) {
    done.error = ErrorCode::unknown_topic_or_partition;
    co_return done;
  }
  std::vector<HandChange> changes;
  for (const auto& change : partition.changes)
    changes.push_back({change.first_offset, change.last_offset,
                       static_cast<Acknowledge>(change.action), change.reason.value_or("")});
  const ShareKey key{std::string(group), topic->id, partition.partition_index};
  Shard& shard = request.shard.broker().home_of({key.topic, key.partition});
  const HandResult result = co_await on(request.shard, shard, change_on(&shard, &key, &changes));
  done.error = result.error;
  done.message = message_of(result.error);
  done.changed = result.changed;
  co_return done;
}

}  // namespace

Task<DescribeQueueResponse> handle_describe_queue(Request& request,
                                                  const DescribeQueueRequest& message) {
  DescribeQueueResponse response;
  const Catalog& catalog = request.arena.keep(request.catalog);
  if (message.max_ranges < 0) {
    response.error_code = ErrorCode::invalid_request;
    response.error_message = "MaxRanges must not be negative.";
    co_return response;
  }
  if (!co_await stores_loaded(request.shard)) {
    response.error_code = ErrorCode::coordinator_load_in_progress;
    co_return response;
  }
  const auto stored = co_await stored_keys(request.shard, message.group_id);
  if (stored.empty()) {
    response.error_code = ErrorCode::group_id_not_found;
    response.error_message =
        request.arena.keep("Share group " + std::string(message.group_id) + " not found.");
    co_return response;
  }
  auto left = static_cast<std::size_t>(std::min(message.max_ranges, ranges_max));
  const std::vector<Asked> all = asked_of(message, catalog, stored);
  for (const Asked& asked : all) {
    auto& topic = response.topics.emplace_back();
    topic.name = asked.name;
    for (const PartitionIndex index : asked.partitions) {
      auto& out = topic.partitions.emplace_back();
      out.partition_index = index;
      if (!has_partition(asked.topic, index)) {
        out.error_code = ErrorCode::unknown_topic_or_partition;
        continue;
      }
      const ShareKey key{std::string(message.group_id), asked.topic->id, index};
      Shard& shard = request.shard.broker().home_of({key.topic, key.partition});
      const QueueView view = co_await on(request.shard, shard, describe_on(&shard, &key, left));
      fill(out, view, request.arena);
      left -= view.ranges.size();
    }
  }
  co_return response;
}

Task<AlterQueueResponse> handle_alter_queue(Request& request, const AlterQueueRequest& message) {
  AlterQueueResponse response;
  for (const auto& wanted : message.topics) {
    const Topic* topic = request.catalog->find(wanted.name);
    auto& rows = response.topics.emplace_back();
    rows.name = wanted.name;
    for (const auto& partition : wanted.partitions) {
      Altered done = co_await alter_one(request, message.group_id, topic, partition);
      auto& row = rows.partitions.emplace_back();
      row.partition_index = partition.partition_index;
      row.error_code = done.error;
      row.changed = done.changed;
      if (!done.message.empty()) row.error_message = request.arena.keep(std::move(done.message));
    }
  }
  co_return response;
}

}  // namespace sluice::broker
