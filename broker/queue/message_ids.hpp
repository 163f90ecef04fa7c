// The sluice-message-id headers of a batch, and which of its records are duplicates. Sans-IO.
#pragma once

#include "base/bytes.hpp"
#include "broker/queue/dedup_window.hpp"
#include "protocol/record_batch.hpp"

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

inline constexpr std::size_t message_id_size_max = 255;

struct MessageId {
  std::int32_t offset_delta = 0;
  MessageIdHash hash;
  bool delivered = false;  // by a schedule: its id counted when it was sent
};

struct MessageIdFault {
  std::int32_t batch_index = 0;
  std::string message;
};

// What a batch says of ids. Kept from batch to batch, so that its memory is, too.
struct MessageIds {
  std::vector<MessageId> ids;  // of the records that have one, in order
  std::vector<MessageIdFault> faults;
};

// Reads them out of uncompressed records. A header that comes twice, without a value, empty or
// above message_id_size_max is a fault. Errors: bad_record, bad_record_count.
std::expected<void, protocol::BatchError> read_message_ids(Bytes records, std::int32_t count,
                                                           MessageIds& out);

// What a window makes of a batch's ids.
struct Duplicates {
  std::vector<std::int32_t> deltas;  // offset deltas of the records that are duplicates, in order
  Offset last_copy = -1;             // the highest offset of a first copy outside the batch
  // Base offset that the batch would have if its duplicates were where their first copies are; -1
  // when those do not lie so.
  Offset base_offset = -1;
};
// A second record of the batch with the same id is a duplicate as well.
Duplicates find_duplicates(const DedupWindow& window, const MessageIds& ids, TimePoint now);

}  // namespace sluice::broker
