#include "broker/group_shell.hpp"

#include "base/long_time.hpp"
#include "base/planted_bug.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace sluice::broker {

GroupShell::GroupShell(Shard& shard, PartitionKey key, GroupOptions options)
    : shard_(shard),
      log_(shard, key,
           {.not_stored = "group state was not stored",
            .not_read = "group state cannot be read: these groups are not served"}),
      coordinator_(options, shard.random()),
      timer_(shard.timers().make_timer()),
      tasks_(shard.executor()) {}

GroupShell::~GroupShell() = default;

GroupTime GroupShell::now() const { return {shard_.timers().now(), shard_.clock().wall_ms()}; }

std::optional<TimePoint> GroupShell::next_deadline() const {
  const auto classic = coordinator_.next_deadline();
  const auto share = share_groups_.next_deadline();
  return classic && share ? std::min(*classic, *share) : classic ? classic : share;
}

void GroupShell::start() {
  tasks_.spawn(load());
  tasks_.spawn(keep_time());
}

// Clients that are told so ask the same broker again, and find it when it is back; NOT_COORDINATOR
// would make them look for another one.
void GroupShell::abandon() {
  closed_ = true;
  coordinator_.abandon(ErrorCode::coordinator_load_in_progress);
  settle();
}

Task<> GroupShell::stop() {
  abandon();
  stopping_ = true;
  timer_->cancel();
  time_changed_.notify();
  co_await tasks_.drain();
}

// ---- Requests ----

template <class Reply, class Call>
Task<Reply> GroupShell::ask(Call call) {
  if (closed_) {  // nobody would answer it any more
    Reply reply;
    if constexpr (requires { reply.error; }) reply.error = ErrorCode::coordinator_load_in_progress;
    co_return reply;
  }
  const RequestToken token = next_token_++;
  Parked parked;
  parked_.emplace(token, &parked);
  call(token);
  settle();
  while (!parked.reply) co_await parked.arrived.wait();
  co_return std::get<Reply>(std::move(*parked.reply));
}

Task<JoinReply> GroupShell::join(JoinRequest request) {
  if (share_groups_.has_members(request.group_id)) {
    JoinReply refused;
    refused.error = ErrorCode::inconsistent_group_protocol;
    co_return refused;
  }
  auto call = [this, &request](RequestToken token) { coordinator_.join(request, token, now()); };
  co_return co_await ask<JoinReply>(call);
}
Task<SyncReply> GroupShell::sync(SyncRequest request) {
  auto call = [this, &request](RequestToken token) { coordinator_.sync(request, token, now()); };
  co_return co_await ask<SyncReply>(call);
}
Task<LeaveReply> GroupShell::leave(LeaveRequest request) {
  auto call = [this, &request](RequestToken token) { coordinator_.leave(request, token, now()); };
  co_return co_await ask<LeaveReply>(call);
}
Task<CommitReply> GroupShell::commit(CommitRequest request) {
  auto call = [this, &request](RequestToken token) { coordinator_.commit(request, token, now()); };
  co_return co_await ask<CommitReply>(call);
}
Task<DeleteOffsetsReply> GroupShell::delete_offsets(DeleteOffsetsRequest request) {
  auto call = [this, &request](RequestToken token) {
    coordinator_.delete_offsets(request, token, now());
  };
  co_return co_await ask<DeleteOffsetsReply>(call);
}
Task<DeleteGroupsReply> GroupShell::delete_groups(std::vector<std::string_view> group_ids) {
  auto call = [this, &group_ids](RequestToken token) {
    coordinator_.delete_groups(group_ids, token, now());
  };
  co_return co_await ask<DeleteGroupsReply>(call);
}

ErrorCode GroupShell::heartbeat(const GroupHeartbeat& request) {
  const ErrorCode error = coordinator_.heartbeat(request, now());
  settle();
  return error;
}

ShareHeartbeatReply GroupShell::share_heartbeat(const ShareHeartbeat& request) {
  ShareHeartbeatReply reply;
  if (closed_ || !coordinator_.loaded()) {
    reply.error = ErrorCode::coordinator_load_in_progress;
    return reply;
  }
  if (coordinator_.contains(request.group_id)) {
    reply.error = ErrorCode::group_id_not_found;
    reply.message = "Group " + std::string(request.group_id) + " is not a share group.";
    return reply;
  }
  reply = share_groups_.heartbeat(request, *shard_.catalog(), *shard_.options(), now());
  settle();
  return reply;
}

void GroupShell::topic_deleted(const Topic& topic) {
  coordinator_.delete_topic_offsets(topic.name, topic.id, now());
  settle();
}

// After each call to the coordinator: replies go out now, writes at the end of this turn of the
// event loop, the timer follows.
void GroupShell::settle() {
  for (GroupCompletion& done : coordinator_.take_completed()) {
    const auto parked = parked_.find(done.token);
    if (parked == parked_.end()) continue;
    parked->second->reply = std::move(done.reply);
    parked->second->arrived.notify();
    parked_.erase(parked);
  }
  if (coordinator_.has_writes() && !flush_posted_) {
    flush_posted_ = true;
    tasks_.spawn(flush_writes());
  }
  const auto next = next_deadline();
  if (waiting_for_work_ && next)
    time_changed_.notify();
  else if (armed_ && next && *next < *armed_)
    timer_->cancel();
}

// ---- Time ----

Task<> GroupShell::keep_time() {
  while (!stopping_) {
    const auto next = next_deadline();
    if (!next) {
      waiting_for_work_ = true;
      co_await time_changed_.wait();
      waiting_for_work_ = false;
      continue;
    }
    armed_ = next;
    const bool due = co_await timer_->wait_until(*next);
    armed_.reset();
    if (!due || stopping_) continue;
    coordinator_.tick(now());
    share_groups_.tick(now());
    settle();
  }
}

// ---- Storing ----

Task<> GroupShell::flush_writes() {
  co_await asio::post(shard_.executor(), asio::use_awaitable_t<Executor>{});
  flush_posted_ = false;
  std::vector<GroupAppend> writes = coordinator_.take_writes();
  protocol::BatchBuilder builder;
  std::vector<std::uint64_t> ids;
  const std::int64_t wall_ms = shard_.clock().wall_ms();
  for (GroupAppend& one : writes) {
    for (const OffsetsRecord& record : one.records) {
      const protocol::NewRecord stored = new_record(record, wall_ms);
      if (!builder.empty() && builder.size_with(stored) > StateLog::batch_bytes_max)
        tasks_.spawn(write(std::exchange(ids, {}), builder.finish()));
      builder.append(stored);
    }
    ids.push_back(one.id);  // durable with the batch of its last record
  }
  if (!builder.empty()) tasks_.spawn(write(std::move(ids), builder.finish()));
}

Task<> GroupShell::write(std::vector<std::uint64_t> ids, std::vector<std::byte> batch) {
  if (planted(PlantedBug::commit_before_durable)) {
    for (const std::uint64_t id : ids) coordinator_.on_durable(id, now());
    ids.clear();
    settle();
  }
  const auto appended = co_await log_.append(std::move(batch));
  for (const std::uint64_t id : ids) {
    if (appended.error == ErrorCode::none)
      coordinator_.on_durable(id, now());
    else
      coordinator_.on_failed(id, appended.error, now());
  }
  settle();
}

// ---- Loading ----

Task<> GroupShell::load() {
  // Half of the offsets would send consumers back, or past records they never saw: rather none, and
  // clients wait while a person repairs the log.
  const StateLog::Load load_one = [this](const protocol::Record& record, Offset) {
    if (record.key) coordinator_.load(*record.key, record.value);
  };
  if (!co_await log_.read(&stopping_, load_one)) co_return;
  coordinator_.finish_load(now());
  settle();
}

GroupOptions group_options(const Options& options) {
  using std::chrono::milliseconds;
  GroupOptions group;
  group.session_timeout_min = milliseconds(options.group_min_session_timeout_ms);
  group.session_timeout_max = milliseconds(options.group_max_session_timeout_ms);
  group.initial_rebalance_delay = milliseconds(options.group_initial_rebalance_delay_ms);
  group.group_size_max = static_cast<std::size_t>(options.group_max_size);
  group.offsets_retention = std::chrono::minutes(options.offsets_retention_minutes);
  group.retention_check_interval = long_time(options.offsets_retention_check_interval_ms);
  group.offset_metadata_max = static_cast<std::size_t>(options.offset_metadata_max_bytes);
  return group;
}

}  // namespace sluice::broker
