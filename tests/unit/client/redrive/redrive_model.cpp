#include "tests/unit/client/redrive/redrive_model.hpp"

#include "protocol/record.hpp"

#include <algorithm>

namespace sluice::client {
namespace {

std::optional<Bytes> bytes_of(const std::optional<std::string>& text) {
  return text ? std::optional(as_bytes(*text)) : std::nullopt;
}

OwnedRecord owned(const protocol::Record& record, Offset offset, std::int64_t timestamp) {
  return copy(RecordView{.offset = offset,
                         .timestamp_ms = timestamp,
                         .key = record.key,
                         .value = record.value,
                         .headers = record.headers});
}

}  // namespace

void ModelLetters::add(const ModelRecord& record) {
  std::vector<Header> headers;
  for (const auto& header : record.headers) headers.push_back({header.key, bytes_of(header.value)});
  protocol::BatchBuilder builder;
  builder.append({.timestamp = 1000 + record.offset,
                  .key = bytes_of(record.key),
                  .value = bytes_of(record.value),
                  .headers = headers});
  bytes_.push_back(std::make_unique<std::vector<std::byte>>(builder.finish()));
  const auto batch = protocol::parse_batch(*bytes_.back());
  const auto parsed = protocol::RecordIterator(*batch).next();
  views_.push_back({.topic = "dlq.t",
                    .partition = partition_,
                    .offset = record.offset,
                    .timestamp_ms = 1000 + record.offset,
                    .key = parsed->key,
                    .value = parsed->value,
                    .headers = parsed->headers});
}

void ModelLetters::remove_before(Offset offset) {
  std::erase_if(views_, [&](const RecordView& view) { return view.offset < offset; });
}

std::expected<Offset, ErrorCode> ModelLog::append(const std::vector<std::byte>& bytes) {
  const auto batch = *protocol::parse_batch(bytes);
  auto& producer = producers_[batch.header.producer_id];
  const auto& header = batch.header;
  if (header.producer_epoch < producer.epoch)
    return std::unexpected(ErrorCode::invalid_producer_epoch);
  if (header.producer_epoch == producer.epoch) {
    for (const auto& [before, offset] : producer.last)
      if (before.base_sequence == header.base_sequence &&
          before.last_sequence() == header.last_sequence())
        return offset;
  } else {
    producer = {.epoch = header.producer_epoch, .last = {}};
    if (header.base_sequence != 0) return std::unexpected(ErrorCode::out_of_order_sequence_number);
  }
  if (!producer.last.empty() &&
      header.base_sequence != protocol::add_sequence(producer.last.back().first.last_sequence(), 1))
    return std::unexpected(ErrorCode::out_of_order_sequence_number);
  Stored stored{.header = header, .records = {}};
  stored.header.base_offset = end_;
  protocol::RecordIterator records(batch);
  while (const auto record = records.next())
    stored.records.push_back(
        owned(*record, end_ + record->offset_delta, protocol::timestamp_of(*record, header)));
  const Offset base = end_;
  end_ += header.record_count;
  producer.last.emplace_back(header, base);
  if (producer.last.size() > 5) producer.last.erase(producer.last.begin());
  batches_.push_back(std::move(stored));
  return base;
}

void ModelPort::clear() {
  letters.clear();
  for (auto& [name, logs] : targets) logs = std::vector<ModelLog>(logs.size());
  progress = {};
  late_.clear();
  dead_ = false;
}

bool ModelPort::dies() {
  if (dead_ || faults.calls_until_death < 0) return dead_;
  dead_ = faults.calls_until_death-- == 0;
  return dead_;
}

std::optional<RedriveProgress> ModelPort::stored(const std::string& id) const {
  std::optional<RedriveProgress> last;
  for (const auto& batch : progress.batches())
    for (const auto& record : batch.records)
      if (*record.key == "redrive/" + id) last = *decode_progress(as_bytes(*record.value));
  return last;
}

RedriveLedger ModelPort::ledger(const std::string& topic, const TopicId& topic_id) const {
  RedriveLedger ledger(topic, topic_id);
  for (const auto& batch : progress.batches())
    for (const auto& record : batch.records) ledger.take(*record.key, bytes_of(record.value));
  return ledger;
}

Result<Consumer::Records> ModelPort::read(PartitionIndex partition, Offset from, Offset end) {
  if (dies()) return fail(Errc::closed);
  const auto& views = letters[partition].views();
  const auto first = std::ranges::lower_bound(views, from, {}, &RecordView::offset);
  const auto last = std::ranges::lower_bound(views, end, {}, &RecordView::offset);
  const auto most = static_cast<std::ptrdiff_t>(1 + random_.below(20));
  return Consumer::Records(first, std::min(last, first + std::min(last - first, most)));
}

Result<std::optional<std::int32_t>> ModelPort::partition_count(const std::string& topic) {
  if (dies()) return fail(Errc::closed);
  const auto known = targets.find(topic);
  if (known == targets.end()) return std::optional<std::int32_t>();
  return std::optional(static_cast<std::int32_t>(known->second.size()));
}

Result<Offset> ModelPort::end_offset(const TopicPartition& where) {
  if (dies()) return fail(Errc::closed);
  return log(where.topic, where.partition).end();
}

Result<> ModelPort::save(std::span<const SavedEntry> entries, ProducerId id, ProducerEpoch epoch,
                         Sequence sequence) {
  const bool dying = dies();
  if (dying && chance(0.5)) return fail(Errc::closed);
  protocol::BatchBuilder builder(
      {.producer_id = id, .producer_epoch = epoch, .base_sequence = sequence});
  for (const auto& entry : entries)
    builder.append({.key = as_bytes(entry.key),
                    .value = entry.value ? std::optional<Bytes>(*entry.value) : std::nullopt,
                    .headers = {}});
  const auto appended = progress.append(builder.finish());
  if (dying) return fail(Errc::closed);
  if (!appended) return sluice::fail(make_error_code(ErrorCode::invalid_producer_epoch));
  return {};
}

std::optional<ErrorCode> ModelPort::refusal(const RedriveBatch& batch) const {
  const auto parsed = *protocol::parse_batch(*batch.bytes);
  protocol::RecordIterator records(parsed);
  while (const auto record = records.next())
    if (record->value && record->value->size() > refuse_values_above)
      return ErrorCode::message_too_large;
  return std::nullopt;
}

void ModelPort::send_one(RedriveBatch& batch) {
  using Outcome = RedriveBatch::Outcome;
  batch.error = {make_error_code(Errc::disconnected), "lost"};
  if (chance(faults.lose_request)) return;
  if (chance(faults.late_request)) return late_.push_back(batch);
  if (const auto refused = refusal(batch)) {
    if (chance(faults.lose_answer)) return;
    batch.outcome = Outcome::refused;
    batch.error = {make_error_code(*refused), "refused"};
    return;
  }
  const auto appended = log(batch.topic, batch.partition).append(*batch.bytes);
  if (chance(faults.lose_answer)) return;
  if (appended) {
    batch.outcome = Outcome::stored;
    batch.base_offset = *appended;
  } else {
    batch.error = {make_error_code(appended.error()), "target"};
  }
}

void ModelPort::send(std::span<RedriveBatch> batches) {
  // Not while a request is on its way: no broker forgets that fast.
  if (late_.empty() && chance(faults.forget))
    for (auto& [name, logs] : targets)
      for (auto& log : logs) log.forget_producers();
  for (auto& late : std::exchange(late_, {}))
    if (!refusal(late)) static_cast<void>(log(late.topic, late.partition).append(*late.bytes));
  for (auto& batch : batches) {
    if (batch.outcome != RedriveBatch::Outcome::unknown) continue;
    const bool was_dead = dead_;
    const bool dying = dies();
    if (was_dead || (dying && chance(0.5))) {
      batch.error = {make_error_code(Errc::closed), "dead"};
      continue;
    }
    send_one(batch);
    if (!dying) continue;
    batch.outcome = RedriveBatch::Outcome::unknown;
    batch.error = {make_error_code(Errc::closed), "dead"};
  }
}

Result<std::optional<Offset>> ModelPort::find(const TopicPartition& where, Offset from,
                                              ProducerId id, ProducerEpoch epoch,
                                              Sequence sequence) {
  if (dies()) return fail(Errc::closed);
  const auto& searched = log(where.topic, where.partition);
  for (const auto& batch : searched.batches())
    if (batch.header.base_offset >= from && batch.header.producer_id == id &&
        batch.header.producer_epoch == epoch && batch.header.base_sequence == sequence)
      return std::optional(batch.header.base_offset);
  return std::optional<Offset>();
}

}  // namespace sluice::client
