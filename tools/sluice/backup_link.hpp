// Whole record batches from a cluster and into one, without a client that opens them.
#pragma once

#include "client/cluster.hpp"
#include "sluice/types.hpp"

#include <memory>
#include <vector>

namespace sluice::cli {

// Blocking; on a private loop. What fails for reasons that may pass is repeated until the options'
// request timeout; a batch only when the broker says that it did not take it.
class BatchLink {
 public:
  // Errors: Errc::invalid_argument.
  static Result<BatchLink> create(ClientOptions options);
  ~BatchLink();
  BatchLink(BatchLink&&) noexcept = default;
  BatchLink& operator=(BatchLink&&) = delete;

  // The batches from `offset` on: what one answer holds, without what open or aborted transactions
  // wrote and without control batches. Errors: the broker's; a connection's.
  struct Fetched {
    std::vector<protocol::RecordsSlice> batches;  // each one whole batch
    Offset next = 0;                              // where to go on
    Offset readable = -1;                         // where what may be read ends
  };
  Result<Fetched> fetch(const TopicPartition& where, Offset offset);
  // Appends one batch and waits until it is acknowledged by all. Returns its base offset.
  // Errors: the broker's; a connection's, and then the batch may be there or not.
  Result<Offset> produce(const TopicPartition& where, protocol::RecordsSlice batch);

 private:
  explicit BatchLink(std::unique_ptr<client::Cluster> cluster) : cluster_(std::move(cluster)) {}
  std::unique_ptr<client::Cluster> cluster_;
};

}  // namespace sluice::cli
