// A share session with one broker, without I/O (KIP-932): what to ask next, and what an answer
// means. One request is on its way at a time, as the session's epochs demand: 0 opens it, then 1,
// 2, …; it ends with its connection, and with it what was held.
//
// Acknowledgements must not wait behind a fetch that waits for records. So a fetch waits long only
// while nothing is held, for there is nothing to acknowledge then; while something is held it waits
// a few milliseconds; and one that carries acknowledgements does not wait at all.
#pragma once

#include "client/queue_held.hpp"
#include "client/queue_member.hpp"
#include "protocol/messages/share_acknowledge.hpp"
#include "protocol/messages/share_fetch.hpp"
#include "sluice/error.hpp"
#include "sluice/queue_consumer.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::client {

struct QueueTarget {
  QueuePartition id;
  TopicPartition where;
};

class QueueSession {
 public:
  struct Options {
    std::string group_id;
    std::string member_id;
    std::chrono::milliseconds fetch_wait{500};
    std::chrono::milliseconds busy_fetch_wait{5};
    std::size_t records_max = 500;
    std::size_t bytes_max = 8 * 1024 * 1024;
    Acquire acquire = Acquire::batches;
    std::chrono::milliseconds retry_backoff{50};
  };
  // What the broker on the other side knows.
  struct Abilities {
    bool renews = false;   // KIP-1222
    bool details = false;  // delays and reasons: it is a sluice
  };
  enum class Step : std::uint8_t { idle, wait, fetch, acknowledge };
  struct Action {
    Step step = Step::idle;
    TimePoint at{};  // wait: until then, unless something changes
  };
  enum class Demand : bool { no, yes };

  // Of one partition, as the answer has it. Lifetime: the answer's.
  struct Acquired {
    QueueTarget target;
    std::optional<Bytes> records;
    std::vector<protocol::ShareFetchResponse::AcquiredRecords> ranges;
  };

  struct Partition {
    QueueTarget target;
    bool wanted = false;
    bool told = false;  // the broker has it in this session
    int attempts = 0;
    HeldRecords held;
    AckQueue settlements;
    AckQueue renewals;
    std::vector<Ack> sent;
  };

  explicit QueueSession(Options options) : options_(std::move(options)) {}

  // Which partitions to read here; what is held of others stays.
  void assign(const std::vector<QueueTarget>& targets);
  void set_abilities(Abilities abilities) { abilities_ = abilities; }
  const Abilities& abilities() const { return abilities_; }

  // `demand`: somebody wants records. Requires: no request on its way.
  Action next(TimePoint now, Demand demand) const;
  protocol::ShareFetchRequest begin_fetch(TimePoint now);
  // Renewals, or everything else that was said.
  protocol::ShareAcknowledgeRequest begin_acknowledge(TimePoint now);
  // The last request: ends the session, and the broker releases what is left.
  protocol::ShareAcknowledgeRequest begin_farewell(TimePoint now);
  // How long the fetch that began last may wait at the broker.
  std::chrono::milliseconds wait() const { return wait_; }

  std::vector<Acquired> on_fetch(const protocol::ShareFetchResponse& response, TimePoint now);
  void on_acknowledge(const protocol::ShareAcknowledgeResponse& response, TimePoint now);
  // The session is over, with whatever was on its way.
  void on_disconnect(const Error& error, TimePoint now);

  // Null when the record is not held here, or was acknowledged.
  Partition* find(const RecordPlace& record);
  std::map<QueuePartition, Partition>& partitions() { return partitions_; }
  const std::map<QueuePartition, Partition>& partitions() const { return partitions_; }
  // The record goes to the user. False: its lock or its session was lost meanwhile.
  bool give(const RecordPlace& record, TimePoint now);

  bool open() const { return epoch_ > 0; }
  // Whether acknowledgements are still to be sent or answered; renewals do not count.
  bool settling() const;
  std::size_t held() const;
  // As the broker said last; 0: not yet.
  std::chrono::milliseconds lock_duration() const { return lock_duration_; }

  // What became of acknowledgements since it was asked last.
  Acknowledged take_outcomes() { return std::exchange(outcomes_, {}); }
  const QueueTotals& totals() const { return totals_; }
  // What a poll should tell; cleared by reading.
  std::optional<Error> take_failure() { return std::exchange(failure_, std::nullopt); }
  // Whether an answer said that our metadata is out of date, since it was asked last.
  bool take_stale() { return std::exchange(stale_, false); }

 private:
  enum class Sending : std::uint8_t { nothing, settlements, renewals };

  template <class Topics>
  void add_acks(Topics& topics, Sending what);
  bool renewals_wait() const;
  bool settlements_wait() const;
  // Of partitions that are not ours any more: a fetch that names one would read from it again.
  bool strays_wait() const;
  // The answer to what was sent for this partition.
  void settle(Partition& partition, protocol::ErrorCode error, TimePoint now);
  void confirm(Partition& partition);
  void give_up(Partition& partition, const Error& error);
  void note_outcome(const Partition& partition, const Error* error);
  // Ends the session: everything that was held or said is void.
  void start_over(const Error& error, TimePoint now);
  bool accept_answer(protocol::ErrorCode error, TimePoint now);
  void forget_unused();

  Options options_;
  Abilities abilities_;
  std::map<QueuePartition, Partition> partitions_;
  Partition* last_found_ = nullptr;
  std::vector<QueuePartition> forgotten_;  // to be told
  std::int32_t epoch_ = 0;
  Sending sending_ = Sending::nothing;
  TimePoint sent_at_{};
  std::chrono::milliseconds wait_{};
  TimePoint not_before_{};
  std::chrono::milliseconds lock_duration_{};
  Acknowledged outcomes_;
  QueueTotals totals_;
  std::optional<Error> failure_;
  bool stale_ = false;
};

}  // namespace sluice::client
