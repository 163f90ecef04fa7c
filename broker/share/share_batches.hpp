// Which bytes of a read go to a member of a share group: the batches that hold what it acquired.
#pragma once

#include "broker/share/share_partition.hpp"
#include "protocol/record_batch.hpp"
#include "storage/log.hpp"

#include <span>
#include <vector>

namespace sluice::broker {

// Batches that lie in `read` back to back.
struct ReadBatches {
  storage::Slice read;
  std::vector<protocol::BatchView> batches;  // views into `read`
};
// Whole batches only. Requires: `read` is memory, not a file.
ReadBatches batches_of(storage::Slice read);

// The batches with records in `acquired`, in order; batches between them are left out. Of a large
// batch without compression of which few records are wanted, those alone are copied: a record that
// comes back does not bring its whole batch along.
// Requires: `acquired` in order of offset, disjoint.
std::vector<storage::Slice> slices_with(const ReadBatches& batches,
                                        std::span<const AcquiredRange> acquired);

}  // namespace sluice::broker
