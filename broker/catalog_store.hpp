// The one writer of the catalog: DATA/meta/format and DATA/meta/catalog. Lives on shard 0.
//
//   auto store = co_await CatalogStore::open(file_system, random, clock, logger);
//   store->on_change([&](CatalogSnapshot now) { /* hand `now` to every shard */ });
//   std::vector<CatalogChange> changes{CreateTopic{topic}};
//   auto outcome = co_await store->commit(std::move(changes));   // durable when it returns
//   if (!outcome) …                                              // storage failed: EC 56 for all
//   else if (outcome->faults[0]) …                               // this change was refused
//
// Invariants: a change is durable before its commit returns and before a snapshot shows it; changes
// of one commit become durable together or not at all; commits that arrive while one is being
// written share the next write. After a failed write or sync the store is fenced: every later
// commit fails with CatalogErrc::fenced and nothing is written again until the directory is
// reopened. File layout: catalog_format.hpp.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "broker/catalog.hpp"
#include "broker/catalog_format.hpp"

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::storage {
class FileSystem;
}

namespace sluice::broker {

struct CommitOutcome {
  // One entry a change, in order; a default Error code (zero) means applied. A refused change does
  // not stop the others.
  std::vector<Error> faults;
  CatalogSnapshot after;
};

// What meta/format says; nullopt where there is none. Errors: unknown_format (a newer version's
// directory: nothing of it may be changed), damaged, any error of the file system.
Task<Result<std::optional<FormatFile>>> read_format(storage::FileSystem& files);

class CatalogStore {
 public:
  // Opens meta/ of the data directory that `files` is rooted at, creating it with a new cluster id
  // when it is not there. A torn tail is cut, kept aside as meta/catalog.torn-N and reported. A
  // missing catalog beside existing partitions is rebuilt from their partition.metadata files:
  // names, ids and partition counts come back, configs do not. Errors: damaged (file and offset in
  // the context), unknown_format (nothing was written), any error of the file system. Lifetime: all
  // references outlive the store. Requires: the data directory is locked by us.
  static Task<Result<std::unique_ptr<CatalogStore>>> open(storage::FileSystem& files,
                                                          Random& random, Clock& clock,
                                                          Logger& logger);
  virtual ~CatalogStore() = default;

  virtual CatalogSnapshot snapshot() const = 0;
  // 22 characters of base64url, made when the directory was.
  virtual const std::string& cluster_id() const = 0;
  // 16 random bytes, made when the directory was: the seed of compaction's key hashes.
  virtual const std::array<std::byte, 16>& hash_secret() const = 0;

  // Applies and persists. See CommitOutcome.
  virtual Task<Result<CommitOutcome>> commit(std::vector<CatalogChange> changes) = 0;

  // A producer id that was never given out before: from a block of 1000 persisted before use.
  virtual Task<Result<std::int64_t>> next_producer_id() = 0;

  // Whether an earlier write failed: no change is possible until a restart.
  virtual bool fenced() const = 0;

  // Called on the store's shard after each durable commit, before commit returns.
  virtual void on_change(std::function<void(CatalogSnapshot)> listener) = 0;

  // Ends when no write is in flight; commits that are still waiting fail with fenced. Must be
  // awaited before destruction.
  virtual Task<> close() = 0;
};

}  // namespace sluice::broker
