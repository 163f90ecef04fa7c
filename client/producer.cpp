// The public face of the producer: on the loop where that is this thread, else through it.
#include "sluice/producer.hpp"

#include "client/operation.hpp"
#include "client/producer_core.hpp"

#include <utility>

namespace sluice {

Delivery::Delivery(std::shared_ptr<const client::BatchOutcome> batch, std::int32_t index,
                   PartitionIndex partition, std::int64_t timestamp_ms)
    : batch_(std::move(batch)), index_(index), partition_(partition), timestamp_ms_(timestamp_ms) {}

bool Delivery::done() const { return batch_ && batch_->done.load(std::memory_order_acquire); }

Result<RecordMetadata> Delivery::result() const {
  if (!done()) return fail(Errc::timed_out, "the record is still on its way");
  return batch_->of({index_, partition_, timestamp_ms_});
}

void client::RetireProducer::operator()(ProducerCore* core) const {
  retire(std::unique_ptr<ProducerCore>(core));
}

Producer::Producer(Core core) : core_(std::move(core)) {}
Producer::~Producer() = default;
Producer::Producer(Producer&&) noexcept = default;
Producer& Producer::operator=(Producer&&) noexcept = default;

Result<Producer> Producer::create(ProducerOptions options) {
  if (options.acks != Acks::all) options.idempotent = false;
  if (options.max_in_flight < 1)
    return fail(Errc::invalid_argument, "ProducerOptions::max_in_flight is below 1");
  if (options.idempotent && options.max_in_flight > client::in_flight_idempotent_max)
    return fail(Errc::invalid_argument,
                "ProducerOptions::max_in_flight is above 5, and idempotent is set");
  if (options.batch_size > options.request_size_max) options.batch_size = options.request_size_max;
  auto cluster = client::Cluster::create(options.client);
  if (!cluster) return std::unexpected(cluster.error());
  return Producer(Core(
      std::make_unique<client::ProducerCore>(std::move(options), std::move(*cluster)).release()));
}

Result<Delivery> Producer::send(const ProducerRecord& record, Deadline deadline) {
  auto& loop = core_->loop();
  if (loop.runs_here()) {
    auto sent = core_->try_send(record);
    if (!sent) return std::unexpected(sent.error());
    if (*sent) {
      if ((*sent)->batch_ready && !loop.inside()) loop.poll();
      const auto& place = (*sent)->place;
      return Delivery(std::move((*sent)->outcome), place.index, place.partition,
                      place.timestamp_ms);
    }
  }
  auto sent = loop.run(core_->send(record, core_->until(deadline)));
  if (!sent) return std::unexpected(sent.error());
  const auto& place = sent->place;
  return Delivery(std::move(sent->outcome), place.index, place.partition, place.timestamp_ms);
}

void Producer::send(const ProducerRecord& record, Done<RecordMetadata> done, Deadline deadline) {
  auto& loop = core_->loop();
  if (loop.runs_here() && !core_->has_backlog() && !deadline.stop_token().stop_possible()) {
    auto sent = core_->try_send(record);  // without a copy
    if (sent && *sent) {
      (*sent)->outcome->waiters.push_back({(*sent)->place, done});
      if ((*sent)->batch_ready && !loop.inside()) loop.poll();
      return;
    }
  }
  auto own = std::make_unique<client::QueuedRecord>(record);
  const auto until = deadline.or_after(core_->options().delivery_timeout);
  if (!deadline.stop_token().stop_possible()) {
    auto post = [core = core_.get(), queued = std::move(own), until, done]() mutable {
      core->post(std::move(queued), until, done);
    };
    if (!loop.runs_here()) return loop.post(std::move(post));
    post();
    if (!loop.inside()) loop.poll();
    return;
  }
  client::start(core_->cluster(), core_->deliver(std::move(own), until), deadline.stop_token(),
                done);
}

Result<RecordMetadata> Producer::wait(const Delivery& delivery, Deadline deadline) {
  if (!delivery.batch_) return fail(Errc::invalid_argument, "an empty delivery");
  if (delivery.done()) return delivery.result();
  const client::RecordPlace place{delivery.index_, delivery.partition_, delivery.timestamp_ms_};
  const auto until = deadline.or_after(core_->options().delivery_timeout);
  return client::run(core_->cluster(), core_->wait(delivery.batch_, place, until), deadline);
}

Result<> Producer::flush(Deadline deadline) {
  const auto until = deadline.or_after(core_->options().delivery_timeout);
  return client::run(core_->cluster(), core_->flush(until), deadline);
}

void Producer::flush(Done<> done, Deadline deadline) {
  const auto until = deadline.or_after(core_->options().delivery_timeout);
  client::start(core_->cluster(), core_->flush(until), deadline.stop_token(), done);
}

void Producer::poll() {
  auto& loop = core_->loop();
  if (!loop.runs_here()) return;
  loop.poll();
}

Result<std::int32_t> Producer::partition_count(std::string_view topic, Deadline deadline) {
  return client::run(core_->cluster(),
                     core_->partition_count(std::string(topic), core_->until(deadline)), deadline);
}

Result<> Producer::close(Deadline deadline) {
  const auto until = deadline.or_after(core_->options().delivery_timeout);
  return core_->loop().run(core_->close(until));
}

}  // namespace sluice
