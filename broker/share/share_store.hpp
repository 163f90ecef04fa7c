// The share partitions whose state lies in one partition of __share_group_state: replay, and the
// records that changes become. Sans-IO: it decides what to append; the shell appends.
//
//   for (each record of the log) store.load(key, value, offset);
//   auto write = store.change(key, state_epoch, change, wall_ms);   // or begin(), forget()
//   // append write->records in order, then on_durable(write->id, offset of the first record),
//   // or on_failed(write->id). Writes end in the order in which they were made.
//
// A snapshot holds all changes before it, also those on their way: were one of them to fail, so
// would the snapshot, since a log that failed takes nothing more.
#pragma once

#include "broker/offsets_records.hpp"
#include "broker/share/share_records.hpp"
#include "protocol/error_code.hpp"

#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::broker {

struct ShareStoreWrite {
  std::uint64_t id = 0;
  std::vector<OffsetsRecord> records;  // key and value
};

// What a share partition starts from.
struct StoredShare {
  std::int32_t state_epoch = 0;
  ShareState state;  // start -1: nothing is stored
};

class ShareStore {
 public:
  static constexpr int updates_max = 500;  // between two snapshots, as Kafka
  using Made = std::expected<ShareStoreWrite, ErrorCode>;

  // False: not a record this broker understands; it is skipped.
  bool load(Bytes key, std::optional<Bytes> value, Offset offset);

  // What is durable.
  StoredShare find(const ShareKey& key) const;
  // 0: unknown. Counts what is on its way.
  std::int32_t epoch_of(const ShareKey& key) const {
    const auto at = entries_.find(key);
    return at == entries_.end() ? 0 : at->second.state_epoch;
  }
  // In order of group, topic, partition.
  std::vector<ShareKey> keys_of(std::string_view group) const;
  std::vector<ShareKey> keys_of(const TopicId& topic) const;
  std::vector<std::string> groups() const;
  // Those with records whose copies in a dead-letter topic are outstanding.
  std::vector<ShareKey> dead_lettering() const;
  std::size_t size() const { return entries_.size(); }

  // Puts the group at `start`, under a new state epoch.
  ShareStoreWrite begin(const ShareKey& key, Offset start, std::int64_t wall_ms);
  // Errors: fenced_state_epoch, when the state was begun anew or forgotten meanwhile.
  Made change(const ShareKey& key, std::int32_t state_epoch, const StateChange& change,
              std::int64_t wall_ms);
  // Tombstones for both kinds of record.
  ShareStoreWrite forget(const ShareKey& key);

  void on_durable(std::uint64_t write, Offset first_record);
  void on_failed(std::uint64_t write);

  // Records below this offset are superseded; nullopt: nothing is stored.
  std::optional<Offset> oldest_needed() const;
  // Writes the state of the share partition whose snapshot is the oldest once more, so that what
  // lies before can go. nullopt: nothing is stored.
  std::optional<ShareStoreWrite> refresh_oldest(std::int64_t wall_ms);

 private:
  struct Entry {
    std::int32_t state_epoch = 0;
    std::int32_t snapshot_epoch = 0;
    std::int64_t created_ms = 0;
    ShareState state;            // durable; start -1: not stored yet, or forgotten
    Offset snapshot_at = -1;     // of the durable snapshot
    int updates = 0;             // made since the last snapshot
    std::size_t on_the_way = 0;  // writes
  };
  using Entries = std::map<ShareKey, Entry>;
  struct Pending {
    std::uint64_t id = 0;
    ShareKey key;
    enum class Kind : std::uint8_t { begin, update, snapshot, forget } kind{};
    StateChange change;
    ShareState image;  // begin, snapshot: the state it stands for
  };

  ShareState image_of(const ShareKey& key, const Entry& entry) const;
  ShareStoreWrite snapshot(const ShareKey& key, Entry& entry, ShareState image, Pending::Kind kind,
                           std::int64_t wall_ms);
  void set_snapshot_at(const ShareKey& key, Entry& entry, Offset at);
  void drop_if_unused(Entries::iterator at);

  Entries entries_;
  std::map<Offset, ShareKey> snapshots_;  // where the durable snapshots lie
  std::deque<Pending> pending_;
  std::uint64_t next_write_ = 1;
};

}  // namespace sluice::broker
