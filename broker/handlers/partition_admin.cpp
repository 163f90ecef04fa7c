// DeleteRecords, OffsetForLeaderEpoch, DescribeProducers: small questions to single partitions.
#include "broker/handlers/handlers.hpp"
#include "broker/partition.hpp"
#include "broker/partition_rows.hpp"
#include "broker/replies.hpp"
#include "broker/topic_lookup.hpp"

namespace sluice::broker {
namespace {

// Fills in where the partition is; returns why it is nowhere.
template <class Row>
ErrorCode place(const Request& request, std::string_view topic, PartitionIndex partition,
                Row& row) {
  const TopicLookup found = look_up(*request.catalog, topic, {}, false, partition);
  if (found.topic == nullptr) return found.error;
  row.key = {found.topic->id, partition};
  row.shard = request.shard.broker().shard_of(row.key);
  return ErrorCode::none;
}

struct DeleteRow {
  PartitionKey key;
  int shard = -1;
  Offset offset = 0;
  protocol::DeleteRecordsResponse::Partition reply;
};

Task<> delete_before(Partition* partition, DeleteRow* row) {
  row->reply.low_watermark = -1;
  if (partition == nullptr || partition->closing()) {
    row->reply.error_code = ErrorCode::kafka_storage_error;
    co_return;
  }
  if (!partition->config().deletes && partition->config().compacts) {
    row->reply.error_code = ErrorCode::policy_violation;
    co_return;
  }
  const Offset high_watermark = partition->log().high_watermark();
  const Offset target = row->offset == -1 ? high_watermark : row->offset;
  if (target < 0 || target > high_watermark) {
    row->reply.error_code = ErrorCode::offset_out_of_range;
    co_return;
  }
  const auto start = co_await partition->delete_records(target);
  if (!start)
    row->reply.error_code = kafka_error(start.error());
  else
    row->reply.low_watermark = *start;
}

struct EpochRow {
  PartitionKey key;
  int shard = -1;
  LeaderEpoch current = -1;
  LeaderEpoch wanted = -1;
  protocol::OffsetForLeaderEpochResponse::Partition reply;
};

Task<> end_of_epoch(Partition* partition, EpochRow* row) {
  if (partition == nullptr || partition->closing()) {
    row->reply.error_code = ErrorCode::kafka_storage_error;
    co_return;
  }
  const LeaderEpoch epoch = partition->log().leader_epoch();
  if (row->current >= 0 && row->current != epoch) {
    row->reply.error_code =
        row->current < epoch ? ErrorCode::fenced_leader_epoch : ErrorCode::unknown_leader_epoch;
    co_return;
  }
  const storage::EpochEnd end = partition->log().end_of_epoch(row->wanted);
  row->reply.leader_epoch = end.epoch;
  row->reply.end_offset = end.end_offset;
}

struct ProducersRow {
  PartitionKey key;
  int shard = -1;
  protocol::DescribeProducersResponse::Partition reply;
};

Task<> list_producers(Partition* partition, ProducersRow* row) {
  if (partition == nullptr || partition->closing()) {
    row->reply.error_code = ErrorCode::kafka_storage_error;
    co_return;
  }
  for (const storage::ProducerInfo& info : partition->log().producers()) {
    auto& out = row->reply.active_producers.emplace_back();
    out.producer_id = info.producer_id;
    out.producer_epoch = info.epoch;
    out.last_sequence = info.last_sequence;
    out.last_timestamp = info.last_timestamp;
    out.coordinator_epoch = info.coordinator_epoch;
    out.current_txn_start_offset = info.transaction_start;
  }
}

}  // namespace

Task<protocol::DeleteRecordsResponse> handle_delete_records(
    Request& request, const protocol::DeleteRecordsRequest& message) {
  std::vector<DeleteRow> rows;
  for (const auto& topic : message.topics) {
    for (const auto& partition : topic.partitions) {
      DeleteRow& row = rows.emplace_back();
      row.offset = partition.offset;
      row.reply.partition_index = partition.partition_index;
      row.reply.low_watermark = -1;
      row.reply.error_code = is_internal_topic(topic.name)
                                 ? ErrorCode::invalid_topic_exception
                                 : place(request, topic.name, partition.partition_index, row);
    }
  }
  co_await visit_partitions(request.shard, rows, delete_before);
  protocol::DeleteRecordsResponse response;
  auto row = rows.begin();
  for (const auto& topic : message.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (std::size_t i = 0; i < topic.partitions.size(); ++i)
      out.partitions.push_back((row++)->reply);
  }
  co_return response;
}

Task<protocol::OffsetForLeaderEpochResponse> handle_offset_for_leader_epoch(
    Request& request, const protocol::OffsetForLeaderEpochRequest& message) {
  std::vector<EpochRow> rows;
  for (const auto& topic : message.topics) {
    for (const auto& partition : topic.partitions) {
      EpochRow& row = rows.emplace_back();
      row.current = partition.current_leader_epoch;
      row.wanted = partition.leader_epoch;
      row.reply.partition = partition.partition;
      row.reply.error_code = place(request, topic.topic, partition.partition, row);
    }
  }
  co_await visit_partitions(request.shard, rows, end_of_epoch);
  protocol::OffsetForLeaderEpochResponse response;
  auto row = rows.begin();
  for (const auto& topic : message.topics) {
    auto& out = response.topics.emplace_back();
    out.topic = topic.topic;
    for (std::size_t i = 0; i < topic.partitions.size(); ++i)
      out.partitions.push_back((row++)->reply);
  }
  co_return response;
}

Task<protocol::DescribeProducersResponse> handle_describe_producers(
    Request& request, const protocol::DescribeProducersRequest& message) {
  std::vector<ProducersRow> rows;
  for (const auto& topic : message.topics) {
    for (const PartitionIndex partition : topic.partition_indexes) {
      ProducersRow& row = rows.emplace_back();
      row.reply.partition_index = partition;
      row.reply.error_code = place(request, topic.name, partition, row);
    }
  }
  co_await visit_partitions(request.shard, rows, list_producers);
  protocol::DescribeProducersResponse response;
  auto row = rows.begin();
  for (const auto& topic : message.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (std::size_t i = 0; i < topic.partition_indexes.size(); ++i)
      out.partitions.push_back(std::move((row++)->reply));
  }
  co_return response;
}

}  // namespace sluice::broker
