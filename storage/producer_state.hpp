// What idempotence needs to know: for each producer id its epoch and its last five batches, so that
// a batch sent again is answered with its first offset and a missing one is noticed.
//
// Sans I/O. The snapshot is Kafka's (version 1), followed by the older batches of each producer,
// which Kafka's readers skip: see FORMAT.md. Source: KIP-98, KIP-360.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "protocol/record_batch.hpp"
#include "storage/error.hpp"
#include "storage/log.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace sluice::storage {

class ProducerStates {
 public:
  static constexpr std::size_t batches_kept = 5;

  struct Batch {
    Sequence last_sequence = -1;
    Offset last_offset = -1;
    std::int32_t offset_delta = 0;  // last offset - base offset
    TimestampMs timestamp = -1;
    Sequence base_sequence() const;
    Offset base_offset() const { return last_offset - offset_delta; }
  };

  struct Producer {
    ProducerEpoch epoch = -1;
    std::int32_t coordinator_epoch = -1;
    TimestampMs last_timestamp = -1;
    Offset transaction_start = -1;
    std::array<Batch, batches_kept> batches{};  // oldest first
    std::uint8_t count = 0;
    const Batch& newest() const { return batches[count - 1u]; }
  };

  // Whether the batch may follow what is stored. A value: it is a duplicate of that batch.
  // Errors: out_of_order_sequence, invalid_producer_epoch.
  Result<std::optional<Batch>> check(const protocol::BatchHeader& header) const;
  // Remembers an appended batch, whose header carries its final base offset. Batches without a
  // producer id are ignored; control batches only move the epoch.
  void update(const protocol::BatchHeader& header);
  // Forgets producers idle since before `oldest_ms`. Returns how many.
  std::size_t expire(TimestampMs oldest_ms);

  std::size_t count() const { return producers_.size(); }
  const Producer* find(ProducerId id) const;
  std::vector<ProducerInfo> describe() const;
  // Whether `last_offset` is the newest batch of its producer: compaction keeps it.
  bool is_newest(ProducerId id, Offset last_offset) const;

  std::vector<std::byte> encode() const;
  // Errors: bad_checkpoint, unknown_format.
  static Result<ProducerStates> decode(Bytes snapshot);

 private:
  std::unordered_map<ProducerId, Producer> producers_;
};

}  // namespace sluice::storage
