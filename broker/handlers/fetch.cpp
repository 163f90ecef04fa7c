// Fetch: reads every partition that is asked for, waits while there is too little, and answers with
// references to the bytes read.
#include "broker/broker.hpp"
#include "broker/fetch_session.hpp"
#include "broker/handlers/handlers.hpp"
#include "broker/metrics/note_errors.hpp"
#include "broker/partition.hpp"
#include "broker/partition_rows.hpp"
#include "broker/topic_lookup.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;

struct Row {
  FetchTarget* target = nullptr;
  PartitionKey key;
  int shard = -1;  // -1: refused: answer.error
  FetchAnswer answer;
};

// What a fetch may bring into memory counts among the shard's replies while it is read, so that
// many fetches at once do not all take the same room.
class ReplyClaim {
 public:
  ReplyClaim(Shard& shard, std::int64_t bytes) : bytes_in_all_(shard.reply_bytes()) { set(bytes); }
  ~ReplyClaim() { set(0); }
  ReplyClaim(const ReplyClaim&) = delete;
  ReplyClaim& operator=(const ReplyClaim&) = delete;

  void set(std::int64_t bytes) {
    bytes_in_all_ += bytes - bytes_;
    bytes_ = bytes;
  }

 private:
  std::int64_t& bytes_in_all_;
  std::int64_t bytes_ = 0;
};

struct Budget {
  std::int64_t bytes;
  bool one_batch_is_due = true;  // nothing was read yet: the first batch comes whole, however large
};

Row make_row(const Request& request, FetchTarget& target, bool by_id) {
  Row row;
  row.target = &target;
  const TopicLookup found =
      look_up(*request.catalog, target.topic_name, target.topic_id, by_id, target.index);
  if (found.topic == nullptr) {
    row.answer.error = found.error;
    return row;
  }
  row.key = {found.topic->id, target.index};
  row.shard = request.shard.broker().shard_of(row.key);
  return row;
}

// What an answer may be made of.
struct Form {
  storage::Handout handout;
  bool empty_batches;
};
// kafka-python 2.0 speaks up to version 4 and fails on an answer without records.
Form form_of(const Request& request) { return {request.handout, request.version() > 4}; }

// On the shard of the rows.
Task<> read_rows(const ShardRows<Row>* work, Budget* budget, Form form) {
  for (Row* row : work->rows) {
    Partition* partition = work->shard->find(row->key.topic, row->key.index);
    if (partition == nullptr) {
      row->answer = {};
      row->answer.error = work->shard->why_missing(row->key.topic);
      continue;
    }
    FetchQuery query;
    query.offset = row->target->offset;
    query.max_bytes = std::clamp<std::int64_t>(row->target->max_bytes, 0, budget->bytes);
    query.current_leader_epoch = row->target->current_leader_epoch;
    query.last_fetched_epoch = row->target->last_fetched_epoch;
    query.least =
        budget->one_batch_is_due ? storage::AtLeastOneBatch::yes : storage::AtLeastOneBatch::no;
    query.handout = form.handout;
    query.empty_batches = form.empty_batches;
    row->answer = co_await partition->fetch(query);
    const auto size = static_cast<std::int64_t>(row->answer.read.size);
    budget->bytes = std::max<std::int64_t>(0, budget->bytes - size);
    if (size != 0) budget->one_batch_is_due = false;
  }
}

// On the shard of the rows.
Task<> park_rows(const ShardRows<Row>* work, std::shared_ptr<FetchWaiter> waiter) {
  for (const Row* row : work->rows) {
    Partition* partition = work->shard->find(row->key.topic, row->key.index);
    if (partition == nullptr)
      waiter->wake();
    else
      partition->wake_on_data(waiter, row->answer.high_watermark);
  }
  co_return;
}

std::int64_t bytes_read(const std::vector<Row>& rows) {
  std::int64_t bytes = 0;
  for (const Row& row : rows) bytes += static_cast<std::int64_t>(row.answer.read.size);
  return bytes;
}

bool is_complete(const std::vector<Row>& rows, std::int64_t bytes_min) {
  for (const Row& row : rows)
    if (row.answer.error != ErrorCode::none || row.answer.diverging.epoch >= 0) return true;
  return bytes_read(rows) >= bytes_min;
}

std::size_t cold_bytes(const std::vector<Row>& rows) {
  std::size_t bytes = 0;
  for (const Row& row : rows) bytes += row.answer.read.cold;
  return bytes;
}

// Reads until there is enough, an error, or the time is over.
Task<> read_or_wait(Request& request, const FetchRequest& message, std::vector<Row>& rows) {
  Shard& shard = request.shard;
  const std::vector<ShardRows<Row>> works = by_shard(shard, rows);
  request.served_by = shard_of_all(works);
  const std::int64_t bytes_max =
      std::min<std::int64_t>(std::max(message.max_bytes, 0), request.options->fetch_max_bytes);
  const std::int64_t bytes_min = std::min<std::int64_t>(message.min_bytes, bytes_max);
  const TimePoint deadline =
      shard.timers().now() + std::chrono::milliseconds(std::max(message.max_wait_ms, 0));
  for (;;) {
    // The first batch comes whole in any case; beyond it, slow readers share a bound.
    const std::int64_t room =
        std::max<std::int64_t>(0, shard.reply_bytes_max() - shard.reply_bytes());
    Budget budget{std::min(bytes_max, room)};
    const auto most = static_cast<std::int64_t>(rows.size() * storage::file_read_max);
    ReplyClaim claim(shard, std::min(budget.bytes, most));
    for (const ShardRows<Row>& work : works)
      co_await on(shard, *work.shard, read_rows(&work, &budget, form_of(request)));
    claim.set(bytes_read(rows));
    if (rows.empty() || message.max_wait_ms <= 0 || is_complete(rows, bytes_min)) {
      co_await shard.give_way(cold_bytes(rows));
      co_return;
    }
    if (shard.stopping() || request.parked.abandoned || shard.timers().now() >= deadline) co_return;
    auto waiter = std::make_shared<FetchWaiter>(shard.executor(), shard.timers().make_timer());
    request.parked.waiter = waiter;
    for (const ShardRows<Row>& work : works)
      co_await on(shard, *work.shard, park_rows(&work, waiter));
    if (shard.stopping() || request.parked.abandoned) co_return;
    const TimePoint parked_at = shard.timers().now();
    const bool moved = co_await waiter->wait_until(deadline);
    request.times.parked += shard.timers().now() - parked_at;
    if (!moved && bytes_min <= 1) co_return;
  }
}

FetchResponse::Partition make_partition(Row& row, const FetchRequest& message, std::int32_t node_id,
                                        std::int16_t version) {
  FetchResponse::Partition out;
  FetchAnswer& answer = row.answer;
  out.partition_index = row.target->index;
  out.error_code = answer.error;
  const bool good = answer.error == ErrorCode::none;
  out.high_watermark = good ? answer.high_watermark : -1;
  out.last_stable_offset = out.high_watermark;
  out.log_start_offset = good ? answer.log_start_offset : -1;
  if (message.isolation_level == 0) out.aborted_transactions.reset();
  if (version >= 12) {
    if (answer.diverging.epoch >= 0)
      out.diverging_epoch = {answer.diverging.epoch, answer.diverging.end_offset};
    if (answer.error == ErrorCode::fenced_leader_epoch ||
        answer.error == ErrorCode::not_leader_or_follower)
      out.current_leader = {node_id, answer.leader_epoch};
  }
  protocol::Records records;
  records.slices.reserve(answer.read.slices.size());
  for (storage::Slice& slice : answer.read.slices)
    records.slices.push_back({slice.bytes, std::move(slice.owner), slice.file});
  out.records = std::move(records);
  return out;
}

// An incremental reply mentions only what the client does not know.
bool is_news(const Row& row) {
  return row.answer.error != ErrorCode::none || row.answer.read.size != 0 ||
         row.answer.diverging.epoch >= 0 ||
         row.answer.high_watermark != row.target->told_high_watermark ||
         row.answer.log_start_offset != row.target->told_log_start;
}

void fill(FetchResponse& response, std::vector<Row>& rows, const FetchSessions::Plan& plan,
          Request& request, const FetchRequest& message) {
  std::vector<const FetchTarget*> served;
  const std::string* topic_name = nullptr;
  TopicId topic_id;
  for (Row& row : rows) {
    if (plan.incremental && !is_news(row)) continue;
    if (row.answer.read.size != 0) served.push_back(row.target);
    row.target->told_high_watermark = row.answer.high_watermark;
    row.target->told_log_start = row.answer.log_start_offset;
    const bool same = topic_name != nullptr && *topic_name == row.target->topic_name &&
                      topic_id == row.target->topic_id;
    if (!same) {
      auto& topic = response.responses.emplace_back();
      topic.topic = row.target->topic_name;
      topic.topic_id = row.target->topic_id;
      topic_name = &row.target->topic_name;
      topic_id = row.target->topic_id;
    }
    response.responses.back().partitions.push_back(
        make_partition(row, message, request.options->node_id, request.version()));
  }
  if (plan.session != nullptr) plan.session->move_to_end(served);
}

bool is_replica(const FetchRequest& message) {
  return message.replica_id >= 0 || message.replica_state.replica_id >= 0;
}

}  // namespace

Task<FetchReply> answer_fetch(Request& request, const FetchRequest& message) {
  FetchReply reply;
  FetchResponse& response = reply.body;
  if (is_replica(message)) {
    response.error_code = ErrorCode::cluster_authorization_failed;
    co_return reply;
  }
  FetchSessions::Plan& plan = reply.plan;
  plan =
      request.sessions.begin(message, request.version(), request.shard.broker().next_session_id());
  if (plan.error != ErrorCode::none) {
    response.error_code = plan.error;
    co_return reply;
  }
  const bool by_id = request.version() >= 13;
  std::vector<Row> rows;
  if (plan.session != nullptr) {
    response.session_id = plan.session->id();
    for (FetchTarget& target : plan.session->targets())
      rows.push_back(make_row(request, target, by_id));
  } else {
    for (FetchTarget& target : plan.targets) rows.push_back(make_row(request, target, by_id));
  }
  co_await read_or_wait(request, message, rows);
  fill(response, rows, plan, request, message);
  note_errors(request, response);
  co_return reply;
}

Task<Served> handle_fetch(Request& request, const FetchRequest& message) {
  if (is_replica(message) && request.version() < 7) co_return Served::close;
  const FetchReply reply = co_await answer_fetch(request, message);
  const auto error = protocol::encode_response(reply.body, request.version(),
                                               request.parsed.header.correlation_id, request.reply);
  co_return error == protocol::WireError::none ? Served::replied : Served::close;
}

}  // namespace sluice::broker
