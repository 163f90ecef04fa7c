#include "broker/state_log.hpp"

#include "broker/partition.hpp"
#include "protocol/compression.hpp"

#include <boost/asio/post.hpp>

namespace sluice::broker {
namespace {

constexpr std::size_t load_bytes = 1 << 20;
constexpr std::size_t decompressed_max = 64 << 20;

void load_batch(const protocol::BatchView& batch, const StateLog::Load& load) {
  if (batch.header.is_control()) return;
  std::vector<std::byte> plain;
  Bytes area = batch.records();
  if (batch.header.compression() != protocol::Compression::none) {
    protocol::Decompressor decompressor;
    if (!decompressor.decompress(batch.header.compression(), area, decompressed_max, plain)) return;
    area = plain;
  }
  protocol::RecordIterator records{area, batch.header.record_count};
  while (const auto record = records.next())
    load(*record, protocol::offset_of(*record, batch.header));
}

}  // namespace

Task<bool> StateLog::read(const bool* stopping, Load load) const {
  Partition* here = partition();
  if (here == nullptr) co_return false;
  storage::Log& log = here->log();
  Offset next = log.log_start_offset();
  while (next < log.high_watermark() && !*stopping) {
    auto got = co_await log.read(next, load_bytes);
    if (!got) {
      shard_.logger().error(
          words_.not_read,
          {{"partition", key_.index}, {"offset", next}, {"error", got.error().message()}});
      co_return false;
    }
    if (got->empty()) break;
    next = got->next_offset;
    const storage::Slice bytes = storage::contiguous(std::move(*got));
    protocol::BatchIterator batches{bytes.bytes};
    while (const auto batch = batches.next()) load_batch(*batch, load);
    co_await asio::post(shard_.executor(), asio::use_awaitable_t<Executor>{});
  }
  co_return !*stopping;
}

Task<StateLog::Appended> StateLog::append(std::vector<std::byte> batch) const {
  Appended result{.error = ErrorCode::not_leader_or_follower};
  if (Partition* here = partition()) {
    const AppendResult appended = co_await here->append_own(batch);
    result = {appended.error, appended.base_offset};
    here = partition();
    if (result.error == ErrorCode::none && here != nullptr)
      result.error = co_await here->wait_durable(appended.durable_end);
  }
  if (result.error != ErrorCode::none)
    shard_.logger().error(words_.not_stored, {{"partition", key_.index},
                                              {"error", protocol::to_string(result.error)}});
  co_return result;
}

protocol::NewRecord new_record(const OffsetsRecord& record, std::int64_t wall_ms) {
  protocol::NewRecord stored;
  stored.timestamp = wall_ms;
  stored.key = Bytes{record.key};
  if (record.value) stored.value = Bytes{*record.value};
  return stored;
}

}  // namespace sluice::broker
