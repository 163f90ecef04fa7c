// What is behind a QueueConsumer: the membership, a share session for each broker, the records that
// wait to be given out. Carries out what QueueMember and QueueSession decide.
// Everything here belongs to the loop, unless it says "from any thread".
// Internal: includes Asio; public headers only forward-declare this.
#pragma once

#include "client/cluster.hpp"
#include "client/queue_chunk.hpp"
#include "client/queue_member.hpp"
#include "client/queue_run.hpp"
#include "client/queue_session.hpp"
#include "sluice/queue_consumer.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::client {

class QueueCore {
 public:
  using Records = QueueConsumer::Records;

  QueueCore(QueueConsumerOptions options, std::unique_ptr<Cluster> cluster);
  // Leaves the group, so that others need not wait for the session timeout.
  ~QueueCore();

  // From any thread.
  Loop& loop() { return cluster_->loop(); }
  Cluster& cluster() { return *cluster_; }
  TimePoint until(const Deadline& deadline) const {
    return deadline.or_after(options_.client.request_timeout);
  }

  Result<> subscribe(std::vector<std::string> topics);
  std::vector<TopicPartition> assignment() const;
  // Takes nothing once a stop was requested.
  Task<Result<Records>> poll(TimePoint deadline, std::stop_token stop);

  Result<> acknowledge(const RecordPlace& record, const Disposition& disposition);
  Result<> renew(const RecordPlace& record);
  Task<Result<Acknowledged>> flush(TimePoint until);

  // Until `until` or a stop, then drains.
  Task<Result<QueueTotals>> run(std::shared_ptr<QueueRun> run, TimePoint until,
                                std::stop_token stop);
  // Notified when records, outcomes or failures may be new.
  Signal& changed() { return changed_; }

  Task<Result<>> close(TimePoint until);
  // Gives up what was not flushed, and waits until nothing runs any more. Idempotent.
  Task<Result<>> stop();

 private:
  struct Node {
    Node(Loop& loop, BrokerId broker, QueueSession::Options options)
        : id(broker), session(std::move(options)), work(loop) {}
    BrokerId id;
    QueueSession session;
    Signal work;
    Cluster::Link link;
    bool busy = false;  // a request is on its way
  };
  struct Buffered {
    Node* node;
    std::shared_ptr<QueueChunk> chunk;
  };

  Result<> usable() const;
  QueueSession::Demand demand() const;
  void wake_nodes();
  // What poll() must tell its caller.
  std::optional<Error> failure();
  // Records that are still ours, in one chunk; empty: none.
  Records take();
  void note(const Error& error);

  // The membership, and which broker has what.
  static Task<> keep_membership(QueueCore* self);
  Task<Result<Cluster::Link>> coordinator(TimePoint deadline);
  Task<> find_coordinator();
  Task<> heartbeat();
  Task<> leave(TimePoint deadline);
  void distribute();
  void refresh_if_due(TimePoint now);
  static Task<> refresh(QueueCore* self);

  // One broker.
  static Task<> run_node(QueueCore* self, Node* node);
  Task<Result<>> connect(Node* node, TimePoint deadline);
  Task<> fetch(Node* node);
  Task<> send_acknowledgements(Node* node);
  Task<> say_farewell(Node* node, TimePoint deadline);
  void lose(Node* node, const Error& error);
  void take_answer(Node* node, Frame frame, const protocol::ShareFetchResponse& answer);

  // A run.
  void begin_handlers(QueueRun& run);
  void renew_due(TimePoint now);
  void release_buffered();
  Task<> drain(std::shared_ptr<QueueRun> run);
  QueueTotals totals() const;

  QueueConsumerOptions options_;
  std::unique_ptr<Cluster> cluster_;
  QueueMember member_;
  BrokerId coordinator_ = -1;
  std::map<BrokerId, std::unique_ptr<Node>> nodes_;
  protocol::Decompressor decompressor_;
  std::deque<Buffered> buffered_;
  std::shared_ptr<QueueChunk> given_;  // by the last poll
  int polls_ = 0;                      // that wait
  std::shared_ptr<QueueRun> run_;      // the one under way
  std::uint64_t unreadable_ = 0;
  TimePoint next_renewal_{};
  Signal work_;  // of the membership
  Signal changed_;
  bool started_ = false;
  bool stopping_ = false;
  bool stopped_ = false;
  bool refreshing_ = false;
  bool leader_unknown_ = false;
  TimePoint refresh_after_{};
  std::optional<std::pair<std::uint64_t, std::uint64_t>> distributed_;  // revisions
  std::optional<Error> failure_;
  std::optional<Error> trouble_;
};

}  // namespace sluice::client
