// Carries one ShareStore (share_store.hpp): reads its partition of __share_group_state at start,
// appends what it wants stored, and has what is superseded removed. One batch is on its way at a
// time and takes everything that arrived meanwhile.
#pragma once

#include "base/event.hpp"
#include "base/task_group.hpp"
#include "broker/shard.hpp"
#include "broker/share/share_store.hpp"
#include "broker/state_log.hpp"

#include <map>
#include <vector>

namespace sluice::broker {

class ShareStoreShell {
 public:
  struct Begun {
    ErrorCode error = ErrorCode::none;
    std::int32_t state_epoch = 0;
  };

  ShareStoreShell(Shard& shard, PartitionKey key);
  void start();
  // What was asked for is stored first.
  Task<> stop();

  bool loaded() const { return loaded_; }
  const ShareStore& store() const { return store_; }

  // Each returns when it is durable. Errors: those of the append; coordinator_load_in_progress.
  Task<Begun> begin(ShareKey key, Offset start);
  Task<ErrorCode> change(ShareKey key, std::int32_t state_epoch, StateChange change);
  Task<ErrorCode> forget(ShareKey key);

 private:
  struct Waiting {
    Event ended;
    bool done = false;
    ErrorCode error = ErrorCode::none;
  };
  struct Queued {
    std::uint64_t id;
    std::int32_t first_record;  // in its batch
  };

  Task<ErrorCode> store(ShareStoreWrite write);
  Task<> load();
  Task<> flush();
  Task<> write_batch(std::vector<Queued> writes, std::vector<std::byte> batch);
  // Whoever waits for the write goes on.
  void answer(std::uint64_t write, ErrorCode error);
  Task<> give_up_old();

  Shard& shard_;
  PartitionKey key_;
  StateLog log_;
  ShareStore store_;
  bool loaded_ = false;
  bool stopping_ = false;
  bool flushing_ = false;
  std::vector<ShareStoreWrite> queue_;
  std::map<std::uint64_t, Waiting*> waiting_;
  std::size_t bytes_since_ = 0;  // appended since the horizon was set
  Offset horizon_ = 0;           // snapshots below it are to be written again
  bool refreshing_ = false;
  TaskGroup tasks_;
};

}  // namespace sluice::broker
