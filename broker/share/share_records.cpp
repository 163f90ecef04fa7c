#include "broker/share/share_records.hpp"

#include "broker/offsets_records.hpp"
#include "broker/record_bytes.hpp"

#include <cstring>

namespace sluice::broker {
namespace {

constexpr std::uint32_t tag_finished = 0;
constexpr std::uint32_t tag_available_ms = 10'000;
constexpr std::uint32_t tag_first_failure_ms = 10'001;
constexpr std::uint32_t tag_last_failure_ms = 10'002;
constexpr std::uint32_t tag_failure_reason = 10'003;
constexpr std::uint32_t tag_failure_message = 10'004;

void put_tags(RecordWriter& out, const StateBatch& batch) {
  const bool waits = batch.available_ms != 0;
  const Failure* failure = batch.failure.get();
  const bool says = failure != nullptr && !failure->message.empty();
  out.put_varint((waits ? 1u : 0u) + (failure != nullptr ? 3u : 0u) + (says ? 1u : 0u));
  if (waits) out.put_tag(tag_available_ms, batch.available_ms);
  if (failure == nullptr) return;
  out.put_tag(tag_first_failure_ms, failure->first_ms);
  out.put_tag(tag_last_failure_ms, failure->last_ms);
  out.put_tag(tag_failure_reason, static_cast<std::int8_t>(failure->reason));
  if (says) out.put_tag(tag_failure_message, as_bytes(failure->message));
}

template <std::integral T>
void get_tag(Bytes bytes, T& into) {
  if (bytes.size() == sizeof into) into = load_big_endian<T>(bytes.data());
}

void get_tags(RecordReader& in, StateBatch& batch) {
  Failure failure;
  bool failed = false;
  auto reason = static_cast<std::int8_t>(failure.reason);
  in.get_tagged([&](std::uint32_t tag, Bytes bytes) {
    switch (tag) {
      case tag_available_ms:
        return get_tag(bytes, batch.available_ms);
      case tag_first_failure_ms:
        failed = true;
        return get_tag(bytes, failure.first_ms);
      case tag_last_failure_ms:
        return get_tag(bytes, failure.last_ms);
      case tag_failure_reason:
        return get_tag(bytes, reason);
      case tag_failure_message:
        failure.message = as_text(bytes);
        return;
      default:
        return;
    }
  });
  if (!failed) return;
  failure.reason = static_cast<FailureReason>(reason);
  batch.failure = std::make_shared<const Failure>(std::move(failure));
}

void put_batches(RecordWriter& out, const std::vector<StateBatch>& batches) {
  out.put_varint(static_cast<std::uint32_t>(batches.size() + 1));
  for (const StateBatch& batch : batches) {
    out.put(batch.first);
    out.put(batch.last);
    out.put(static_cast<std::int8_t>(batch.state));
    out.put(batch.deliveries);
    put_tags(out, batch);
  }
}

std::vector<StateBatch> get_batches(RecordReader& in) {
  std::vector<StateBatch> batches;
  const std::int64_t count = std::int64_t{in.get_varint()} - 1;
  for (std::int64_t i = 0; i < count && in.ok(); ++i) {
    StateBatch& batch = batches.emplace_back();
    batch.first = in.get<std::int64_t>();
    batch.last = in.get<std::int64_t>();
    batch.state = static_cast<StoredState>(in.get<std::int8_t>());
    batch.deliveries = in.get<std::int16_t>();
    get_tags(in, batch);
  }
  return batches;
}

void put_finished(RecordWriter& out, std::int32_t finished) {
  out.put_varint(finished != -1 ? 1 : 0);
  if (finished != -1) out.put_tag(tag_finished, finished);
}

std::int32_t get_finished(RecordReader& in) {
  std::int32_t finished = -1;
  in.get_tagged([&](std::uint32_t tag, Bytes bytes) {
    if (tag == tag_finished && bytes.size() == sizeof finished)
      finished = load_big_endian<std::int32_t>(bytes.data());
  });
  return finished;
}

}  // namespace

Blob encode_share_key(const ShareRecordKey& key) {
  RecordWriter out;
  out.put(static_cast<std::int16_t>(key.kind));
  out.put(static_cast<std::int16_t>(key.key.group.size()));
  out.put_raw(as_bytes(key.key.group));
  out.put_raw(Bytes{key.key.topic.octets});
  out.put(key.key.partition);
  return out.take();
}

Blob encode_share_snapshot(const ShareSnapshotRecord& record) {
  RecordWriter out;
  out.put(std::int16_t{0});
  out.put(record.snapshot_epoch);
  out.put(record.state_epoch);
  out.put(record.leader_epoch);
  out.put(record.start);
  out.put(record.created_ms);
  out.put(record.written_ms);
  put_batches(out, record.batches);
  put_finished(out, record.finished);
  return out.take();
}

Blob encode_share_update(const ShareUpdateRecord& record) {
  RecordWriter out;
  out.put(std::int16_t{0});
  out.put(record.snapshot_epoch);
  out.put(record.leader_epoch);
  out.put(record.start);
  put_batches(out, record.batches);
  put_finished(out, record.finished);
  return out.take();
}

std::optional<ShareRecordKey> decode_share_key(Bytes key) {
  RecordReader in{key};
  ShareRecordKey result;
  const auto kind = in.get<std::int16_t>();
  const auto size = in.get<std::int16_t>();
  if (kind < 0 || kind > 1 || size < 0) return std::nullopt;
  result.kind = static_cast<ShareRecordKind>(kind);
  result.key.group = std::string(as_text(in.get_raw(static_cast<std::size_t>(size))));
  const Bytes topic = in.get_raw(result.key.topic.octets.size());
  result.key.partition = in.get<std::int32_t>();
  if (!in.done()) return std::nullopt;
  std::memcpy(result.key.topic.octets.data(), topic.data(), topic.size());
  return result;
}

std::optional<ShareSnapshotRecord> decode_share_snapshot(Bytes value) {
  RecordReader in{value};
  ShareSnapshotRecord record;
  if (in.get<std::int16_t>() != 0) return std::nullopt;
  record.snapshot_epoch = in.get<std::int32_t>();
  record.state_epoch = in.get<std::int32_t>();
  record.leader_epoch = in.get<std::int32_t>();
  record.start = in.get<std::int64_t>();
  record.created_ms = in.get<std::int64_t>();
  record.written_ms = in.get<std::int64_t>();
  record.batches = get_batches(in);
  record.finished = get_finished(in);
  return in.ok() ? std::optional(std::move(record)) : std::nullopt;
}

std::optional<ShareUpdateRecord> decode_share_update(Bytes value) {
  RecordReader in{value};
  ShareUpdateRecord record;
  if (in.get<std::int16_t>() != 0) return std::nullopt;
  record.snapshot_epoch = in.get<std::int32_t>();
  record.leader_epoch = in.get<std::int32_t>();
  record.start = in.get<std::int64_t>();
  record.batches = get_batches(in);
  record.finished = get_finished(in);
  return in.ok() ? std::optional(std::move(record)) : std::nullopt;
}

std::int32_t partition_of_share(const ShareKey& key, std::int32_t partition_count) {
  return partition_of_group(
      key.group + ":" + key.topic.to_string() + ":" + std::to_string(key.partition),
      partition_count);
}

}  // namespace sluice::broker
