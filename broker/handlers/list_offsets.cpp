// ListOffsets: offsets by time or by name (earliest, latest, …).
#include "broker/handlers/handlers.hpp"
#include "broker/partition.hpp"
#include "broker/partition_rows.hpp"
#include "broker/replies.hpp"
#include "broker/topic_lookup.hpp"

#include <set>

namespace sluice::broker {
namespace {

using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;

// Timestamps with a meaning of their own. Source: ListOffsetsRequest.json; KIP-734, KIP-405,
// KIP-1005, KIP-1023.
enum class Special : std::int64_t {
  latest = -1,
  earliest = -2,
  max_timestamp = -3,
  earliest_local = -4,
  latest_tiered = -5,
  earliest_pending_upload = -6,
};

struct Row {
  PartitionKey key;
  int shard = -1;
  std::int64_t timestamp = 0;
  LeaderEpoch current_leader_epoch = -1;
  ListOffsetsResponse::Partition reply;
};

// The lowest version in which a timestamp has its meaning.
bool is_known(std::int64_t timestamp, std::int16_t version) {
  if (timestamp >= 0) return true;
  switch (static_cast<Special>(timestamp)) {
    case Special::latest:
    case Special::earliest:
      return true;
    case Special::max_timestamp:
      return version >= 7;
    case Special::earliest_local:
      return version >= 8;
    case Special::latest_tiered:
      return version >= 9;
    case Special::earliest_pending_upload:
      return version >= 11;
  }
  return false;
}

void answer(Row& row, storage::TimestampOffset found, LeaderEpoch epoch) {
  row.reply.timestamp = found.timestamp;
  row.reply.offset = found.offset;
  row.reply.leader_epoch = epoch;
}

Task<Result<storage::TimestampOffset>> by_time(Partition* partition, std::int64_t timestamp) {
  if (timestamp >= 0) co_return co_await partition->find_by_time(timestamp);
  co_return co_await partition->max_timestamp();
}

Task<> look_up_offset(Partition* partition, Row* row) {
  if (partition == nullptr || partition->closing()) {
    row->reply.error_code = ErrorCode::kafka_storage_error;
    co_return;
  }
  storage::Log& log = partition->log();
  const LeaderEpoch epoch = log.leader_epoch();
  if (row->current_leader_epoch >= 0 && row->current_leader_epoch != epoch) {
    row->reply.error_code = row->current_leader_epoch < epoch ? ErrorCode::fenced_leader_epoch
                                                              : ErrorCode::unknown_leader_epoch;
    co_return;
  }
  switch (static_cast<Special>(row->timestamp)) {
    case Special::latest:
      co_return answer(*row, {-1, log.high_watermark(), epoch}, epoch);
    case Special::earliest:
    case Special::earliest_local:
      co_return answer(*row, {-1, log.log_start_offset(), epoch}, epoch);
    case Special::latest_tiered:
    case Special::earliest_pending_upload:
      co_return answer(*row, {}, -1);
    case Special::max_timestamp:
      break;
  }
  const auto found = co_await by_time(partition, row->timestamp);
  if (!found)
    row->reply.error_code = kafka_error(found.error());
  else
    answer(*row, *found, found->offset < 0 ? -1 : found->leader_epoch);
}

}  // namespace

Task<ListOffsetsResponse> handle_list_offsets(Request& request, const ListOffsetsRequest& message) {
  std::vector<Row> rows;
  std::set<std::pair<std::string_view, PartitionIndex>> seen;
  for (const auto& topic : message.topics) {
    for (const auto& partition : topic.partitions) {
      Row row;
      row.timestamp = partition.timestamp;
      row.current_leader_epoch = partition.current_leader_epoch;
      row.reply.partition_index = partition.partition_index;
      const TopicLookup found =
          look_up(*request.catalog, topic.name, {}, false, partition.partition_index);
      if (!seen.emplace(topic.name, partition.partition_index).second)
        row.reply.error_code = ErrorCode::invalid_request;
      else if (!is_known(partition.timestamp, request.version()))
        row.reply.error_code = ErrorCode::unsupported_version;
      else if (found.topic == nullptr)
        row.reply.error_code = found.error;
      if (row.reply.error_code == ErrorCode::none) {
        row.key = {found.topic->id, partition.partition_index};
        row.shard = request.shard.broker().shard_of(row.key);
      }
      rows.push_back(row);
    }
  }
  co_await visit_partitions(request.shard, rows, look_up_offset);

  if (request.version() < 4)
    for (Row& row : rows) row.reply.leader_epoch = -1;  // not on the wire yet
  ListOffsetsResponse response;
  auto row = rows.begin();
  for (const auto& topic : message.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (std::size_t i = 0; i < topic.partitions.size(); ++i)
      out.partitions.push_back((row++)->reply);
  }
  co_return response;
}

}  // namespace sluice::broker
