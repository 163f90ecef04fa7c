// The broker: a data directory, its shards, the catalog and the listeners.
//
//   auto broker = Broker::start(options, clock, logger);     // any thread; returns when it serves
//   …
//   broker->stop();                                          // in-flight answered, state flushed
//
// Driving::caller: there are no threads; the one that started it runs the shard's loop, inside
// start(), stop() and wait(), or by shard(0).io(). It must be the same thread always, since the
// ring of io_uring belongs to it.
//
// start() fails with one clear error and leaves nothing behind: a held or unusable directory, an
// address in use, a damaged catalog. Nothing here installs signal handlers, exits, or prints.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "broker/catalog_store.hpp"
#include "broker/options.hpp"
#include "broker/placement.hpp"
#include "broker/platform.hpp"
#include "broker/shards.hpp"
#include "broker/share/share_sessions.hpp"
#include "broker/turnstile.hpp"
#include "broker/worker.hpp"
#include "protocol/error_code.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::broker {

class HttpServer;
class Listener;

// How far the broker is in its life.
enum class BrokerPhase : std::uint8_t { starting, ready, stopping };

class Broker {
 public:
  // `clock` and `logger` must outlive it. The calling thread must not be a shard. Without a
  // platform it is this machine.
  static Result<std::unique_ptr<Broker>> start(Options options, Clock& clock, Logger& logger,
                                               Driving driving = Driving::threads,
                                               std::unique_ptr<Platform> platform = nullptr);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  // Stops accepting, answers what is being served (at most shutdown.timeout.ms), closes the logs.
  // Errors: a log or the store that could not be closed cleanly; everything is closed all the same.
  // Idempotent. Not from a shard's thread, unless it drives.
  Result<> stop();

  // New values of dynamic options: each shard has them when it returns. Others must be those of the
  // start (plan_reload). From the thread that started the broker, before stop().
  void reload(Options options);

  // ---- Facts: any thread ----
  // Addresses bound, in the order of Options::listeners, with the real ports.
  const std::vector<Endpoint>& addresses() const { return addresses_; }
  // As it was started; what a reload or a dynamic config changed is in Shard::options().
  const Options& options() const { return *base_options_; }
  const std::shared_ptr<const Options>& base_options() const { return base_options_; }
  const std::string& cluster_id() const { return cluster_id_; }
  // Secret of this data directory, for keyed hashes.
  const std::array<std::byte, 16>& hash_key() const { return hash_key_; }
  const std::string& data_directory() const { return data_directory_; }
  // Of sluice.http.listen, with the real port; nullopt: HTTP is off.
  const std::optional<Endpoint>& http_address() const { return http_address_; }
  std::int64_t started_ms() const { return started_ms_; }  // how long start() took
  TimePoint began() const { return began_; }               // when start() was called
  BrokerPhase phase() const { return phase_.load(std::memory_order_acquire); }
  Driving driving() const { return shards_.driving(); }

  // ---- For shards and handlers ----
  Platform& platform() { return *platform_; }
  Shard& shard(int id) { return shards_.at(id); }
  int shard_count() const { return shards_.count(); }
  int shard_of(const PartitionKey& key) const {
    return sluice::broker::shard_of(key.topic, key.index, shards_.count());
  }
  Shard& home_of(const PartitionKey& key) { return shard(shard_of(key)); }
  Worker& worker() { return worker_; }
  // For work that nobody waits for.
  Worker& background() { return background_; }
  // On shard 0 only.
  CatalogStore& catalog_store() { return *catalog_; }
  // On shard 0 only: changes that are computed from the catalog go through one at a time.
  Turnstile& changes() { return changes_; }
  // On shard 0: commits and hands the new catalog to every shard; partitions are open and visible
  // when it returns. With the first topic whose records may wait, __sluice_schedules is made too.
  Task<Result<CommitOutcome>> commit(std::vector<CatalogChange> changes);
  // From any shard: makes __consumer_offsets if it is missing.
  Task<protocol::ErrorCode> create_offsets_topic(Shard& home);
  // The same with __share_group_state.
  Task<protocol::ErrorCode> create_share_state_topic(Shard& home);
  // From any shard: makes a topic for dead letters if there is none of that name.
  Task<protocol::ErrorCode> create_dead_letter_topic(Shard& home, std::string name);
  // Names a share session; unique while the broker runs.
  std::uint64_t next_share_session() { return 1 + next_share_session_++; }
  ShareSessionPlaces& share_session_places() { return share_session_places_; }
  // Identifies fetch sessions; positive, unique while the broker runs.
  std::int32_t next_session_id() {
    return static_cast<std::int32_t>(1 + next_session_++ % 0x7ffffffe);
  }
  // Connections of all shards, against max.connections.
  std::atomic<std::int32_t>& connection_count() { return connection_count_; }
  // On shard 0: connections of one client address, against max.connections.per.ip.
  std::int32_t& connections_from(const std::string& host) { return connections_by_host_[host]; }
  // From any shard.
  void connection_ended(std::string host);

 private:
  Broker(std::shared_ptr<const Options> options, Clock& clock, Logger& logger, Driving driving,
         std::unique_ptr<Platform> platform);
  Result<> open();
  Result<> claim_directory();
  Task<Result<>> examine_directory(storage::FileSystem* files);
  Task<Result<>> forget_foreign_frontiers(storage::FileSystem* files);
  Result<> listen();
  Result<> listen_http();
  Task<Result<>> open_catalog(Shard* shard);
  using MakeTopic =
      std::function<CreateTopic(const Options&, const Catalog&, Random&, std::int64_t)>;
  Task<> create_topic_here(const MakeTopic* make, std::string_view name,
                           protocol::ErrorCode* error);
  void log_start();

  Clock& clock_;
  Logger& logger_;
  std::shared_ptr<const Options> base_options_;
  std::string data_directory_;
  std::unique_ptr<Platform> platform_;
  Worker worker_;
  Worker background_{Worker::Priority::gentle};
  std::unique_ptr<CatalogStore> catalog_;
  Shards shards_;
  Turnstile changes_;
  std::string cluster_id_;
  std::array<std::byte, 16> hash_key_{};
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<Endpoint> addresses_;
  std::unique_ptr<HttpServer> http_;
  std::optional<Endpoint> http_address_;
  std::atomic<BrokerPhase> phase_{BrokerPhase::starting};
  TimePoint began_{};
  std::atomic<std::uint32_t> next_session_{0};
  std::atomic<std::uint64_t> next_share_session_{0};
  ShareSessionPlaces share_session_places_;
  std::atomic<std::int32_t> connection_count_{0};
  std::map<std::string, std::int32_t> connections_by_host_;  // shard 0
  std::atomic<std::int64_t> started_ms_{0};
  bool loops_running_ = false;
  bool stopped_ = false;
};

}  // namespace sluice::broker
