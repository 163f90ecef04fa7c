// The public face of the queue consumer: on the loop where that is this thread, else through it.
#include "sluice/queue_consumer.hpp"

#include "client/operation.hpp"
#include "client/queue_core.hpp"

#include <boost/asio/thread_pool.hpp>

#include <limits>
#include <utility>

namespace sluice {

void client::RetireQueueConsumer::operator()(QueueCore* core) const {
  retire(std::unique_ptr<QueueCore>(core));
}

QueueConsumer::QueueConsumer(Core core) : core_(std::move(core)) {}
QueueConsumer::~QueueConsumer() = default;
QueueConsumer::QueueConsumer(QueueConsumer&&) noexcept = default;
QueueConsumer& QueueConsumer::operator=(QueueConsumer&&) noexcept = default;

Result<QueueConsumer> QueueConsumer::create(QueueConsumerOptions options) {
  constexpr auto records_max = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max());
  if (options.group_id.empty()) return fail(Errc::invalid_argument, "no group id");
  if (options.fetch_records == 0 || options.fetch_records > records_max)
    return fail(Errc::invalid_argument, "QueueConsumerOptions::fetch_records");
  if (options.fetch_wait.count() < 0 || options.busy_fetch_wait.count() < 0)
    return fail(Errc::invalid_argument, "a negative wait");
  auto cluster = client::Cluster::create(options.client);
  if (!cluster) return std::unexpected(cluster.error());
  return QueueConsumer(
      Core(std::make_unique<client::QueueCore>(std::move(options), std::move(*cluster)).release()));
}

Result<> QueueConsumer::subscribe(std::vector<std::string> topics) {
  return core_->loop().call([&] { return core_->subscribe(std::move(topics)); });
}

std::vector<TopicPartition> QueueConsumer::assignment() const {
  return core_->loop().call([this] { return core_->assignment(); });
}

// ---- Records ----

Result<QueueConsumer::Records> QueueConsumer::poll(std::chrono::milliseconds wait) {
  return poll(Deadline::in(wait));
}

Result<QueueConsumer::Records> QueueConsumer::poll(Deadline deadline) {
  return client::run(core_->cluster(), core_->poll(core_->until(deadline), deadline.stop_token()),
                     deadline);
}

void QueueConsumer::poll(Done<Records> done, Deadline deadline) {
  client::start(core_->cluster(), core_->poll(core_->until(deadline), deadline.stop_token()),
                deadline.stop_token(), done);
}

// ---- Acknowledgements ----

namespace {

// Acknowledges each of them with `say`; the first error.
template <class Say>
Result<> each(client::QueueCore& core, QueueConsumer::Records records, Say say) {
  return core.loop().call([&] {
    Result<> first;
    for (const auto& record : records) {
      auto said = say(record);
      if (first && !said) first = std::move(said);
    }
    return first;
  });
}

}  // namespace

Result<> QueueConsumer::acknowledge(const RecordPlace& record, const Disposition& disposition) {
  return core_->loop().call([&] { return core_->acknowledge(record, disposition); });
}

Result<> QueueConsumer::accept(const RecordPlace& record) {
  return acknowledge(record, Disposition::accept());
}

Result<> QueueConsumer::release(const RecordPlace& record,
                                std::optional<std::chrono::milliseconds> delay) {
  return acknowledge(record, Disposition::release(delay));
}

Result<> QueueConsumer::reject(const RecordPlace& record, std::string_view reason) {
  return acknowledge(record, Disposition::reject(std::string(reason)));
}

Result<> QueueConsumer::renew(const RecordPlace& record) {
  return core_->loop().call([&] { return core_->renew(record); });
}

Result<> QueueConsumer::accept(Records records) {
  const auto all = Disposition::accept();
  return each(*core_, records, [&](const auto& one) { return core_->acknowledge(one, all); });
}

Result<> QueueConsumer::release(Records records, std::optional<std::chrono::milliseconds> delay) {
  const auto all = Disposition::release(delay);
  return each(*core_, records, [&](const auto& one) { return core_->acknowledge(one, all); });
}

Result<> QueueConsumer::reject(Records records, std::string_view reason) {
  const auto all = Disposition::reject(std::string(reason));
  return each(*core_, records, [&](const auto& one) { return core_->acknowledge(one, all); });
}

Result<> QueueConsumer::renew(Records records) {
  return each(*core_, records, [&](const auto& one) { return core_->renew(one); });
}

Result<Acknowledged> QueueConsumer::flush(Deadline deadline) {
  return client::run(core_->cluster(), core_->flush(core_->until(deadline)), deadline);
}

void QueueConsumer::flush(Done<Acknowledged> done, Deadline deadline) {
  client::start(core_->cluster(), core_->flush(core_->until(deadline)), deadline.stop_token(),
                done);
}

// ---- Runs ----

namespace {

Result<std::shared_ptr<client::QueueRun>> make_run(client::QueueCore& core,
                                                   QueueConsumer::AsyncHandler handler,
                                                   QueueRunOptions options) {
  if (!handler || options.concurrency == 0)
    return fail(Errc::invalid_argument, "a run without handlers");
  return std::make_shared<client::QueueRun>(core.cluster().shared_host(), std::move(handler),
                                            options);
}

// A handler on its way to a thread.
struct Handling {
  const QueueConsumer::Handler* handler;
  const QueueRecord* record;
  Settlement settle;
  void operator()() {
    try {
      settle((*handler)(*record));
    } catch (...) {
      settle(Disposition::release());
    }
  }
};

// A run has no deadline of its own.
TimePoint end_of(const Deadline& deadline) { return deadline.or_after(std::chrono::years(10)); }

}  // namespace

Result<QueueTotals> QueueConsumer::run(Handler handler, QueueRunOptions options,
                                       Deadline deadline) {
  if (!handler) return fail(Errc::invalid_argument, "a run without a handler");
  boost::asio::thread_pool threads(options.concurrency);
  auto totals = run_async(
      [&](const QueueRecord& record, Settlement settle) {
        boost::asio::post(threads, Handling{&handler, &record, std::move(settle)});
      },
      options, std::move(deadline));
  threads.join();
  return totals;
}

Result<QueueTotals> QueueConsumer::run_async(AsyncHandler handler, QueueRunOptions options,
                                             Deadline deadline) {
  auto run = make_run(*core_, std::move(handler), options);
  if (!run) return std::unexpected(run.error());
  return core_->loop().run(core_->run(std::move(*run), end_of(deadline), deadline.stop_token()));
}

void QueueConsumer::run_async(Done<QueueTotals> done, AsyncHandler handler, QueueRunOptions options,
                              Deadline deadline) {
  auto run = make_run(*core_, std::move(handler), options);
  if (!run) {
    auto& host = core_->cluster().host();
    return host.complete([done, error = run.error()] { done(std::unexpected(error)); });
  }
  client::start(core_->cluster(),
                core_->run(std::move(*run), end_of(deadline), deadline.stop_token()), {}, done);
}

Result<> QueueConsumer::close(Deadline deadline) {
  return core_->loop().run(core_->close(core_->until(deadline)));
}

}  // namespace sluice
