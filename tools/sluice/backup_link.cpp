#include "tools/sluice/backup_link.hpp"

#include "protocol/record.hpp"
#include "protocol/record_batch.hpp"
#include "sluice/error.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::cli {
namespace {

using client::Cluster;
using client::FetchCall;
using client::FetchItem;
using client::ProduceCall;

constexpr std::size_t fetch_bytes = 8 * 1024 * 1024;

Error broker_error(ErrorCode code, const TopicPartition& where, const std::string& message = {}) {
  return {make_error_code(code),
          where.to_string() + (message.empty() ? std::string() : ": " + message)};
}

// The channel to a partition's leader.
Task<Result<Cluster::Link>> leader_of(Cluster& cluster, const TopicPartition& where,
                                      TimePoint deadline) {
  const auto known = co_await cluster.ensure_topic(where.topic, deadline);
  if (!known) co_return std::unexpected(known.error());
  const auto* info = cluster.metadata().partition(where.topic, where.partition);
  if (!info) co_return fail(Errc::unknown_topic, where.to_string());
  if (info->leader < 0)
    co_return std::unexpected(broker_error(ErrorCode::leader_not_available, where));
  co_return co_await cluster.node(info->leader, deadline);
}

TopicId id_of(Cluster& cluster, const TopicPartition& where) {
  const auto* info = cluster.metadata().topic(where.topic);
  return info ? info->id : TopicId{};
}

Task<Result<FetchItem>> fetch_once(Cluster& cluster, const TopicPartition& where, Offset offset,
                                   TimePoint deadline) {
  auto link = co_await leader_of(cluster, where, deadline);
  if (!link) co_return std::unexpected(link.error());
  FetchCall call{.wait = std::chrono::milliseconds(0),
                 .bytes_max = fetch_bytes,
                 .isolation = Isolation::read_committed};
  call.items.push_back({.topic = where.topic,
                        .topic_id = id_of(cluster, where),
                        .partition = where.partition,
                        .offset = offset,
                        .bytes_max = fetch_bytes});
  const auto fetched = co_await (*link)->fetch(call, deadline);
  if (!fetched) co_return std::unexpected(fetched.error());
  auto& item = call.items.front();
  if (!item.answered) co_return fail(Errc::malformed_response, where.to_string());
  if (item.error != ErrorCode::none) co_return std::unexpected(broker_error(item.error, where));
  co_return std::move(item);
}

Task<Result<Offset>> produce_once(Cluster& cluster, const TopicPartition& where,
                                  protocol::RecordsSlice batch, TimePoint deadline) {
  auto link = co_await leader_of(cluster, where, deadline);
  if (!link) co_return std::unexpected(link.error());
  ProduceCall call;
  call.timeout = cluster.options().request_timeout;
  call.items.push_back({.topic = where.topic,
                        .topic_id = id_of(cluster, where),
                        .partition = where.partition,
                        .batch = std::move(batch)});
  const auto sent = co_await (*link)->produce(call, deadline);
  if (!sent) co_return std::unexpected(sent.error());
  const auto& item = call.items.front();
  if (!item.answered) co_return fail(Errc::malformed_response, where.to_string());
  if (item.error != ErrorCode::none)
    co_return std::unexpected(broker_error(item.error, where, item.message));
  co_return item.base_offset;
}

Task<Result<FetchItem>> fetch_item(Cluster& cluster, const TopicPartition& where, Offset offset) {
  const auto deadline = cluster.now() + cluster.options().request_timeout;
  for (int attempt = 0;; ++attempt) {
    auto item = co_await fetch_once(cluster, where, offset, deadline);
    if (item || !retriable(item.error()) || cluster.now() >= deadline) co_return item;
    cluster.metadata().invalidate();
    co_await cluster.back_off(attempt, deadline);
  }
}

// Whether the broker says for sure that it took nothing, and may take it later.
bool was_refused(const Error& error) {
  if (error.code.category() != broker_category()) return false;
  const auto code = static_cast<ErrorCode>(error.code.value());
  return code == ErrorCode::not_leader_or_follower || code == ErrorCode::leader_not_available ||
         code == ErrorCode::unknown_topic_or_partition || code == ErrorCode::unknown_topic_id ||
         code == ErrorCode::not_enough_replicas;
}

Task<Result<Offset>> produce_batch(Cluster& cluster, const TopicPartition& where,
                                   protocol::RecordsSlice batch) {
  const auto deadline = cluster.now() + cluster.options().request_timeout;
  for (int attempt = 0;; ++attempt) {
    const auto sent = co_await produce_once(cluster, where, batch, deadline);
    if (sent || !was_refused(sent.error()) || cluster.now() >= deadline) co_return sent;
    cluster.metadata().invalidate();
    co_await cluster.back_off(attempt, deadline);
  }
}

// A control record's type: int16 version, int16 type (0 abort, 1 commit).
bool is_abort_marker(const protocol::BatchView& batch) {
  protocol::Record record;
  return protocol::parse_record(batch.records(), record) > 0 && record.key &&
         record.key->size() >= 4 && load_big_endian<std::int16_t>(record.key->data() + 2) == 0;
}

// Leaves out what a reader of committed records does not see (KIP-98).
Result<BatchLink::Fetched> readable_batches(FetchItem& item, const TopicPartition& where,
                                            Offset offset) {
  const auto end = item.last_stable_offset >= 0 ? item.last_stable_offset : item.high_watermark;
  BatchLink::Fetched fetched{.batches = {}, .next = offset, .readable = end};
  auto& aborted = item.aborted;
  std::ranges::sort(aborted, {}, &client::AbortedTransaction::first_offset);
  std::size_t begun = 0;
  std::set<ProducerId> aborting;
  for (const auto& slice : item.records) {
    protocol::BatchIterator batches(slice.bytes);
    while (const auto batch = batches.next()) {
      const auto& header = batch->header;
      if (!protocol::batch_crc_matches(batch->bytes))
        return fail(Errc::corrupt_batch,
                    where.to_string() + " at offset " + std::to_string(header.base_offset));
      fetched.next = std::max(fetched.next, header.next_offset());
      while (begun < aborted.size() && aborted[begun].first_offset <= header.last_offset())
        aborting.insert(aborted[begun++].producer_id);
      if (header.is_control()) {
        if (is_abort_marker(*batch)) aborting.erase(header.producer_id);
        continue;
      }
      if (header.is_transactional() && aborting.contains(header.producer_id)) continue;
      fetched.batches.push_back({.bytes = batch->bytes, .owner = slice.owner});
    }
  }
  return fetched;
}

}  // namespace

Result<BatchLink> BatchLink::create(ClientOptions options) {
  auto cluster = Cluster::create(std::move(options));
  if (!cluster) return std::unexpected(cluster.error());
  return BatchLink(std::move(*cluster));
}

BatchLink::~BatchLink() {
  if (!cluster_) return;
  // Connections end with the process at the latest.
  static_cast<void>(cluster_->loop().run(cluster_->stop()).has_value());
}

Result<BatchLink::Fetched> BatchLink::fetch(const TopicPartition& where, Offset offset) {
  auto item = cluster_->loop().run(fetch_item(*cluster_, where, offset));
  if (!item) return std::unexpected(item.error());
  return readable_batches(*item, where, offset);
}

Result<Offset> BatchLink::produce(const TopicPartition& where, protocol::RecordsSlice batch) {
  return cluster_->loop().run(produce_batch(*cluster_, where, std::move(batch)));
}

}  // namespace sluice::cli
