// The part of a QueueCore that runs handlers.
#include "client/queue_core.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace sluice::client {
namespace {

// Locks are looked at so many times in their duration, and renewed when half of it is over.
constexpr int looks_at_locks = 8;
constexpr std::chrono::milliseconds look_at_locks{1'000};  // while their duration is not known

}  // namespace

QueueTotals QueueCore::totals() const {
  QueueTotals sum;
  for (const auto& [id, node] : nodes_) {
    const auto& of = node->session.totals();
    sum.accepted += of.accepted;
    sum.released += of.released;
    sum.rejected += of.rejected;
    sum.unconfirmed += of.unconfirmed;
  }
  sum.unreadable = unreadable_;
  return sum;
}

void QueueCore::begin_handlers(QueueRun& run) {
  while (run.has_room() && !buffered_.empty()) {
    const Buffered next = buffered_.front();
    if (next.chunk->empty()) {
      buffered_.pop_front();
      continue;
    }
    const QueueRecord& record = next.chunk->records[next.chunk->next++];
    if (next.node->session.give(record, cluster_->now())) run.start(record, next.chunk);
  }
  while (!buffered_.empty() && buffered_.front().chunk->empty()) buffered_.pop_front();
}

void QueueCore::renew_due(TimePoint now) {
  if (now < next_renewal_) return;
  next_renewal_ = now + look_at_locks;
  for (const auto& [id, node] : nodes_) {
    const auto duration = node->session.lock_duration();
    if (duration.count() == 0 || !node->session.abilities().renews) continue;
    next_renewal_ = std::min<TimePoint>(next_renewal_, now + duration / looks_at_locks);
    bool renews = false;
    for (auto& [key, partition] : node->session.partitions())
      for (const Offset offset : partition.held.ending_before(now + duration / 2)) {
        partition.renewals.push({.offset = offset, .type = AckType::renew});
        renews = true;
      }
    if (renews) node->work.notify();
  }
}

void QueueCore::release_buffered() {
  for (const Buffered& buffered : std::exchange(buffered_, {}))
    for (; !buffered.chunk->empty(); ++buffered.chunk->next) {
      const auto released =
          acknowledge(buffered.chunk->records[buffered.chunk->next], Disposition::release());
      static_cast<void>(released);  // lost already
    }
}

Task<> QueueCore::drain(std::shared_ptr<QueueRun> run) {
  release_buffered();
  const auto until = cluster_->now() + run->options().drain;
  while (!run->idle() && cluster_->now() < until && !stopping_) {
    renew_due(cluster_->now());
    co_await changed_.wait(std::min(until, next_renewal_));
  }
  run->end();
  release_buffered();  // of a fetch that was on its way
  for (const QueueRecord* record : run->unsettled()) {
    const auto released = acknowledge(*record, Disposition::release());
    static_cast<void>(released);
  }
}

Task<Result<QueueTotals>> QueueCore::run(std::shared_ptr<QueueRun> run, TimePoint until,
                                         std::stop_token stop) {
  const auto good = usable();
  if (!good) co_return std::unexpected(good.error());
  if (run_) co_return fail(Errc::invalid_argument, "a second run at a time");
  run_ = run;
  run->begin(*this);
  given_.reset();
  const auto before = totals();
  const std::stop_callback woken(stop, std::bind_front(&QueueRun::wake, run));
  std::optional<Error> error;
  while (!stop.stop_requested() && !stopping_ && !error && cluster_->now() < until) {
    begin_handlers(*run);
    renew_due(cluster_->now());
    error = run->failure() ? run->failure() : failure();
    if (error) break;
    if (demand() == QueueSession::Demand::yes) wake_nodes();
    co_await changed_.wait(std::min(until, next_renewal_));
  }
  run_.reset();
  co_await drain(run);
  const auto flushed = co_await flush(cluster_->now() + cluster_->options().request_timeout);
  auto did = totals();
  did.accepted -= before.accepted;
  did.released -= before.released;
  did.rejected -= before.rejected;
  did.unconfirmed += run->lost() - before.unconfirmed;
  did.unreadable -= before.unreadable;
  if (!error && run->failure()) error = run->failure();
  if (error) co_return std::unexpected(*error);
  if (!flushed) co_return std::unexpected(flushed.error());
  co_return did;
}

}  // namespace sluice::client
