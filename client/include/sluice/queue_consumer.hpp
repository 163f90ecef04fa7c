// QueueConsumer: a member of a share group (KIP-932). Many members take records of one partition,
// each record goes to one of them at a time, and each is acknowledged by itself.
//
//   auto queue = QueueConsumer::create({.client = {…}, .group_id = "mail"});
//   auto subscribed = queue->subscribe({"orders"});
//   auto ran = queue->run([](const QueueRecord& order) {
//     return send_mail(order) ? Disposition::accept() : Disposition::release(30s);
//   }, {.concurrency = 8}, Deadline().with(stop));
//
// or by hand: poll(), then accept(), release(), reject() or renew() each record. A record that is
// held longer than the group's share.record.lock.duration.ms, 30 s, goes to another member; one
// that was given out as often as the group allows (5 times) is put aside.
//
// By default blocking and without threads of its own: heartbeats and acknowledgements happen inside
// the calls, on the caller's thread. On a Runtime (sluice/runtime.hpp) its thread does that, and
// any thread may call.
//
// Delays and reasons are sluice's: a broker of another make refuses them (Errc::unsupported).
#pragma once

#include "sluice/completion.hpp"
#include "sluice/error.hpp"
#include "sluice/export.hpp"
#include "sluice/queue_record.hpp"
#include "sluice/result.hpp"
#include "sluice/types.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// How many records a fetch may take (KIP-1206): whole batches of the log, which may be more than
// fetch_records and cost the least; or never more, for records that take long to handle.
enum class Acquire : std::uint8_t { batches = 0, exact = 1 };

struct QueueConsumerOptions {
  ClientOptions client;
  std::string group_id;
  std::size_t fetch_records = 500;  // that one fetch takes
  Acquire acquire = Acquire::batches;
  std::size_t fetch_bytes_max = 8 * 1024 * 1024;  // of one answer
  // How long the broker may wait for records while we hold none of its, and while we do. Whatever
  // is acknowledged meanwhile waits for its answer, so the latter is short.
  std::chrono::milliseconds fetch_wait{500};
  std::chrono::milliseconds busy_fetch_wait{5};
  bool check_crcs = true;
};

struct QueueRunOptions {
  std::size_t concurrency = 1;  // handlers at a time
  // How long handlers may take to end once the run is to stop. What is not settled then is
  // released.
  std::chrono::milliseconds drain{30'000};
};

namespace client {
class QueueCore;
// Ends a client; inside a completion without waiting for it.
struct SLUICE_EXPORT RetireQueueConsumer {
  void operator()(QueueCore* core) const;
};
}  // namespace client

class SLUICE_EXPORT QueueConsumer {
 public:
  using Records = std::span<const QueueRecord>;
  // On a thread of the run's own. The record is valid until it returns; what it throws releases the
  // record.
  using Handler = std::function<Disposition(const QueueRecord&)>;
  // On the thread of the loop, where it must not block; settles now or later.
  using AsyncHandler = std::function<void(const QueueRecord&, Settlement)>;

  // Connects at first use. Errors: Errc::invalid_argument.
  static Result<QueueConsumer> create(QueueConsumerOptions options);
  // Leaves the group; what is held is released, and what was acknowledged and not sent is dropped:
  // close() sends it.
  ~QueueConsumer();
  QueueConsumer(QueueConsumer&&) noexcept;
  QueueConsumer& operator=(QueueConsumer&&) noexcept;

  // Joins the group for these topics, or changes them. Error: Errc::invalid_argument for none.
  Result<> subscribe(std::vector<std::string> topics);
  // Partitions that are read for this member. Others may read them, too.
  std::vector<TopicPartition> assignment() const;

  // Waits for records, and sends on the way what was acknowledged; none in time is an empty range.
  // Records that were given out before stay held.
  // Errors: the broker's that do not pass; Errc::corrupt_batch, and its records are released;
  // Errc::unreachable while no broker can be connected to; Errc::invalid_argument during a run.
  Result<Records> poll(std::chrono::milliseconds wait);
  Result<Records> poll(Deadline deadline);
  void poll(Done<Records> done, Deadline deadline);

  // Say what became of a record that is held. They only take note; flush() tells whether the broker
  // knows. Errors: ErrorCode::invalid_record_state when the record is not held: it was acknowledged
  // before, or its lock or its connection was lost; Errc::unsupported for a delay or a reason at a
  // broker that is no sluice, and the record stays held; Errc::invalid_argument for a negative
  // delay or a reason above 1000 bytes.
  Result<> accept(const RecordPlace& record);
  Result<> release(const RecordPlace& record,
                   std::optional<std::chrono::milliseconds> delay = std::nullopt);
  Result<> reject(const RecordPlace& record, std::string_view reason = {});
  Result<> acknowledge(const RecordPlace& record, const Disposition& disposition);
  // The lock begins anew, for one more share.record.lock.duration.ms. Errors: as accept();
  // Errc::unsupported at a broker without KIP-1222.
  Result<> renew(const RecordPlace& record);
  // The same for all of them. All are tried; the error is the first one.
  Result<> accept(Records records);
  Result<> release(Records records, std::optional<std::chrono::milliseconds> delay = std::nullopt);
  Result<> reject(Records records, std::string_view reason = {});
  Result<> renew(Records records);

  // Sends what was acknowledged, waits for the answers, and says what became of all that was
  // acknowledged since the last flush. Durable where it says so. Error: Errc::timed_out.
  Result<Acknowledged> flush(Deadline deadline = {});
  void flush(Done<Acknowledged> done, Deadline deadline = {});

  // Gives each record to the handler and does what it says, renewing locks meanwhile, until the
  // deadline or a stop; then waits for the handlers that run, releases what they did not begin, and
  // flushes. Returns what was done, also at the deadline.
  // Errors: as poll(), and Errc::unsupported when a handler asked for what the broker has not (its
  // record is released).
  Result<QueueTotals> run(Handler handler, QueueRunOptions options, Deadline deadline);
  Result<QueueTotals> run_async(AsyncHandler handler, QueueRunOptions options, Deadline deadline);
  // The same, and reports. A stop drains, too.
  void run_async(Done<QueueTotals> done, AsyncHandler handler, QueueRunOptions options,
                 Deadline deadline);

  // Flushes, releases what is held, leaves the group and disconnects. Error: the first one of the
  // flush.
  Result<> close(Deadline deadline = {});

 private:
  using Core = std::unique_ptr<client::QueueCore, client::RetireQueueConsumer>;
  explicit QueueConsumer(Core core);
  Core core_;
};

}  // namespace sluice
