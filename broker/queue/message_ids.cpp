#include "broker/queue/message_ids.hpp"

#include "broker/queue/schedule_headers.hpp"
#include "protocol/batch_check.hpp"
#include "protocol/queue_headers.hpp"
#include "protocol/record.hpp"

#include <algorithm>
#include <optional>

namespace sluice::broker {
namespace {

struct FoundId {
  std::optional<Bytes> id;
  bool delivered = false;
  Bytes redrives;  // how often it was sent back from a dead-letter topic: each time it is another
};

// Empty: the record's ids are in order.
std::string fault_of(const protocol::Record& record, FoundId& found) {
  std::optional<Bytes>& id = found.id;
  for (const auto& header : record.headers) {
    if (header.key == protocol::schedule_id_header) found.delivered = true;
    if (header.key == protocol::redrive_count_header && header.value)
      found.redrives = *header.value;
    if (header.key != protocol::message_id_header) continue;
    if (id) return "The header sluice-message-id comes twice.";
    if (!header.value || header.value->empty()) return "The header sluice-message-id is empty.";
    if (header.value->size() > message_id_size_max)
      return "The header sluice-message-id is longer than 255 bytes.";
    id = header.value;
  }
  return {};
}

struct HashOrder {
  bool operator()(const MessageId* a, const MessageId* b) const {
    if (a->hash.low != b->hash.low) return a->hash.low < b->hash.low;
    if (a->hash.high != b->hash.high) return a->hash.high < b->hash.high;
    return a->offset_delta < b->offset_delta;
  }
};

}  // namespace

std::expected<void, protocol::BatchError> read_message_ids(Bytes area, std::int32_t count,
                                                           MessageIds& out) {
  out.ids.clear();
  out.faults.clear();
  protocol::RecordIterator records(area, count);
  while (const auto record = records.next()) {
    FoundId found;
    std::string fault = fault_of(*record, found);
    if (!fault.empty()) {
      if (out.faults.size() < protocol::record_errors_max)
        out.faults.push_back({record->offset_delta, std::move(fault)});
    } else if (found.id) {
      out.ids.push_back(
          {record->offset_delta, hash_message_id(*found.id, found.redrives), found.delivered});
    }
  }
  if (records.error()) return std::unexpected(*records.error());
  return {};
}

Duplicates find_duplicates(const DedupWindow& window, const MessageIds& ids, TimePoint now) {
  Duplicates found;
  bool in_row = true;
  std::optional<Offset> base;
  std::vector<const MessageId*> fresh;
  for (const MessageId& id : ids.ids) {
    const auto copy = window.find(id.hash, now);
    if (!copy) {
      fresh.push_back(&id);
      continue;
    }
    found.deltas.push_back(id.offset_delta);
    found.last_copy = std::max(found.last_copy, *copy);
    const Offset would_be = *copy - id.offset_delta;
    in_row = in_row && base.value_or(would_be) == would_be;
    base = would_be;
  }
  if (base && in_row) found.base_offset = *base;
  std::ranges::sort(fresh, HashOrder{});
  const auto known_before = static_cast<std::ptrdiff_t>(found.deltas.size());
  for (std::size_t i = 1; i < fresh.size(); ++i)
    if (fresh[i]->hash == fresh[i - 1]->hash) found.deltas.push_back(fresh[i]->offset_delta);
  if (static_cast<std::ptrdiff_t>(found.deltas.size()) != known_before)
    std::ranges::sort(found.deltas);
  return found;
}

}  // namespace sluice::broker
