// Positions of the assigned partitions and the batches fetched for them, without I/O; turns batches
// into record views.
#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "client/channel.hpp"
#include "protocol/compression.hpp"
#include "protocol/record_batch.hpp"
#include "sluice/consumer.hpp"
#include "sluice/types.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::client {

class FetchState {
 public:
  struct Partition {
    TopicPartition where;
    std::uint64_t incarnation = 0;  // changes with every seek: older answers are dropped
    Offset position = -1;           // of the next record to give out; -1: not known yet
    Offset fetch_next = -1;         // of the next batch to ask for
    Offset end = -1;                // one past the last readable record, as last heard
    bool reset = false;             // the position must be found by the reset policy
    bool resolving = false;         // a request for the position is under way
    bool paused = false;
    bool in_flight = false;
    TimePoint not_before{};  // of the next request, after a failure
    std::size_t buffered = 0;

    struct Chunk {
      std::shared_ptr<const void> owner;
      Bytes bytes;
      std::vector<AbortedTransaction> aborted;  // in order of first_offset
    };
    std::deque<Chunk> chunks;
    std::set<ProducerId> aborting;  // producers whose aborted transaction covers the current place
  };

  struct Options {
    bool check_crcs = true;
    Isolation isolation = Isolation::read_uncommitted;
    std::size_t prefetch_bytes = 2 * 1024 * 1024;
  };
  explicit FetchState(Options options) : options_(options) {}

  // Keeps what stays assigned as it is, forgets the rest, adds the new with unknown positions.
  void assign(const std::vector<TopicPartition>& partitions);
  void add(const std::vector<TopicPartition>& partitions);
  void remove(const std::vector<TopicPartition>& partitions);
  // Null when not assigned. Lifetime: until it is removed.
  Partition* find(const TopicPartition& where);
  std::map<TopicPartition, Partition>& partitions() { return partitions_; }
  const std::map<TopicPartition, Partition>& partitions() const { return partitions_; }

  // Drops what is buffered and goes on at `offset`; -1 forgets the position.
  void seek(Partition& partition, Offset offset);
  // Whether to ask for more of this partition now.
  bool wants_data(const Partition& partition, TimePoint now) const;
  // Whether it would be asked for more if less of it were buffered.
  bool is_full(const Partition& partition) const;
  // Takes an answer's batches; `owner` keeps them alive.
  void add_chunk(Partition& partition, Partition::Chunk chunk);
  bool has_data() const;

  // Gives out about `records_max` records and moves the positions beyond them; what was given out
  // before becomes invalid. Errors: Errc::corrupt_batch; the partition stays where it is.
  Result<Consumer::Records> take(std::size_t records_max);

 private:
  Result<> take_batch(Partition& partition, const protocol::BatchView& batch);
  Result<> take_chunks(Partition& partition, std::size_t records_max);
  bool is_hidden(Partition& partition, const protocol::BatchView& batch);
  Result<Bytes> record_area(const Partition& partition, const protocol::BatchView& batch);

  Options options_;
  std::map<TopicPartition, Partition> partitions_;
  TopicPartition turn_;  // whose turn it is to be taken from first
  std::uint64_t last_incarnation_ = 0;
  std::set<std::string, std::less<>> names_;  // topics of records that were given out
  // Given out by the last take().
  std::vector<RecordView> records_;
  std::vector<std::shared_ptr<const void>> held_;
  std::deque<std::vector<std::byte>> scratch_;  // decompressed areas; memory is kept
  std::size_t scratch_used_ = 0;
  protocol::Decompressor decompressor_;
};

}  // namespace sluice::client
