#include "broker/broker.hpp"

#include "base/long_time.hpp"
#include "broker/admin/topics.hpp"
#include "broker/group_route.hpp"
#include "broker/http/server.hpp"
#include "broker/listener.hpp"
#include "broker/partition.hpp"
#include "broker/queue/schedule_route.hpp"
#include "broker/share/share_route.hpp"
#include "broker/stray_directories.hpp"
#include "storage/format.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace sluice::broker {
namespace {

Task<> adopt_on(Shard* from, Shard* to, CatalogSnapshot catalog) {
  co_await on(*from, *to, to->adopt(std::move(catalog)));
}

// On `shard`: nothing new is read, what is being served goes on.
Task<> stop_reading(Shard* shard) {
  shard->begin_stop();
  co_return;
}
// On `shard`, once every shard has begun to stop: what waits for others is answered.
Task<> release_waiting(Shard* shard) {
  shard->release_waiting();
  co_return;
}
Task<> abort_connections(Shard* shard) {
  for (Connection* connection : shard->connections()) connection->abort();
  co_return;
}
Task<std::size_t> count_clients(Shard* shard) {
  co_return shard->connections().size() + shard->local_calls();
}
Task<> stop_listener(Listener* listener) {
  listener->stop();
  co_return;
}
Task<> pause(Shard* shard, std::chrono::milliseconds time) {
  co_await shard->timers().wait_for(time);
}
Task<> start_listener(Shard* shard, Listener* listener) {
  shard->tasks().spawn(listener->accept_loop());
  co_return;
}
Task<> start_http(HttpServer* http) {
  http->start();
  co_return;
}
Task<> stop_http(HttpServer* http) { co_await http->stop(); }
Task<> start_upkeep(Shard* shard) {
  shard->start_upkeep();
  co_return;
}
// Whether records of the topic that is changed may have to wait.
bool delays(const CatalogChange& change) {
  const auto* made = std::get_if<CreateTopic>(&change);
  const auto* configured = std::get_if<ReplaceConfigs>(&change);
  if (made != nullptr) return effective_topic_config(TopicConfig{}, made->topic.overrides).delays;
  return configured != nullptr && configured->type == ResourceType::topic &&
         effective_topic_config(TopicConfig{}, configured->configs).delays;
}
Task<> close_catalog(CatalogStore* store) { co_await store->close(); }

}  // namespace

Broker::Broker(std::shared_ptr<const Options> options, Clock& clock, Logger& logger,
               Driving driving, std::unique_ptr<Platform> platform)
    : clock_(clock),
      logger_(logger),
      base_options_(std::move(options)),
      platform_(std::move(platform)),
      shards_(base_options_->shard_count(), driving, *this, clock, logger),
      began_(clock.now()) {
  if (driving == Driving::threads) return;
  worker_.run_on(shards_.at(0).executor());
  background_.run_on(shards_.at(0).executor());
}

Broker::~Broker() {
  if (const auto stopped = stop(); !stopped)
    logger_.error("the broker did not stop cleanly", {{"error", stopped.error().message()}});
}

Result<std::unique_ptr<Broker>> Broker::start(Options options, Clock& clock, Logger& logger,
                                              Driving driving, std::unique_ptr<Platform> platform) {
  if (!platform) platform = std::make_unique<ThisMachine>();
  if (driving == Driving::caller) options.shards = 1;
  const auto shared = std::make_shared<const Options>(std::move(options));
  std::unique_ptr<Broker> broker{new Broker(shared, clock, logger, driving, std::move(platform))};
  if (auto opened = broker->open(); !opened) return std::unexpected(opened.error());
  broker->started_ms_ =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - broker->began_).count();
  broker->phase_ = BrokerPhase::ready;
  broker->log_start();
  return broker;
}

// ---- Starting ----

Result<> Broker::claim_directory() {
  data_directory_ =
      base_options_->log_dir.empty() ? default_data_directory() : base_options_->log_dir;
  return platform_->claim(data_directory_);
}

// Before anything of it is changed: a directory of a newer version stays as it is.
Task<Result<>> Broker::examine_directory(storage::FileSystem* files) {
  if (auto known = co_await read_format(*files); !known) co_return std::unexpected(known.error());
  co_return co_await forget_foreign_frontiers(files);
}

// A frontier file lists the partitions of its shard. With another number of shards partitions move,
// and what their former shard knew of them grows stale: rather none, and the logs are scanned
// whole.
Task<Result<>> Broker::forget_foreign_frontiers(storage::FileSystem* files) {
  const std::string meta(storage::meta_directory);
  const auto entries = co_await files->list(meta);
  if (!entries && entries.error().code == std::errc::no_such_file_or_directory)
    co_return Result<>{};
  if (!entries) co_return std::unexpected(entries.error());
  std::vector<std::string> frontiers;
  for (const storage::DirectoryEntry& entry : *entries)
    if (entry.name.starts_with("frontier-") && !entry.name.ends_with(storage::temporary_suffix))
      frontiers.push_back(meta + "/" + entry.name);
  if (frontiers.empty() || static_cast<int>(frontiers.size()) == shards_.count())
    co_return Result<>{};
  logger_.warn("the number of shards has changed: every log is scanned from its beginning",
               {{"before", frontiers.size()}, {"now", shards_.count()}});
  for (const std::string& file : frontiers)
    if (auto removed = co_await files->remove(file); !removed) co_return removed;
  co_return co_await files->sync_directory(meta);
}

Task<Result<>> Broker::open_catalog(Shard* shard) {
  auto store = co_await CatalogStore::open(shard->files(), shard->random(), clock_, logger_);
  if (!store) co_return std::unexpected(store.error());
  catalog_ = std::move(*store);
  cluster_id_ = catalog_->cluster_id();
  hash_key_ = catalog_->hash_secret();
  auto removed = co_await storage::Store::remove_deleted(shard->files());
  if (!removed) co_return removed;
  co_return co_await set_strays_aside(shard->files(), catalog_->snapshot(), logger_);
}

Result<> Broker::listen() {
  std::size_t index = 0;
  for (const std::string& text : base_options_->listeners) {
    const auto endpoint = parse_endpoint(text);
    if (!endpoint) return std::unexpected(endpoint.error());
    auto listener = std::make_unique<Listener>(shards_.at(0), index++);
    auto bound = listener->bind(*endpoint, base_options_->socket_listen_backlog_size);
    if (!bound) return std::unexpected(bound.error());
    addresses_.push_back(*bound);
    listeners_.push_back(std::move(listener));
  }
  return {};
}

// Before recovery, so that its progress can be asked for.
Result<> Broker::listen_http() {
  if (base_options_->http_listen.empty()) return {};
  const auto endpoint = parse_endpoint(base_options_->http_listen);
  if (!endpoint) return std::unexpected(endpoint.error());
  http_ = std::make_unique<HttpServer>(*this);
  auto bound = http_->bind(*endpoint);
  if (!bound) return std::unexpected(bound.error());
  http_address_ = std::move(*bound);
  shards_.wait(shards_.at(0), start_http(http_.get()));
  return {};
}

Result<> Broker::open() {
  if (auto opened = claim_directory(); !opened) return opened;
  if (auto started = shards_.start_loops(); !started) return started;
  loops_running_ = true;
  if (auto listening = listen_http(); !listening) return listening;
  for (const auto& shard : shards_.all()) {
    auto opened = shards_.wait(*shard, shard->open_files(data_directory_, base_options_));
    if (opened && shard->id() == 0)
      opened = shards_.wait(*shard, examine_directory(&shard->files()));
    if (opened) opened = shards_.wait(*shard, shard->open_store());
    if (!opened) return opened;
    if (shard->id() == 0)
      if (auto catalog = shards_.wait(*shard, open_catalog(shard.get())); !catalog) return catalog;
  }
  // Bound before the logs are opened: an address in use is told at once. Accepting begins later.
  if (auto listening = listen(); !listening) return listening;
  const CatalogSnapshot catalog = catalog_->snapshot();
  std::vector<std::future<void>> adopting;
  for (const auto& shard : shards_.all())
    adopting.push_back(shards_.start(*shard, shard->adopt(catalog)));
  for (auto& one : adopting) shards_.get(std::move(one));
  for (const auto& shard : shards_.all()) shards_.wait(*shard, start_upkeep(shard.get()));
  for (const auto& listener : listeners_)
    shards_.wait(shards_.at(0), start_listener(&shards_.at(0), listener.get()));
  return {};
}

void Broker::log_start() {
  const storage::BackendInfo& backend = shards_.at(0).files().backend();
  const storage::FileSystemType& disk = shards_.at(0).files().type();
  logger_.info("broker started", {{"data", data_directory_},
                                  {"cluster_id", cluster_id_},
                                  {"shards", shards_.count()},
                                  {"io", backend.name},
                                  {"io_reason", backend.reason},
                                  {"file_system", disk.name},
                                  {"start_ms", started_ms()}});
}

// ---- Stopping ----

Result<> Broker::stop() {
  if (stopped_) return {};
  stopped_ = true;
  phase_ = BrokerPhase::stopping;
  Result<> outcome;
  if (loops_running_) {
    if (http_) shards_.wait(shards_.at(0), stop_http(http_.get()));
    for (const auto& listener : listeners_)
      shards_.wait(shards_.at(0), stop_listener(listener.get()));
    for (const auto& shard : shards_.all()) shards_.wait(*shard, stop_reading(shard.get()));
    for (const auto& shard : shards_.all()) shards_.wait(*shard, release_waiting(shard.get()));
    const Timers& timers = shards_.at(0).timers();  // the host's clock may stand still
    const TimePoint deadline = timers.now() + long_time(base_options_->shutdown_timeout_ms);
    for (const auto& shard : shards_.all()) {
      while (shards_.wait(*shard, count_clients(shard.get())) != 0 && timers.now() < deadline)
        shards_.wait(*shard, pause(shard.get(), std::chrono::milliseconds(2)));
      shards_.wait(*shard, abort_connections(shard.get()));
    }
    for (const auto& shard : shards_.all()) shards_.wait(*shard, shard->stop());
    for (const auto& shard : shards_.all()) shards_.wait(*shard, shard->stop_share_stores());
    if (catalog_) shards_.wait(shards_.at(0), close_catalog(catalog_.get()));
    for (const auto& shard : shards_.all()) {
      auto closed = shards_.wait(*shard, shard->close());
      if (!closed && outcome) outcome = std::move(closed);
    }
    shards_.stop_loops();
    loops_running_ = false;
  }
  http_.reset();
  listeners_.clear();
  platform_->release();
  return outcome;
}

void Broker::reload(Options options) {
  const auto reloaded = std::make_shared<const Options>(std::move(options));
  for (const auto& shard : shards_.all()) shards_.wait(*shard, shard->reload(reloaded));
}

void Broker::connection_ended(std::string host) {
  --connection_count_;
  asio::post(shards_.at(0).executor(), [this, gone = std::move(host)] {
    const auto at = connections_by_host_.find(gone);
    if (at != connections_by_host_.end() && --at->second <= 0) connections_by_host_.erase(at);
  });
}

// ---- Changes ----

Task<Result<CommitOutcome>> Broker::commit(std::vector<CatalogChange> changes) {
  Shard& home = shards_.at(0);
  const CatalogSnapshot before = catalog_->snapshot();
  if (before->find(schedules_topic_name) == nullptr && std::ranges::any_of(changes, delays))
    changes.emplace_back(
        admin::schedules_topic(*base_options_, *before, home.random(), clock_.wall_ms()));
  auto outcome = co_await catalog_->commit(std::move(changes));
  if (!outcome) {
    logger_.error("the catalog could not be written", {{"error", outcome.error().message()}});
    co_return outcome;
  }
  TaskGroup tasks{home.executor()};
  for (const auto& shard : shards_.all()) tasks.spawn(adopt_on(&home, shard.get(), outcome->after));
  co_await tasks.drain();
  co_return outcome;
}

Task<> Broker::create_topic_here(const MakeTopic* make, std::string_view name,
                                 protocol::ErrorCode* error) {
  if (!changes_.try_enter()) co_await changes_.enter();
  const Turnstile::Pass pass{changes_};
  const CatalogSnapshot catalog = catalog_->snapshot();
  if (catalog->find(name) == nullptr) {
    std::vector<CatalogChange> changes{
        (*make)(*base_options_, *catalog, shards_.at(0).random(), clock_.wall_ms())};
    const auto outcome = co_await commit(std::move(changes));
    if (!outcome || outcome->faults.front().code)
      *error = protocol::ErrorCode::coordinator_not_available;
  }
}

Task<protocol::ErrorCode> Broker::create_offsets_topic(Shard& home) {
  protocol::ErrorCode error = protocol::ErrorCode::none;
  const MakeTopic make = admin::offsets_topic;
  co_await on(home, shards_.at(0), create_topic_here(&make, offsets_topic_name, &error));
  co_return error;
}

Task<protocol::ErrorCode> Broker::create_share_state_topic(Shard& home) {
  protocol::ErrorCode error = protocol::ErrorCode::none;
  const MakeTopic make = admin::share_state_topic;
  co_await on(home, shards_.at(0), create_topic_here(&make, share_state_topic_name, &error));
  co_return error;
}

Task<protocol::ErrorCode> Broker::create_dead_letter_topic(Shard& home, std::string name) {
  protocol::ErrorCode error = protocol::ErrorCode::none;
  const MakeTopic make = [&name](const Options& options, const Catalog& catalog, Random& random,
                                 std::int64_t now_ms) {
    return admin::dead_letter_topic(name, options, catalog, random, now_ms);
  };
  co_await on(home, shards_.at(0), create_topic_here(&make, name, &error));
  co_return error;
}

}  // namespace sluice::broker
