// ShareFetch and ShareAcknowledge: acquires records for a member, and takes what it says of them.
#include "broker/broker.hpp"
#include "broker/group_config.hpp"
#include "broker/handlers/share_handlers.hpp"
#include "broker/partition_rows.hpp"
#include "broker/share/share_shell.hpp"
#include "broker/topic_lookup.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

using protocol::ShareAcknowledgeRequest;
using protocol::ShareAcknowledgeResponse;
using protocol::ShareFetchRequest;
using protocol::ShareFetchResponse;

struct Row {
  ShareTopicPartition target;
  PartitionKey key;
  int shard = -1;  // -1: refused
  ShareKey share;
  std::string_view member;
  std::vector<AcknowledgeBatch> acknowledgements;
  ErrorCode acknowledge_error = ErrorCode::none;
  bool acquires = false;
  ShareOffer offer;
  ShareAcquired answer;
};

Row make_row(Request& request, const ShareSession& session, const ShareTopicPartition& target) {
  Row row;
  row.target = target;
  row.share = {session.group, target.topic, target.partition};
  row.member = session.member;
  const TopicLookup found = look_up(*request.catalog, {}, target.topic, true, target.partition);
  if (found.topic == nullptr || is_internal_topic(found.topic->name)) {
    row.answer.error = found.topic == nullptr ? found.error : ErrorCode::topic_authorization_failed;
    row.acknowledge_error = row.answer.error;
    return row;
  }
  row.key = {target.topic, target.partition};
  row.shard = request.shard.broker().shard_of(row.key);
  return row;
}

// Renewals must be announced, and may be forbidden for the group.
template <class Topics>
void add_acknowledgements(Request& request, const ShareSession& session, const Topics& topics,
                          bool renews, std::vector<Row>& rows) {
  const auto may_renew = [&request, &session] {
    const auto& configs = request.catalog->configs(ResourceType::group, session.group);
    return effective_group_config(*request.options, configs).share_renew_acknowledge_enable;
  };
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      if (partition.acknowledgement_batches.empty()) continue;
      const ShareTopicPartition target{topic.topic_id, partition.partition_index};
      auto row = std::ranges::find(rows, target, &Row::target);
      if (row == rows.end()) row = rows.insert(rows.end(), make_row(request, session, target));
      for (const auto& batch : partition.acknowledgement_batches) {
        row->acknowledgements.push_back({batch.first_offset, batch.last_offset,
                                         batch.acknowledge_types,
                                         std::chrono::milliseconds(batch.delay_ms), batch.reason});
        const bool renewal = std::ranges::find(batch.acknowledge_types, std::int8_t{4}) !=
                             batch.acknowledge_types.end();
        if (renewal && !renews) row->acknowledge_error = ErrorCode::invalid_request;
        if (renewal && renews && !may_renew())
          row->acknowledge_error = ErrorCode::invalid_record_state;
      }
    }
  }
}

// On the shard of the rows, as the three after it.
Task<> acknowledge_on(const ShardRows<Row>* work) {
  for (Row* row : work->rows) {
    if (row->acknowledgements.empty() || row->acknowledge_error != ErrorCode::none) continue;
    row->acknowledge_error =
        co_await work->shard->shares().acknowledge(&row->share, row->member, row->acknowledgements);
  }
}

Task<> acquire_on(const ShardRows<Row>* work, ShareAcquireQuery* query, std::int64_t* bytes) {
  for (Row* row : work->rows) {
    if (!row->acquires) continue;
    row->answer = {};
    query->exceeds = *bytes == 0;
    if (query->limits.records_max <= 0 || query->bytes_max <= 0) continue;
    row->answer = co_await work->shard->shares().acquire(&row->share, query);
    row->offer = {0, -1, row->answer.high_watermark};
    query->limits.records_max -= row->answer.count;
    query->bytes_max -= row->answer.bytes;
    *bytes += row->answer.bytes;
  }
}

Task<> look_on(const ShardRows<Row>* work, std::int64_t enough, std::int64_t* bytes) {
  for (Row* row : work->rows) {
    if (!row->acquires || *bytes >= enough) continue;
    row->offer = co_await work->shard->shares().offered(&row->share, enough - *bytes);
    *bytes += row->offer.bytes;
  }
}

Task<> park_on(const ShardRows<Row>* work, std::shared_ptr<FetchWaiter> waiter) {
  for (Row* row : work->rows)
    if (row->acquires) co_await work->shard->shares().park(&row->share, waiter, row->offer);
}

Task<> acknowledge_all(Request& request, std::vector<Row>& rows) {
  const std::vector<ShardRows<Row>> works = by_shard(request.shard, rows);
  for (const auto& work : works) co_await on(request.shard, *work.shard, acknowledge_on(&work));
}

using Works = std::vector<ShardRows<Row>>;

ShareAcquireQuery query_of(const Request& request, const ShareFetchRequest& message,
                           const ShareSession& session) {
  ShareAcquireQuery query;
  query.member = session.member;
  query.session = session.number;
  query.bytes_max =
      std::min<std::int64_t>(std::max(message.max_bytes, 0), request.options->fetch_max_bytes);
  query.limits.records_max = message.max_records;
  query.limits.mode =
      message.share_acquire_mode == 1 ? AcquireMode::exact_count : AcquireMode::whole_batches;
  query.limits.range_records = message.batch_size;
  return query;
}

// MinBytes: whether so much is there to be acquired. What is acquired is locked, so it is looked at
// before.
Task<bool> is_enough(Request& request, const Works& works, std::int64_t enough) {
  if (enough <= 1) co_return true;
  std::int64_t bytes = 0;
  for (const auto& work : works)
    co_await on(request.shard, *work.shard, look_on(&work, enough, &bytes));
  co_return bytes >= enough;
}

// Until the deadline, or something changes for one of the rows. False: there is no time left.
Task<bool> wait_for_news(Request& request, const Works& works, TimePoint deadline) {
  Shard& shard = request.shard;
  const auto is_over = [&] { return shard.stopping() || request.parked.abandoned; };
  if (is_over() || shard.timers().now() >= deadline) co_return false;
  auto waiter = std::make_shared<FetchWaiter>(shard.executor(), shard.timers().make_timer());
  request.parked.waiter = waiter;
  for (const auto& work : works) co_await on(shard, *work.shard, park_on(&work, waiter));
  if (is_over()) co_return false;
  co_return co_await waiter->wait_until(deadline);
}

// Until MinBytes were acquired, or less when the time is over; or an error.
Task<> acquire_or_wait(Request& request, const ShareFetchRequest& message,
                       const ShareSession& session, std::vector<Row>& rows) {
  Shard& shard = request.shard;
  const Works works = by_shard(shard, rows);
  request.served_by = shard_of_all(works);
  const TimePoint deadline =
      shard.timers().now() + std::chrono::milliseconds(std::max(message.max_wait_ms, 0));
  const auto has_news = [](const Row& row) {
    return row.answer.error != ErrorCode::none || row.acknowledge_error != ErrorCode::none ||
           !row.acknowledgements.empty();
  };
  bool waits = message.max_wait_ms > 0 && !works.empty() && !std::ranges::any_of(rows, has_news);
  for (;;) {
    const std::int64_t enough = waits ? std::min(message.min_bytes, message.max_bytes) : 0;
    const bool takes = co_await is_enough(request, works, enough);
    if (takes) {
      ShareAcquireQuery query = query_of(request, message, session);
      std::int64_t bytes = 0;
      for (const auto& work : works)
        co_await on(shard, *work.shard, acquire_on(&work, &query, &bytes));
      if (bytes > 0 || !waits || std::ranges::any_of(rows, has_news)) co_return;
    }
    waits = co_await wait_for_news(request, works, deadline);
    if (takes && !waits) co_return;
  }
}

// A coordinator's errors have no place here: Java's client ends on them. On this one it asks for
// metadata and tries again, which is what they mean after a restart.
ErrorCode partition_error(ErrorCode error) {
  const bool soon = error == ErrorCode::coordinator_load_in_progress ||
                    error == ErrorCode::coordinator_not_available;
  return soon ? ErrorCode::not_leader_or_follower : error;
}

ShareFetchResponse::Partition make_partition(Row& row) {
  ShareFetchResponse::Partition out;
  out.partition_index = row.target.partition;
  out.error_code = partition_error(row.answer.error);
  out.acknowledge_error_code = row.acknowledge_error;
  out.current_leader = {-1, -1};
  protocol::Records records;
  for (storage::Slice& slice : row.answer.records)
    records.slices.push_back({slice.bytes, std::move(slice.owner), slice.file});
  out.records = std::move(records);
  for (const AcquiredRange& range : row.answer.ranges)
    out.acquired_records.push_back({range.first, range.last, range.deliveries});
  return out;
}

void fill(ShareFetchResponse& response, std::vector<Row>& rows) {
  for (Row& row : rows) {
    const bool news = !row.answer.ranges.empty() || row.answer.error != ErrorCode::none ||
                      !row.acknowledgements.empty();
    if (!news) continue;
    if (response.responses.empty() || response.responses.back().topic_id != row.target.topic)
      response.responses.emplace_back().topic_id = row.target.topic;
    response.responses.back().partitions.push_back(make_partition(row));
  }
}

// Those that returned records go last, so that none starves.
void rotate(ShareSession& session, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    if (row.answer.ranges.empty()) continue;
    std::erase(session.targets, row.target);
    session.targets.push_back(row.target);
  }
}

std::int32_t lock_timeout(const Request& request, std::string_view group) {
  const auto& configs = request.catalog->configs(ResourceType::group, group);
  return effective_group_config(*request.options, configs).share_record_lock_duration_ms;
}

bool renews_badly(const ShareFetchRequest& message) {
  return message.is_renew_ack && (message.max_wait_ms != 0 || message.min_bytes != 0 ||
                                  message.max_bytes != 0 || message.max_records != 0);
}

Task<> release_one(Shard* to, ShareKey key, std::string member, std::uint64_t number) {
  co_await to->shares().release(std::move(key), std::move(member), number);
}

}  // namespace

Task<> release_share_session(Shard& home, ShareSession session) {
  for (const ShareTopicPartition& target : session.targets) {
    Shard& shard = home.broker().home_of({target.topic, target.partition});
    ShareKey key{session.group, target.topic, target.partition};
    co_await on(home, shard, release_one(&shard, std::move(key), session.member, session.number));
  }
}

namespace {

Task<> end_session(Request& request, ShareSessions& sessions, const ShareSession& session) {
  ShareSession over = session;
  sessions.end(session);
  co_await release_share_session(request.shard, std::move(over));
}

}  // namespace

Task<Served> handle_share_fetch(Request& request, const ShareFetchRequest& message) {
  ShareFetchResponse response;
  ShareSessions& sessions = request.sessions.share();
  ShareSessions::Plan plan;
  if (renews_badly(message))
    plan.error = ErrorCode::invalid_request;
  else
    plan =
        sessions.begin(message, request.shard.broker().next_share_session(),
                       request.shard.broker().share_session_places(),
                       static_cast<std::size_t>(request.options->group_share_max_share_sessions));
  for (ShareSession& former : plan.replaced)
    co_await release_share_session(request.shard, std::move(former));
  response.error_code = plan.error;
  std::vector<Row> rows;
  if (plan.error == ErrorCode::none) {
    ShareSession& session = *plan.session;
    if (!plan.ends)
      for (const ShareTopicPartition& target : session.targets) {
        rows.push_back(make_row(request, session, target));
        rows.back().acquires = !message.is_renew_ack;
      }
    add_acknowledgements(request, session, message.topics, message.is_renew_ack, rows);
    co_await acknowledge_all(request, rows);
    if (!plan.ends && !message.is_renew_ack)
      co_await acquire_or_wait(request, message, session, rows);
    response.acquisition_lock_timeout_ms = lock_timeout(request, session.group);
    rotate(session, rows);
    fill(response, rows);
    if (plan.ends) co_await end_session(request, sessions, session);
  }
  const auto error = protocol::encode_response(response, request.version(),
                                               request.parsed.header.correlation_id, request.reply);
  co_return error == protocol::WireError::none ? Served::replied : Served::close;
}

Task<ShareAcknowledgeResponse> handle_share_acknowledge(Request& request,
                                                        const ShareAcknowledgeRequest& message) {
  ShareAcknowledgeResponse response;
  ShareSessions& sessions = request.sessions.share();
  const ShareSessions::Plan plan = sessions.begin(message);
  response.error_code = plan.error;
  if (plan.error != ErrorCode::none) co_return response;
  ShareSession& session = *plan.session;
  std::vector<Row> rows;
  add_acknowledgements(request, session, message.topics, message.is_renew_ack, rows);
  co_await acknowledge_all(request, rows);
  response.acquisition_lock_timeout_ms = lock_timeout(request, session.group);
  for (const Row& row : rows) {
    if (response.responses.empty() || response.responses.back().topic_id != row.target.topic)
      response.responses.emplace_back().topic_id = row.target.topic;
    auto& out = response.responses.back().partitions.emplace_back();
    out.partition_index = row.target.partition;
    out.error_code = row.acknowledge_error;
    out.current_leader = {-1, -1};
  }
  if (plan.ends) co_await end_session(request, sessions, session);
  co_return response;
}

}  // namespace sluice::broker
