// What a redrive needs of the cluster. Behind it: Kafka's protocol (cluster_port.hpp), or a model
// in tests, which dies whenever it likes.
#pragma once

#include "client/redrive/ledger.hpp"
#include "sluice/clock.hpp"
#include "sluice/consumer.hpp"
#include "sluice/error.hpp"
#include "sluice/types.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice::client {

// A batch for one partition of a target, and what became of it.
struct RedriveBatch {
  std::string topic;
  PartitionIndex partition = 0;
  Sequence base_sequence = 0;
  std::vector<Offset> offsets;  // of its records in the dead-letter topic
  std::shared_ptr<std::vector<std::byte>> bytes;

  enum class Outcome : std::uint8_t {
    unknown,  // not sent yet, or no answer: `error`
    stored,
    refused,  // for good: `error`
  };
  Outcome outcome = Outcome::unknown;
  Offset base_offset = -1;  // where it is stored; -1: not told
  Error error;
};

class RedrivePort {
 public:
  virtual ~RedrivePort() = default;

  // Some records of the dead-letter topic from `from` on and before `end`, in order; none: there
  // are none. Lifetime: until the next call.
  virtual Result<Consumer::Records> read(PartitionIndex partition, Offset from, Offset end) = 0;
  // Partitions of a target; nothing: there is no such topic.
  virtual Result<std::optional<std::int32_t>> partition_count(const std::string& topic) = 0;
  virtual Result<Offset> end_offset(const TopicPartition& where) = 0;

  // Makes the entries durable, all or none, as one batch of this producer with this sequence.
  // Errors: ErrorCode::invalid_producer_epoch when another process took the redrive over.
  virtual Result<> save(std::span<const SavedEntry> entries, ProducerId id, ProducerEpoch epoch,
                        Sequence sequence) = 0;
  // Sends the batches whose outcome is unknown, and fills outcomes in.
  virtual void send(std::span<RedriveBatch> batches) = 0;
  // Looks for a batch of this producer with this base sequence from `from` on; its base offset, or
  // nothing. Errors: ErrorCode::offset_out_of_range when records from there on are gone.
  virtual Result<std::optional<Offset>> find(const TopicPartition& where, Offset from,
                                             ProducerId id, ProducerEpoch epoch,
                                             Sequence sequence) = 0;

  virtual TimePoint now() const = 0;
  virtual void wait(std::chrono::milliseconds time) = 0;
};

}  // namespace sluice::client
