// The records of one answer to a share fetch as views, without I/O: of the batches that the answer
// has, only what was acquired.
#pragma once

#include "client/queue_session.hpp"
#include "protocol/compression.hpp"
#include "protocol/record_batch.hpp"
#include "sluice/queue_record.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice::client {

// What views of its records borrow from, as long as it is kept.
struct QueueChunk {
  std::shared_ptr<const void> owner;         // of the answer's bytes
  std::deque<std::vector<std::byte>> areas;  // decompressed
  std::deque<std::string> topics;            // their names
  std::vector<QueueRecord> records;
  std::size_t next = 0;  // to give out

  bool empty() const { return next >= records.size(); }
};

// What was acquired and is no record that could be given out.
struct QueueLeftovers {
  std::vector<Offset> gaps;     // there is none: compacted, or a marker of a transaction
  std::vector<Offset> corrupt;  // there is one that cannot be read
  std::optional<Error> error;   // why not; Errc::corrupt_batch
};

// Adds the acquired records to the chunk, in order of offsets.
QueueLeftovers add_records(QueueChunk& chunk, const QueueSession::Acquired& acquired,
                           bool check_crcs, protocol::Decompressor& decompressor);

}  // namespace sluice::client
