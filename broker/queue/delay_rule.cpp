#include "broker/queue/delay_rule.hpp"

#include "protocol/batch_check.hpp"

namespace sluice::broker {
namespace {

// Keeps those that the rule left alone, by their place in the batch.
class Remaining final : public protocol::RecordFilter {
 public:
  explicit Remaining(const std::vector<bool>& taken) : taken_(taken) {}
  bool keep(const protocol::BatchHeader&, const protocol::Record&) override {
    return !taken_[at_++];
  }

 private:
  const std::vector<bool>& taken_;
  std::size_t at_ = 0;
};

}  // namespace

std::expected<DividedBatch, protocol::BatchError> divide_batch(const protocol::BatchView& batch,
                                                               DelayRule& rule,
                                                               protocol::Recoding recoding) {
  DividedBatch divided;
  Bytes area = batch.records();
  if (batch.header.compression() != protocol::Compression::none) {
    const auto done = recoding.decompressor.decompress(
        batch.header.compression(), area, recoding.decompressed_size_max, divided.plain);
    if (!done) return std::unexpected(done.error());
    area = divided.plain;
  }
  std::vector<bool> taken(static_cast<std::size_t>(batch.header.record_count));
  std::int32_t index = 0;
  protocol::RecordIterator records{area, batch.header.record_count};
  for (auto record = records.next(); record; record = records.next(), ++index) {
    auto delay = rule.look(batch.header, *record, divided.texts);
    if (!delay) {
      if (divided.faults.size() < protocol::record_errors_max)
        divided.faults.push_back({index, std::move(delay.error())});
      continue;
    }
    if (!*delay) continue;
    taken[static_cast<std::size_t>(index)] = true;
    auto& list = (*delay)->exhausted ? divided.exhausted : divided.waiting;
    list.push_back({protocol::timestamp_of(*record, batch.header), record->key, record->value,
                    std::move(**delay)});
  }
  if (records.error()) return std::unexpected(*records.error());
  if (!divided.faults.empty() || (divided.waiting.empty() && divided.exhausted.empty()))
    return divided;
  Remaining filter{taken};
  auto rest = protocol::filter_batch(batch, filter, {}, recoding);
  if (!rest) return std::unexpected(rest.error());
  divided.rest = std::move(rest->bytes);
  divided.rest_has_records = rest->kept != 0;
  return divided;
}

}  // namespace sluice::broker
