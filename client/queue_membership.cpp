// The parts of a QueueCore that talk: the membership in its group, and the sessions with brokers.
#include "client/queue_core.hpp"
#include "protocol/api.hpp"
#include "protocol/messages/share_group_heartbeat.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

// Its presence in a broker's list of APIs says that it is a sluice.
constexpr auto sluice_api_key = static_cast<std::int16_t>(protocol::ApiKey::describe_queue);
constexpr protocol::Version renewing_version = 2;
constexpr std::chrono::seconds look_again{1};

}  // namespace

// ---- Membership ----

Task<> QueueCore::keep_membership(QueueCore* self) {
  while (!self->stopping_) {
    const auto at = self->cluster_->now();
    self->distribute();
    self->refresh_if_due(at);
    const auto action = self->member_.next(at);
    switch (action.step) {
      case QueueMember::Step::find_coordinator:
        co_await self->find_coordinator();
        break;
      case QueueMember::Step::heartbeat:
        co_await self->heartbeat();
        break;
      case QueueMember::Step::wait:
        co_await self->work_.wait(std::min<TimePoint>(action.at, at + look_again));
        break;
      case QueueMember::Step::failed:
        self->changed_.notify();
        co_await self->work_.wait(at + look_again);
        break;
      case QueueMember::Step::idle:
        co_await self->work_.wait(at + look_again);
        break;
    }
  }
}

Task<Result<Cluster::Link>> QueueCore::coordinator(TimePoint deadline) {
  if (coordinator_ < 0) {
    const std::string group = options_.group_id;
    const auto found = co_await cluster_->find_coordinator(group, deadline);
    if (!found) co_return std::unexpected(found.error());
    coordinator_ = *found;
  }
  auto link = co_await cluster_->node(coordinator_, deadline, Purpose::coordinator);
  if (!link) coordinator_ = -1;
  co_return link;
}

Task<> QueueCore::find_coordinator() {
  coordinator_ = -1;
  const auto link = co_await coordinator(cluster_->now() + cluster_->options().request_timeout);
  if (link)
    trouble_.reset();
  else
    note(link.error());
  member_.on_coordinator(link.has_value(), cluster_->now());
}

Task<> QueueCore::heartbeat() {
  const auto deadline = cluster_->now() + cluster_->options().request_timeout;
  auto link = co_await coordinator(deadline);
  if (!link) {
    note(link.error());
    co_return member_.on_disconnect(cluster_->now());
  }
  const auto topics = member_.topics();  // may change while the request is on its way
  auto request = member_.heartbeat();
  if (request.subscribed_topic_names)
    request.subscribed_topic_names->assign(topics.begin(), topics.end());
  const auto reply = co_await call<protocol::ShareGroupHeartbeatResponse>(*link, request, deadline);
  if (!reply) {
    note(reply.error());
    if (reply.error().is(Errc::unsupported)) failure_ = reply.error();
    co_return member_.on_disconnect(cluster_->now());
  }
  trouble_.reset();
  member_.on_heartbeat(reply->body, cluster_->now());
}

Task<> QueueCore::leave(TimePoint deadline) {
  if (!member_.joined()) co_return;
  const auto link = co_await coordinator(deadline);
  if (!link) co_return;  // the session timeout tells them in the end
  const auto request = member_.farewell();
  member_.on_left();
  const auto reply = co_await call<protocol::ShareGroupHeartbeatResponse>(*link, request, deadline);
  static_cast<void>(reply);
}

// ---- Which broker has what ----

void QueueCore::distribute() {
  const std::pair revisions{member_.revision(), cluster_->metadata().revision()};
  if (distributed_ == revisions) return;
  distributed_ = revisions;
  leader_unknown_ = false;
  std::map<BrokerId, std::vector<QueueTarget>> by_leader;
  for (const auto& id : member_.assigned()) {
    const TopicInfo* topic = cluster_->metadata().topic(id.topic);
    const auto* info = topic ? cluster_->metadata().partition(topic->name, id.partition) : nullptr;
    if (info == nullptr || info->leader < 0) {
      leader_unknown_ = true;
      continue;
    }
    by_leader[info->leader].push_back({id, {topic->name, id.partition}});
  }
  for (const auto& [leader, targets] : by_leader) {
    if (nodes_.contains(leader)) continue;
    const QueueSession::Options options{.group_id = options_.group_id,
                                        .member_id = member_.member_id(),
                                        .fetch_wait = options_.fetch_wait,
                                        .busy_fetch_wait = options_.busy_fetch_wait,
                                        .records_max = options_.fetch_records,
                                        .bytes_max = options_.fetch_bytes_max,
                                        .acquire = options_.acquire,
                                        .retry_backoff = options_.client.retry_backoff};
    auto& node = nodes_[leader];
    node = std::make_unique<Node>(loop(), leader, options);
    cluster_->spawn(run_node(this, node.get()));
  }
  for (const auto& [id, node] : nodes_) {
    node->session.assign(by_leader[id]);
    node->work.notify();
  }
}

void QueueCore::refresh_if_due(TimePoint now) {
  const bool due = leader_unknown_ || cluster_->metadata().stale(now);
  if (!due || refreshing_ || now < refresh_after_) return;
  refreshing_ = true;
  cluster_->spawn(refresh(this));
}

Task<> QueueCore::refresh(QueueCore* self) {
  auto& cluster = *self->cluster_;
  const auto refreshed =
      co_await cluster.refresh(cluster.now() + cluster.options().request_timeout);
  if (!refreshed) self->note(refreshed.error());
  self->refresh_after_ = cluster.now() + cluster.options().retry_backoff * (refreshed ? 1 : 4);
  self->refreshing_ = false;
  self->work_.notify();
}

// ---- One broker ----

Task<> QueueCore::run_node(QueueCore* self, Node* node) {
  while (!self->stopping_) {
    const auto at = self->cluster_->now();
    const auto action = node->session.next(at, self->demand());
    switch (action.step) {
      case QueueSession::Step::fetch:
      case QueueSession::Step::acknowledge:
        node->busy = true;
        if (action.step == QueueSession::Step::fetch)
          co_await self->fetch(node);
        else
          co_await self->send_acknowledgements(node);
        node->busy = false;
        if (auto failure = node->session.take_failure()) self->failure_ = failure;
        if (node->session.take_stale()) {
          self->cluster_->metadata().invalidate();
          self->work_.notify();
        }
        self->changed_.notify();
        break;
      case QueueSession::Step::wait:
        co_await node->work.wait(std::min<TimePoint>(action.at, at + look_again));
        break;
      case QueueSession::Step::idle:
        co_await node->work.wait(at + look_again);
        break;
    }
  }
}

// Errors: those of the connection. Errc::disconnected, too, when a session went with the former
// one.
Task<Result<>> QueueCore::connect(Node* node, TimePoint deadline) {
  if (node->link && node->link->is_open()) co_return Result<>{};
  if (node->session.open()) co_return fail(Errc::disconnected, "share session");
  auto link = co_await cluster_->node(node->id, deadline, Purpose::share);
  if (!link) co_return std::unexpected(link.error());
  node->link = *link;
  const auto version = pick_version(**link, protocol::ShareAcknowledgeRequest::schema);
  node->session.set_abilities({.renews = version && *version >= renewing_version,
                               .details = !(*link)->versions(sluice_api_key).empty()});
  co_return Result<>{};
}

void QueueCore::lose(Node* node, const Error& error) {
  node->session.on_disconnect(error, cluster_->now());
  if (stopping_) return;
  note(error);
  if (error.is(Errc::unsupported)) failure_ = error;
  cluster_->metadata().invalidate();
  work_.notify();
}

Task<> QueueCore::fetch(Node* node) {
  const auto deadline = cluster_->now() + cluster_->options().request_timeout;
  const auto connected = co_await connect(node, deadline);
  if (!connected) co_return lose(node, connected.error());
  const auto request = node->session.begin_fetch(cluster_->now());
  const auto link = node->link;
  auto reply =
      co_await call<protocol::ShareFetchResponse>(link, request, deadline + node->session.wait());
  if (!reply) co_return lose(node, reply.error());
  trouble_.reset();
  take_answer(node, reply->frame, reply->body);
}

void QueueCore::take_answer(Node* node, Frame frame, const protocol::ShareFetchResponse& answer) {
  auto chunk = std::make_shared<QueueChunk>();
  chunk->owner = frame.data;
  for (const auto& acquired : node->session.on_fetch(answer, cluster_->now())) {
    const auto left = add_records(*chunk, acquired, options_.check_crcs, decompressor_);
    auto& partition = node->session.partitions().at(acquired.target.id);
    const auto say = [&partition](const std::vector<Offset>& offsets, AckType type) {
      for (const Offset offset : offsets) {
        partition.held.acknowledge(offset);
        partition.settlements.push({.offset = offset, .type = type});
      }
    };
    say(left.gaps, AckType::gap);
    say(left.corrupt, AckType::release);
    unreadable_ += left.corrupt.size();
    if (left.error && !run_) failure_ = left.error;
  }
  if (!chunk->records.empty()) buffered_.push_back({node, std::move(chunk)});
}

Task<> QueueCore::send_acknowledgements(Node* node) {
  const auto deadline = cluster_->now() + cluster_->options().request_timeout;
  const auto connected = co_await connect(node, deadline);
  if (!connected) co_return lose(node, connected.error());
  const auto request = node->session.begin_acknowledge(cluster_->now());
  const auto link = node->link;
  const auto reply = co_await call<protocol::ShareAcknowledgeResponse>(link, request, deadline);
  if (!reply) co_return lose(node, reply.error());
  node->session.on_acknowledge(reply->body, cluster_->now());
}

// Without it the broker releases what is held when the connection ends.
Task<> QueueCore::say_farewell(Node* node, TimePoint deadline) {
  if (node->busy || !node->session.open() || !node->link->is_open()) co_return;
  const auto request = node->session.begin_farewell(cluster_->now());
  const auto link = node->link;
  const auto reply = co_await call<protocol::ShareAcknowledgeResponse>(link, request, deadline);
  static_cast<void>(reply);
}

}  // namespace sluice::client
