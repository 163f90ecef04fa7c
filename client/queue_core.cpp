#include "client/queue_core.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

constexpr std::size_t reason_size_max = 1000;

std::string new_member_id(Random& random) {
  Uuid id;
  for (auto& octet : id.octets) octet = static_cast<std::byte>(random.next() & 0xff);
  return id.to_string();
}

}  // namespace

QueueCore::QueueCore(QueueConsumerOptions options, std::unique_ptr<Cluster> cluster)
    : options_(std::move(options)),
      cluster_(std::move(cluster)),
      member_(options_.group_id, new_member_id(cluster_->random()), options_.client.retry_backoff),
      work_(cluster_->loop()),
      changed_(cluster_->loop()) {}

QueueCore::~QueueCore() {
  if (stopped_) return;
  const auto stopped = loop().run(stop());
  static_cast<void>(stopped);
  if (loop().runs_here() && !loop().inside()) loop().poll();  // completions that stop() called for
}

Result<> QueueCore::usable() const {
  if (stopping_) return fail(Errc::closed, "queue consumer");
  return {};
}

Result<> QueueCore::subscribe(std::vector<std::string> topics) {
  auto good = usable();
  if (!good) return good;
  if (topics.empty()) return fail(Errc::invalid_argument, "a subscription to no topic");
  for (const auto& topic : topics) cluster_->metadata().want(topic);
  member_.subscribe(std::move(topics));
  work_.notify();
  if (!std::exchange(started_, true)) cluster_->spawn(keep_membership(this));
  return {};
}

std::vector<TopicPartition> QueueCore::assignment() const {
  std::vector<TopicPartition> all;
  for (const auto& [id, node] : nodes_)
    for (const auto& [key, partition] : node->session.partitions())
      if (partition.wanted) all.push_back(partition.target.where);
  std::ranges::sort(all);
  return all;
}

void QueueCore::note(const Error& error) {
  trouble_ = error;
  changed_.notify();
}

void QueueCore::wake_nodes() {
  for (const auto& [id, node] : nodes_) node->work.notify();
}

// ---- Records ----

// Nothing is fetched ahead: what lies in a buffer here is kept from other members.
QueueSession::Demand QueueCore::demand() const {
  const bool wanted = polls_ > 0 || (run_ && run_->has_room());
  return wanted && buffered_.empty() ? QueueSession::Demand::yes : QueueSession::Demand::no;
}

std::optional<Error> QueueCore::failure() {
  if (member_.failure() != ErrorCode::none)
    return Error{make_error_code(member_.failure()), "group " + options_.group_id};
  return std::exchange(failure_, std::nullopt);
}

QueueCore::Records QueueCore::take() {
  given_.reset();
  while (!buffered_.empty()) {
    const Buffered next = std::move(buffered_.front());
    buffered_.pop_front();
    const auto at = cluster_->now();
    std::erase_if(next.chunk->records,
                  [&](const QueueRecord& record) { return !next.node->session.give(record, at); });
    if (next.chunk->records.empty()) continue;
    given_ = next.chunk;
    return given_->records;
  }
  return {};
}

Task<Result<QueueCore::Records>> QueueCore::poll(TimePoint deadline, std::stop_token stop) {
  if (run_) co_return fail(Errc::invalid_argument, "a poll during a run");
  for (;;) {
    if (stop.stop_requested()) co_return fail(Errc::cancelled);
    const auto good = usable();
    if (!good) co_return std::unexpected(good.error());
    const auto records = take();
    if (!records.empty()) co_return records;
    if (auto error = failure()) co_return std::unexpected(*error);
    if (cluster_->now() >= deadline) break;
    ++polls_;
    wake_nodes();
    co_await changed_.wait(deadline);
    --polls_;
  }
  if (trouble_ && trouble_->is(Errc::unreachable)) co_return std::unexpected(*trouble_);
  co_return Records{};
}

// ---- Acknowledgements ----

Result<> QueueCore::acknowledge(const RecordPlace& record, const Disposition& disposition) {
  const auto good = usable();
  if (!good) return good;
  const auto& delay = disposition.delay();
  if (delay && delay->count() < 0) return fail(Errc::invalid_argument, "a negative delay");
  if (disposition.reason().size() > reason_size_max)
    return fail(Errc::invalid_argument, "a reason above 1000 bytes");
  for (const auto& [id, node] : nodes_) {
    auto* partition = node->session.find(record);
    if (partition == nullptr) continue;
    if ((delay || !disposition.reason().empty()) && !node->session.abilities().details)
      return fail(Errc::unsupported, "delays and reasons need a sluice");
    partition->held.acknowledge(record.offset);
    Ack ack{.offset = record.offset, .reason = disposition.reason()};
    if (delay) ack.delay_ms = delay->count();
    if (disposition.kind() == Disposition::Kind::released) ack.type = AckType::release;
    if (disposition.kind() == Disposition::Kind::rejected) ack.type = AckType::reject;
    partition->settlements.push(std::move(ack));
    node->work.notify();
    return {};
  }
  return fail(ErrorCode::invalid_record_state, "the record is not held");
}

Result<> QueueCore::renew(const RecordPlace& record) {
  const auto good = usable();
  if (!good) return good;
  for (const auto& [id, node] : nodes_) {
    auto* partition = node->session.find(record);
    if (partition == nullptr) continue;
    if (!node->session.abilities().renews) return fail(Errc::unsupported, "renewal (KIP-1222)");
    partition->renewals.push({.offset = record.offset, .type = AckType::renew});
    node->work.notify();
    return {};
  }
  return fail(ErrorCode::invalid_record_state, "the record is not held");
}

Task<Result<Acknowledged>> QueueCore::flush(TimePoint until) {
  const auto good = usable();
  if (!good) co_return std::unexpected(good.error());
  const auto settling = [this] {
    return std::ranges::any_of(nodes_,
                               [](const auto& at) { return at.second->session.settling(); });
  };
  wake_nodes();
  while (settling()) {
    if (cluster_->now() >= until) co_return fail(Errc::timed_out, "flush");
    if (stopping_) co_return fail(Errc::closed, "queue consumer");
    co_await changed_.wait(until);
  }
  Acknowledged all;
  for (const auto& [id, node] : nodes_)
    for (auto& [where, outcome] : node->session.take_outcomes()) {
      auto& known = all.try_emplace(where).first->second;
      if (known && !outcome) known = outcome;
    }
  co_return all;
}

// ---- The end ----

Task<Result<>> QueueCore::close(TimePoint until) {
  if (stopping_) co_return Result<>{};
  release_buffered();
  const auto flushed = co_await flush(until);
  Result<> result;
  if (!flushed) result = std::unexpected(flushed.error());
  if (flushed)
    for (const auto& [where, outcome] : *flushed)
      if (result && !outcome) result = outcome;
  stopping_ = true;
  for (const auto& [id, node] : nodes_) co_await say_farewell(node.get(), until);
  const auto stopped = co_await stop();
  static_cast<void>(stopped);
  co_return result;
}

Task<Result<>> QueueCore::stop() {
  if (stopped_) co_return Result<>{};
  stopped_ = stopping_ = true;
  changed_.notify();
  work_.notify();
  wake_nodes();
  co_await leave(cluster_->now() + std::chrono::seconds(1));
  co_return co_await cluster_->stop();
}

}  // namespace sluice::client
