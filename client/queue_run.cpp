#include "client/queue_run.hpp"

#include "client/queue_core.hpp"

#include <utility>

namespace sluice {

Settlement::Settlement(std::shared_ptr<client::RunningRecord> record)
    : record_(std::move(record)) {}
Settlement::Settlement(Settlement&&) noexcept = default;
Settlement& Settlement::operator=(Settlement&& other) noexcept {
  if (record_ && this != &other) (*this)(Disposition::release());
  record_ = std::move(other.record_);
  return *this;
}
Settlement::~Settlement() {
  if (record_) (*this)(Disposition::release());
}

void Settlement::operator()(Disposition disposition) {
  const auto record = std::exchange(record_, nullptr);
  if (record) record->run->settle(record.get(), std::move(disposition));
}

namespace client {

QueueRun::QueueRun(const std::shared_ptr<Host>& host, QueueConsumer::AsyncHandler handler,
                   QueueRunOptions options)
    : host_(host), handler_(std::move(handler)), options_(options), slots_(options.concurrency) {
  free_.reserve(slots_.size());
  for (auto& slot : slots_) free_.push_back(&slot);
}

void QueueRun::start(const QueueRecord& record, std::shared_ptr<const QueueChunk> chunk) {
  RunningRecord* slot = free_.back();
  free_.pop_back();
  slot->run = this;
  slot->record = record;
  slot->chunk = std::move(chunk);
  handler_(slot->record, Settlement(std::shared_ptr<RunningRecord>(shared_from_this(), slot)));
}

std::vector<const QueueRecord*> QueueRun::unsettled() const {
  std::vector<const QueueRecord*> records;
  for (const auto& slot : slots_)
    if (slot.chunk) records.push_back(&slot.record);
  return records;
}

void QueueRun::settle(RunningRecord* record, Disposition disposition) {
  auto work = [self = shared_from_this(), record, said = std::move(disposition)] {
    self->settled(*record, said);
  };
  if (const auto host = host_.lock()) host->loop().post(std::move(work));
}

void QueueRun::settled(RunningRecord& record, const Disposition& disposition) {
  if (core_ != nullptr) {
    const auto done = core_->acknowledge(record.record, disposition);
    if (!done && done.error().is(ErrorCode::invalid_record_state)) {
      ++lost_;
    } else if (!done) {
      failure_ = done.error();
      const auto released = core_->acknowledge(record.record, Disposition::release());
      if (!released) ++lost_;
    }
    core_->changed().notify();
  }
  record.chunk.reset();
  free_.push_back(&record);
}

void QueueRun::wake() {
  auto work = [self = shared_from_this()] {
    if (self->core_ != nullptr) self->core_->changed().notify();
  };
  if (const auto host = host_.lock()) host->loop().post(std::move(work));
}

}  // namespace client
}  // namespace sluice
