// The records that handlers of a run have, each in a slot of its own, used again: a run allocates
// nothing for a record.
// Internal: includes Asio; public headers only forward-declare this.
#pragma once

#include "client/host.hpp"
#include "client/queue_chunk.hpp"
#include "sluice/queue_consumer.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace sluice::client {

class QueueCore;
class QueueRun;

struct RunningRecord {
  QueueRun* run = nullptr;
  QueueRecord record;
  std::shared_ptr<const QueueChunk> chunk;  // what the record's views borrow from; null: free
};

// Belongs to the loop, but for what a Settlement does.
class QueueRun : public std::enable_shared_from_this<QueueRun> {
 public:
  QueueRun(const std::shared_ptr<Host>& host, QueueConsumer::AsyncHandler handler,
           QueueRunOptions options);

  void begin(QueueCore& core) { core_ = &core; }
  // What is settled later is not heard.
  void end() { core_ = nullptr; }

  bool has_room() const { return !free_.empty() && !failure_; }
  bool idle() const { return free_.size() == slots_.size(); }
  // Hands the record to the handler. Requires: has_room().
  void start(const QueueRecord& record, std::shared_ptr<const QueueChunk> chunk);
  // The records that handlers still have.
  std::vector<const QueueRecord*> unsettled() const;

  const QueueRunOptions& options() const { return options_; }
  std::uint64_t lost() const { return lost_; }  // settled when they were not ours any more
  const std::optional<Error>& failure() const { return failure_; }

  // From any thread.
  void settle(RunningRecord* record, Disposition disposition);
  void wake();

 private:
  void settled(RunningRecord& record, const Disposition& disposition);

  std::weak_ptr<Host> host_;  // what is posted to its loop keeps the run
  QueueConsumer::AsyncHandler handler_;
  QueueRunOptions options_;
  std::vector<RunningRecord> slots_;
  std::vector<RunningRecord*> free_;
  QueueCore* core_ = nullptr;
  std::uint64_t lost_ = 0;
  std::optional<Error> failure_;  // a handler asked for what cannot be
};

}  // namespace sluice::client
