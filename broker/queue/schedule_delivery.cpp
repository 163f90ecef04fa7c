#include "broker/queue/schedule_delivery.hpp"

#include "base/planted_bug.hpp"
#include "broker/partition.hpp"
#include "broker/queue/schedule_headers.hpp"
#include "broker/shard.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/batch_rewrite.hpp"
#include "protocol/queue_headers.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

constexpr std::size_t batch_bytes_max = 512 * 1024;

// Batches of one partition, built and appended one after the other.
class Deliverer {
 public:
  Deliverer(Shard& shard, ScheduleTarget target, PartitionIndex store)
      : shard_(shard), target_(target), store_(store) {}

  Task<ErrorCode> add(const KeptRecord& kept) {
    Partition* here = partition();
    if (here == nullptr) co_return shard_.why_missing(target_.topic);
    if (here->config().compacts) co_return ErrorCode::policy_violation;
    if (builder_.empty()) builder_.reset(options_for(*here));
    headers_.assign(kept.headers.begin(), kept.headers.end());
    const std::string due = std::to_string(kept.entry.due_ms);
    const std::string id = to_string(ScheduleId{store_, kept.origin()});
    headers_.push_back({protocol::scheduled_for_header, as_bytes(due)});
    headers_.push_back({protocol::schedule_id_header, as_bytes(id)});
    const protocol::NewRecord record{kept.entry.timestamp_ms, kept.entry.key, kept.value, headers_};
    const auto size_max = std::min<std::size_t>(
        batch_bytes_max, static_cast<std::size_t>(here->config().max_message_bytes));
    if (!builder_.empty() && builder_.size_with(record) > size_max) {
      const ErrorCode error = co_await finish();
      if (error != ErrorCode::none) co_return error;
    }
    builder_.append(record);
    co_return ErrorCode::none;
  }
  // Appends what was added last.
  Task<ErrorCode> finish() {
    if (builder_.empty()) co_return ErrorCode::none;
    const auto count = static_cast<std::size_t>(builder_.record_count());
    std::vector<std::byte> batch = builder_.finish();
    count_from_now(batch);
    Partition* here = partition();
    if (here == nullptr) co_return shard_.why_missing(target_.topic);
    const AppendResult appended = co_await here->append_own(batch);
    if (appended.error != ErrorCode::none) co_return appended.error;
    end_ = appended.durable_end;
    appended_ += count;
    co_return ErrorCode::none;
  }
  // What was appended, once it is durable.
  Task<Delivered> wait() {
    Partition* here = partition();
    if (appended_ == 0) co_return Delivered{};
    if (here == nullptr) co_return Delivered{0, shard_.why_missing(target_.topic)};
    if (planted(PlantedBug::schedule_done_before_delivery)) co_return Delivered{appended_};
    const ErrorCode error = co_await here->wait_durable(end_);
    co_return Delivered{error == ErrorCode::none ? appended_ : 0, error};
  }

 private:
  // Records keep the producer's timestamps; retention goes by the batch's, and begins now.
  void count_from_now(std::vector<std::byte>& batch) const {
    auto header = *protocol::parse_batch_header(batch);
    const std::int64_t now_ms = shard_.clock().wall_ms();
    if (header.timestamp_type() == protocol::TimestampType::create_time &&
        header.max_timestamp < now_ms)
      protocol::correct_max_timestamp(batch, header, now_ms);
  }
  Partition* partition() const { return shard_.find(target_.topic, target_.partition); }
  protocol::BatchOptions options_for(const Partition& here) const {
    protocol::BatchOptions options;
    if (here.config().timestamp_type == TimestampType::log_append_time)
      options.log_append_time = shard_.clock().wall_ms();
    return options;
  }

  Shard& shard_;
  ScheduleTarget target_;
  PartitionIndex store_;
  protocol::BatchBuilder builder_;
  std::vector<protocol::RecordHeader> headers_;
  Offset end_ = 0;
  std::size_t appended_ = 0;
};

}  // namespace

Task<Delivered> deliver_records(Shard* shard, ScheduleTarget target, PartitionIndex store,
                                const std::vector<const KeptRecord*>* records) {
  Deliverer deliverer{*shard, target, store};
  ErrorCode error = ErrorCode::none;
  for (const KeptRecord* record : *records) {
    error = co_await deliverer.add(*record);
    if (error != ErrorCode::none) break;
  }
  if (error == ErrorCode::none) error = co_await deliverer.finish();
  Delivered delivered = co_await deliverer.wait();
  if (delivered.error == ErrorCode::none) delivered.error = error;
  co_return delivered;
}

}  // namespace sluice::broker
