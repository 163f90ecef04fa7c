// Drives a GroupCoordinator without a broker: simulated time, a log in memory, replies filed by
// token. By default every write is durable at once; hold_writes() keeps them back.
#pragma once

#include "base/random.hpp"
#include "broker/group_coordinator.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::test {

class GroupDriver {
 public:
  using Token = broker::RequestToken;
  using Milliseconds = std::chrono::milliseconds;

  explicit GroupDriver(broker::GroupOptions options = quick(), std::uint64_t seed = 1)
      : random_(seed), coordinator_(options, random_) {
    coordinator_.finish_load(now_);
  }
  // A coordinator that loads `log` instead of starting empty.
  GroupDriver(const std::vector<broker::OffsetsRecord>& log, broker::GroupTime now,
              broker::GroupOptions options = quick(), std::uint64_t seed = 2)
      : random_(seed), coordinator_(options, random_), now_(now), log_(log) {
    for (const broker::OffsetsRecord& record : log) {
      std::optional<Bytes> value;
      if (record.value) value = *record.value;
      coordinator_.load(record.key, value);
    }
    coordinator_.finish_load(now_);
  }

  // Kafka's defaults but for the initial delay, which most tests do not want.
  static broker::GroupOptions quick() {
    broker::GroupOptions options;
    options.initial_rebalance_delay = Milliseconds{0};
    return options;
  }

  broker::GroupCoordinator& coordinator() { return coordinator_; }
  broker::GroupTime now() const { return now_; }
  const std::vector<broker::OffsetsRecord>& log() const { return log_; }

  Token join(const broker::JoinRequest& request) {
    return run([&](Token token) { coordinator_.join(request, token, now_); });
  }
  Token sync(const broker::SyncRequest& request) {
    return run([&](Token token) { coordinator_.sync(request, token, now_); });
  }
  Token leave(const broker::LeaveRequest& request) {
    return run([&](Token token) { coordinator_.leave(request, token, now_); });
  }
  Token commit(const broker::CommitRequest& request) {
    return run([&](Token token) { coordinator_.commit(request, token, now_); });
  }
  Token delete_offsets(const broker::DeleteOffsetsRequest& request) {
    return run([&](Token token) { coordinator_.delete_offsets(request, token, now_); });
  }
  Token delete_groups(const std::vector<std::string_view>& groups) {
    return run([&](Token token) { coordinator_.delete_groups(groups, token, now_); });
  }
  broker::ErrorCode heartbeat(const broker::GroupHeartbeat& request) {
    const broker::ErrorCode error = coordinator_.heartbeat(request, now_);
    pump();
    return error;
  }

  // Lets time pass, with every tick at its deadline.
  void pass(Milliseconds time) {
    const TimePoint until = now_.steady + time;
    for (auto next = coordinator_.next_deadline(); next && *next <= until;
         next = coordinator_.next_deadline()) {
      advance_to(std::max(*next, now_.steady));
      coordinator_.tick(now_);
      pump();
    }
    advance_to(until);
  }
  // Lets time pass without ticks, as when the machine sleeps.
  void skip(Milliseconds time) { advance_to(now_.steady + time); }

  void hold_writes() { holding_ = true; }
  std::size_t held_writes() const { return held_.size(); }
  // The oldest writes become durable; all of them by default. Later ones are durable at once
  // unless still holding.
  void release_writes(std::size_t count = SIZE_MAX) {
    for (; count > 0 && !held_.empty(); --count) {
      broker::GroupAppend write = std::move(held_.front());
      held_.erase(held_.begin());
      store(std::move(write));
    }
    if (held_.empty()) holding_ = false;
    pump();
  }
  // The oldest held write fails.
  void fail_write(broker::ErrorCode error) {
    const std::uint64_t id = held_.front().id;
    held_.erase(held_.begin());
    coordinator_.on_failed(id, error, now_);
    pump();
  }

  bool answered(Token token) const { return replies_.contains(token); }
  // How often a token was answered: never more than once.
  std::size_t answers(Token token) const {
    const auto found = answers_.find(token);
    return found == answers_.end() ? 0 : found->second;
  }
  // The reply to `token`. Requires: answered(token), by a reply of this type.
  template <class Reply>
  Reply reply(Token token) const {
    return std::get<Reply>(replies_.at(token));
  }
  Token last_token() const { return next_token_ - 1; }

  void pump() {
    // Making a write durable may lead to the next one.
    for (auto writes = coordinator_.take_writes(); !writes.empty();
         writes = coordinator_.take_writes()) {
      for (broker::GroupAppend& write : writes) {
        if (holding_) {
          held_.push_back(std::move(write));
        } else {
          store(std::move(write));
        }
      }
    }
    for (broker::GroupCompletion& done : coordinator_.take_completed()) {
      ++answers_[done.token];
      replies_.insert_or_assign(done.token, std::move(done.reply));
    }
  }

 private:
  template <class Call>
  Token run(Call call) {
    const Token token = next_token_++;
    call(token);
    pump();
    return token;
  }
  void store(broker::GroupAppend write) {
    for (broker::OffsetsRecord& record : write.records) log_.push_back(std::move(record));
    coordinator_.on_durable(write.id, now_);
  }
  void advance_to(TimePoint to) {
    now_.wall_ms += std::chrono::duration_cast<Milliseconds>(to - now_.steady).count();
    now_.steady = to;
  }

  SeededRandom random_;
  broker::GroupCoordinator coordinator_;
  broker::GroupTime now_{TimePoint{} + std::chrono::hours{1}, 1'700'000'000'000};
  std::vector<broker::OffsetsRecord> log_;
  bool holding_ = false;
  std::vector<broker::GroupAppend> held_;
  Token next_token_ = 1;
  std::map<Token, broker::GroupReply> replies_;
  std::map<Token, std::size_t> answers_;
};

// A member of a group as a client plays it: joins (twice, when asked for its id), syncs, beats.
class GroupClient {
 public:
  using Token = GroupDriver::Token;
  using Milliseconds = std::chrono::milliseconds;
  using Blob = broker::Blob;

  GroupClient(GroupDriver& driver, std::string group, std::string name)
      : driver_(driver), group_(std::move(group)), name_(std::move(name)) {}

  // What it asks for; change before join().
  std::int16_t join_version = 9;
  std::optional<std::string> instance_id;
  std::string protocol_type = "consumer";
  std::vector<std::pair<std::string, Blob>> protocols{{"range", subscription({"orders"})}};
  Milliseconds session_timeout{10'000};
  Milliseconds rebalance_timeout{60'000};
  // What it knows.
  std::string member_id;
  std::int32_t generation = -1;
  broker::JoinReply joined;
  broker::SyncReply synced;

  static Blob blob(std::string_view text) {
    const Bytes bytes = as_bytes(text);
    return Blob(bytes.begin(), bytes.end());
  }
  // ConsumerProtocolSubscription version 1 with these topics.
  static Blob subscription(const std::vector<std::string>& topics) {
    std::string out("\0\1\0\0\0", 5);
    out += static_cast<char>(topics.size());
    for (const std::string& topic : topics) {
      out += '\0';
      out += static_cast<char>(topic.size());
      out += topic;
    }
    out += "\xff\xff\xff\xff";
    out.append(4, '\0');
    return blob(out);
  }

  broker::JoinRequest join_request() const {
    broker::JoinRequest request;
    request.api_version = join_version;
    request.group_id = group_;
    request.session_timeout = session_timeout;
    request.rebalance_timeout = rebalance_timeout;
    request.member_id = member_id;
    request.instance_id = instance_id;
    request.client_id = name_;
    request.client_host = "/127.0.0.1";
    request.protocol_type = protocol_type;
    for (const auto& [name, metadata] : protocols) request.protocols.push_back({name, metadata});
    return request;
  }
  // Sends JoinGroup, and again with the id it is given. Returns the token of the one that counts.
  Token join() {
    join_token_ = driver_.join(join_request());
    if (driver_.answered(join_token_)) {
      const auto reply = driver_.reply<broker::JoinReply>(join_token_);
      if (reply.error == broker::ErrorCode::member_id_required) {
        member_id = reply.member_id;
        join_token_ = driver_.join(join_request());
      }
    }
    return join_token_;
  }
  bool join_answered() const { return driver_.answered(join_token_); }
  // Takes the answer of the last join over. Requires: join_answered().
  const broker::JoinReply& finish_join() {
    joined = driver_.reply<broker::JoinReply>(join_token_);
    if (joined.error == broker::ErrorCode::none) {
      member_id = joined.member_id;
      generation = joined.generation;
    }
    return joined;
  }
  bool leads() const { return joined.leader == member_id; }

  // Sends SyncGroup; a leader gives everyone "assigned to ID" unless told otherwise.
  Token sync() {
    std::vector<std::pair<std::string, Blob>> assignments;
    if (leads()) {
      for (const auto& member : joined.members) {
        assignments.emplace_back(member.member_id, blob("assigned to " + member.member_id));
      }
    }
    return sync(assignments);
  }
  Token sync(const std::vector<std::pair<std::string, Blob>>& assignments) {
    broker::SyncRequest request;
    request.group_id = group_;
    request.generation = generation;
    request.member_id = member_id;
    request.instance_id = instance_id;
    request.protocol_type = protocol_type;
    const std::string name = joined.protocol_name.value_or("");
    request.protocol_name = name;
    for (const auto& [id, assignment] : assignments)
      request.assignments.push_back({id, assignment});
    sync_token_ = driver_.sync(request);
    return sync_token_;
  }
  bool sync_answered() const { return driver_.answered(sync_token_); }
  const broker::SyncReply& finish_sync() {
    synced = driver_.reply<broker::SyncReply>(sync_token_);
    return synced;
  }
  // What it was told to read, as text.
  std::string assignment() const { return std::string(as_text(synced.assignment)); }

  broker::ErrorCode heartbeat() {
    broker::GroupHeartbeat request;
    request.group_id = group_;
    request.generation = generation;
    request.member_id = member_id;
    request.instance_id = instance_id;
    return driver_.heartbeat(request);
  }
  broker::LeaveReply leave() {
    broker::LeaveRequest request;
    request.group_id = group_;
    request.members.push_back({member_id, instance_id});
    return driver_.reply<broker::LeaveReply>(driver_.leave(request));
  }
  broker::ErrorCode commit(std::string_view topic, std::int32_t partition, std::int64_t offset) {
    broker::CommitRequest request;
    request.group_id = group_;
    request.generation = generation;
    request.member_id = member_id;
    request.instance_id = instance_id;
    request.topics.push_back(
        {.name = topic, .id = {}, .partitions = {{.index = partition, .offset = offset}}});
    const Token token = driver_.commit(request);
    return driver_.reply<broker::CommitReply>(token).topics[0].partitions[0].error;
  }
  Token join_token() const { return join_token_; }
  Token sync_token() const { return sync_token_; }

 private:
  GroupDriver& driver_;
  std::string group_;
  std::string name_;
  Token join_token_ = 0;
  Token sync_token_ = 0;
};

}  // namespace sluice::test
