// The first 16 bytes of a batch (base offset, length, leader epoch) lie outside its CRC, because
// brokers set them. What is known of the log tells whether they are what was written. (A wrong
// length makes the CRC wrong.)
#pragma once

#include "protocol/record_batch.hpp"
#include "storage/epochs.hpp"

namespace sluice::storage {

struct HeaderRule {
  const Epochs& epochs;
  bool gaps;  // compaction may have left some between batches

  // Whether the batch may be the one after a batch that ended before `expected`; -1: not known.
  bool follows(const protocol::BatchHeader& header, Offset expected) const {
    if (expected < 0) return true;
    return gaps ? header.base_offset >= expected : header.base_offset == expected;
  }
  // Whether its leader epoch is that of its offset.
  bool has_its_epoch(const protocol::BatchHeader& header) const {
    const LeaderEpoch epoch = epochs.at(header.base_offset);
    return epoch < 0 || header.partition_leader_epoch == epoch;
  }
  // Both, and the CRC of a whole batch.
  bool fits(const protocol::BatchView& batch, Offset expected) const {
    return follows(batch.header, expected) && has_its_epoch(batch.header) &&
           protocol::batch_crc_matches(batch.bytes);
  }
};

// A walk over headers, none of whose batches is checked by its CRC. One that does not fit in is not
// believed, and neither is a gap behind it held against the next one.
class HeaderWalk {
 public:
  HeaderWalk(HeaderRule rule, Offset expected) : rule_(rule), expected_(expected) {}

  bool believes(const protocol::BatchHeader& header) {
    const HeaderRule now{rule_.epochs, rule_.gaps || doubt_};
    doubt_ = !now.follows(header, expected_) || !now.has_its_epoch(header);
    if (!doubt_) expected_ = header.next_offset();
    return !doubt_;
  }
  // The offset after the last batch believed; -1: none was, and nothing was known before.
  Offset expected() const { return expected_; }

 private:
  HeaderRule rule_;
  Offset expected_;
  bool doubt_ = false;
};

}  // namespace sluice::storage
