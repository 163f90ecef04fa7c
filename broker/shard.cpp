#include "broker/shard.hpp"

#include "base/long_time.hpp"
#include "broker/broker.hpp"
#include "broker/connection.hpp"
#include "broker/disk_cap_shell.hpp"
#include "broker/group_route.hpp"
#include "broker/group_shell.hpp"
#include "broker/memory_pressure.hpp"
#include "broker/partition.hpp"
#include "broker/queue/schedule_route.hpp"
#include "broker/share/share_route.hpp"
#include "broker/share/share_shell.hpp"
#include "storage/disk_reserve.hpp"
#include "storage/open_file_system.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice::broker {
namespace {

constexpr std::chrono::milliseconds upkeep_interval{200};
constexpr std::chrono::seconds maintain_interval{1};
constexpr std::chrono::milliseconds cold_wait_max{250};
constexpr std::size_t reply_step_beside_writes = 128 << 10;
constexpr std::int64_t cold_rate_beside_writes = 256 << 20;  // bytes/s, of all shards together
constexpr std::chrono::seconds deadline_check_interval{5};
// Partitions opened at the same time: enough to keep the disk busy, few enough for the descriptors.
constexpr std::size_t opening_max = 64;  // also of logs that close
// Partitions that a round of upkeep looks at before others get the shard: some microseconds.
constexpr std::size_t upkeep_stretch = 64;

storage::Backend backend_of(const Options& options) {
  if (options.io_backend == "uring") return storage::Backend::io_uring;
  if (options.io_backend == "threads") return storage::Backend::threads;
  return storage::Backend::automatic;
}

storage::StoreOptions store_options(const Options& options) {
  storage::StoreOptions store;
  const std::int64_t shards = options.shard_count();
  store.tail_cache_bytes = effective_cache_bytes(options) / shards;
  store.descriptors_max = std::max<std::int64_t>(16, options.open_files_max / shards / 2);
  store.disk_reserve_bytes = options.disk_reserve_bytes;
  store.compaction_memory = options.log_cleaner_dedupe_buffer_size / shards;
  return store;
}

// Counts `task` in `running` as long as it runs, and tells `ended` afterwards: whoever waits for
// fewer sees it gone, also when it ends at once.
Task<> counted(Task<> task, std::size_t* running, Event* ended) {
  ++*running;
  co_await std::move(task);
  --*running;
  ended->notify();
}

Task<> look_at_cap_soon(Shard* home) {
  if (home->disk_cap() != nullptr) home->disk_cap()->look_soon();
  co_return;
}

}  // namespace

Shard::Shard(int id, Broker& broker, Clock& clock, Logger& logger)
    : id_(id),
      broker_(broker),
      clock_(clock),
      logger_(logger),
      work_(io_.get_executor()),
      random_(broker.platform().make_random()),
      timers_(broker.platform().make_timers(io_.get_executor())),
      upkeep_timer_(timers_->make_timer()),
      slow_timer_(timers_->make_timer()),
      tasks_(io_.get_executor()) {}

Shard::~Shard() = default;

void Shard::run() {
  belong_to_this_thread();
  io_.run();
}

// ---- Opening ----

Task<Result<>> Shard::open_files(std::string root, std::shared_ptr<const Options> options) {
  base_options_ = options;
  options_ = std::move(options);
  frames_ = std::make_unique<storage::BufferPool>(
      static_cast<std::size_t>(effective_queued_bytes(*options_) / options_->shard_count()));
  storage::FileSystemOptions wanted;
  wanted.backend = backend_of(*options_);
  auto files = co_await broker_.platform().open_files(std::move(root), wanted);
  if (!files) co_return std::unexpected(files.error());
  files_ = std::move(*files);
  if (files_->type().kind == storage::FileSystemKind::network &&
      !options_->allow_network_filesystem)
    co_return fail(std::make_error_code(std::errc::not_supported),
                   "the data directory lies on a network file system (" + files_->type().name +
                       "), where locks and syncs do not hold; set "
                       "sluice.allow.network.filesystem=true to use it all the same");
  co_return Result<>{};
}

Task<Result<>> Shard::open_store() {
  storage::StoreOptions store_wanted = store_options(*options_);
  if (store_wanted.disk_reserve_bytes < 0) {
    const auto space = co_await files_->space();
    if (!space) co_return std::unexpected(space.error());
    store_wanted.disk_reserve_bytes = storage::default_disk_reserve(space->total_bytes);
  }
  if (broker_.driving() == Driving::threads)
    store_wanted.in_background = [&background = broker_.background()](std::function<void()> work) {
      asio::post(background.executor(), std::move(work));
    };
  auto store = co_await storage::Store::open(*files_, id_, store_wanted, clock_, *random_, logger_,
                                             executor());
  if (!store) co_return std::unexpected(store.error());
  store_ = std::move(*store);
  cache_bound_ = store_options(*options_).tail_cache_bytes;
  shares_ = std::make_unique<ShareShell>(*this);
  if (id_ == 0) disk_cap_ = std::make_unique<DiskCapShell>(*this);
  co_return Result<>{};
}

// ---- The catalog ----

Task<> Shard::adopt(CatalogSnapshot catalog) {
  SLUICE_CHECK(here());
  if (!adopting_.try_enter()) co_await adopting_.enter();
  const Turnstile::Pass pass{adopting_};
  if (ended_) co_return;
  if (!catalog_ || catalog->version() > catalog_->version() || partitions_.empty()) {
    const CatalogSnapshot before = catalog_;
    configure(*catalog, before.get());
    co_await drop_gone_partitions(*catalog);
    if (!upkeep_started_) opening_ = {.wanted = missing_partitions(*catalog)};
    TaskGroup opening{executor()};
    std::size_t running = 0;
    for (const auto& [name, topic] : catalog->topics()) {
      for (PartitionIndex index = 0; index < topic->partition_count; ++index) {
        const PartitionKey key{topic->id, index};
        if (broker_.shard_of(key) != id_ || partitions_.contains(key)) continue;
        while (running >= opening_max) co_await opened_.wait();
        opening.spawn(counted(open_partition(topic, index), &running, &opened_));
      }
    }
    co_await opening.drain();
    catalog_ = std::move(catalog);  // visible only now that its partitions are open
    if (before) forget_topics(*before);
    shares_->catalog_changed();
  }
}

// How many partitions of the catalog belong here and are not open.
std::size_t Shard::missing_partitions(const Catalog& catalog) const {
  std::size_t missing = 0;
  for (const auto& [name, topic] : catalog.topics())
    for (PartitionIndex index = 0; index < topic->partition_count; ++index) {
      const PartitionKey key{topic->id, index};
      if (broker_.shard_of(key) == id_ && !partitions_.contains(key)) ++missing;
    }
  return missing;
}

Task<> Shard::reload(std::shared_ptr<const Options> options) {
  SLUICE_CHECK(here());
  if (!adopting_.try_enter()) co_await adopting_.enter();
  const Turnstile::Pass pass{adopting_};
  base_options_ = std::move(options);
  configure(*catalog_, nullptr);
}

// Options and topic configs that the catalog changes; `before` may be null. A change touches few of
// many topics: the others keep what they have.
void Shard::configure(const Catalog& catalog, const Catalog* before) {
  const std::string node = std::to_string(base_options_->node_id);
  const ConfigMap& all = catalog.configs(ResourceType::broker, "");
  const ConfigMap& own = catalog.configs(ResourceType::broker, node);
  const bool same_options = before != nullptr && before->configs(ResourceType::broker, "") == all &&
                            before->configs(ResourceType::broker, node) == own;
  if (!same_options) {
    options_ = std::make_shared<const Options>(apply_dynamic_options(*base_options_, all, own));
    topic_defaults_ = effective_topic_config(*options_, {});
  }
  for (auto& [key, partition] : partitions_) {
    const auto topic = catalog.topics().find(partition->topic().name);
    if (topic == catalog.topics().end() || !(topic->second->id == key.topic)) continue;
    if (same_options && topic->second.get() == &partition->topic()) continue;
    partition->set_config(topic->second,
                          effective_topic_config(topic_defaults_, topic->second->overrides));
  }
  if (same_options) return;
  for (auto& [index, shell] : groups_) shell->set_options(group_options(*options_));
}

Task<> Shard::open_partition(std::shared_ptr<const Topic> topic, PartitionIndex index) {
  const TopicConfig config = effective_topic_config(topic_defaults_, topic->overrides);
  storage::PartitionName name{topic->id, topic->name, index};
  const storage::LogOptions wanted = log_options(config, *options_, topic->name);
  auto log = co_await store_->open_log(std::move(name), wanted);
  ++opening_.ended;
  const PartitionKey key{topic->id, index};
  if (!log) {
    if (unopened_.insert(key).second)
      logger_.error(
          "a partition could not be opened and is not served; it is tried again each second",
          {{"topic", topic->name}, {"partition", index}, {"error", log.error().message()}});
    co_return;
  }
  unopened_.erase(key);
  report_recovery(**log);
  partitions_[key] = std::make_unique<Partition>(*this, topic, index, std::move(*log), config);
  shares_->partition_opened(key);
  if (topic->name == share_state_topic_name) {
    auto& store = share_stores_[index];
    store = std::make_unique<ShareStoreShell>(*this, key);
    store->start();
  }
  if (topic->name == schedules_topic_name) {
    auto& shell = schedules_[index];
    shell = std::make_unique<ScheduleShell>(*this, key);
    if (upkeep_started_)
      shell->start();  // else start_upkeep() does, when every shard has its partitions
  }
  if (topic->name != offsets_topic_name) co_return;
  auto& shell = groups_[index];
  shell = std::make_unique<GroupShell>(*this, key, group_options(*options_));
  shell->start();
}

void Shard::report_recovery(const storage::Log& log) {
  for (const storage::Finding& finding : log.recovery().findings) {
    const bool damage = finding.kind == storage::Finding::Kind::damage ||
                        finding.kind == storage::Finding::Kind::file_missing;
    const std::string_view what = damage ? "stored data is damaged; the rest is served"
                                  : finding.kind == storage::Finding::Kind::tail_cut
                                      ? "an unfinished end of a log was cut"
                                      : "an index was rebuilt";
    logger_.write(damage ? LogLevel::error : LogLevel::info, what,
                  {{"file", finding.path},
                   {"position", finding.position},
                   {"bytes", finding.size},
                   {"first_offset", finding.first_offset},
                   {"last_offset", finding.last_offset},
                   {"kept_as", finding.kept_as}});
  }
}

Task<> Shard::drop_gone_partitions(const Catalog& catalog) {
  std::vector<PartitionKey> gone;
  for (const auto& [key, partition] : partitions_)
    if (catalog.find(key.topic) == nullptr) gone.push_back(key);
  for (const PartitionKey& key : gone) co_await drop_partition(key);
}

Task<> Shard::drop_partition(PartitionKey key) {
  const auto at = partitions_.find(key);
  std::unique_ptr<Partition> partition = std::move(at->second);
  partitions_.erase(at);  // not found any more; those inside are waited for
  auto closed = co_await partition->close();
  storage::PartitionName name = partition->log().name();
  partition.reset();
  auto deleted = co_await store_->delete_log(name);
  if (!deleted)
    logger_.error("a deleted partition's files could not be removed",
                  {{"topic", name.topic},
                   {"partition", name.partition},
                   {"error", deleted.error().message()}});
}

// Offsets committed for topics that are gone go with them.
void Shard::forget_topics(const Catalog& before) {
  if (groups_.empty()) return;
  for (const auto& [name, topic] : before.topics())
    if (catalog_->find(topic->id) == nullptr)
      for (auto& [index, shell] : groups_) shell->topic_deleted(*topic);
}

// Disks that were full, descriptors that had run out: the cause may be gone.
Task<> Shard::open_again() {
  if (unopened_.empty()) co_return;
  if (!adopting_.try_enter()) co_await adopting_.enter();
  const Turnstile::Pass pass{adopting_};
  if (ended_) co_return;
  const std::vector<PartitionKey> keys(unopened_.begin(), unopened_.end());
  const CatalogSnapshot catalog = catalog_;
  for (const PartitionKey& key : keys) {
    const Topic* topic = catalog->find(key.topic);
    if (topic == nullptr)
      unopened_.erase(key);
    else
      co_await open_partition(catalog->topics().at(topic->name), key.index);
  }
}

protocol::ErrorCode Shard::why_missing(const TopicId& topic) const {
  return catalog_ && catalog_->find(topic) != nullptr
             ? protocol::ErrorCode::kafka_storage_error
             : protocol::ErrorCode::unknown_topic_or_partition;
}

Partition* Shard::find(const TopicId& topic, PartitionIndex index) {
  const auto at = partitions_.find(PartitionKey{topic, index});
  return at == partitions_.end() ? nullptr : at->second.get();
}

ShareStoreShell* Shard::share_store(PartitionIndex state_partition) {
  const auto at = share_stores_.find(state_partition);
  return at == share_stores_.end() ? nullptr : at->second.get();
}

ScheduleShell* Shard::schedule_shell(PartitionIndex schedules_partition) {
  const auto at = schedules_.find(schedules_partition);
  return at == schedules_.end() ? nullptr : at->second.get();
}

GroupShell* Shard::group_shell(PartitionIndex offsets_partition) {
  const auto at = groups_.find(offsets_partition);
  return at == groups_.end() ? nullptr : at->second.get();
}

// ---- Upkeep ----

void Shard::start_upkeep() {
  upkeep_started_ = true;
  shares_->start();
  for (auto& [index, shell] : schedules_) shell->start();
  tasks_.spawn(upkeep());
  tasks_.spawn(upkeep_of_partitions());
  if (disk_cap_) tasks_.spawn(disk_cap_->run());
}

// What must not wait for anything long: the frontier, and clients that are gone or late.
Task<> Shard::upkeep() {
  TimePoint next_deadlines = timers_->now();
  TimePoint next_memory = timers_->now() + maintain_interval;
  while (!stopping_) {
    if (!co_await upkeep_timer_->wait_until(timers_->now() + upkeep_interval)) continue;
    if (auto saved = co_await store_->maintain(); !saved)
      logger_.error("the frontier could not be saved", {{"error", saved.error().message()}});
    follow_load();
    if (timers_->now() >= next_memory) {
      follow_memory();
      next_memory = timers_->now() + maintain_interval;
    }
    if (timers_->now() < next_deadlines) continue;
    close_late_connections();
    store_->give_back_idle_memory();
    frames_->settle();
    next_deadlines = timers_->now() + deadline_check_interval;
  }
}

// Producers wait for their records, readers of old data hardly notice: while anybody produces, the
// disk is given little to read at a time, so that writes do not queue behind it.
void Shard::follow_load() {
  const std::uint64_t produced = counters_.produced_bytes;
  takes_in_.store(produced != std::exchange(produced_before_, produced), std::memory_order_relaxed);
  bool anywhere = false;
  for (int id = 0; id < broker_.shard_count(); ++id)
    anywhere = anywhere || broker_.shard(id).takes_in();
  somebody_takes_in_ = anywhere;
  const std::int64_t usual = storage::StoreOptions{}.read_ahead_bytes;
  store_->set_read_ahead_bytes(anywhere ? 0 : usual);
}

Task<> Shard::give_way(std::size_t cold) {
  if (cold == 0 || !somebody_takes_in_ || stopping_) co_return;
  const std::int64_t rate = cold_rate_beside_writes / broker_.shard_count();
  const TimePoint now = timers_->now();
  cold_free_ = std::max(cold_free_, now) +
               std::chrono::microseconds(static_cast<std::int64_t>(cold) * 1'000'000 / rate);
  // However many they are, nobody waits longer than that: clients would ask again, and a stop would
  // wait for them.
  cold_free_ = std::min(cold_free_, now + cold_wait_max);
  const TimePoint until = cold_free_;
  co_await timers_->wait_until(until);
}

std::size_t Shard::reply_step_bytes() const {
  return takes_in() ? reply_step_beside_writes : SendPlan::step_bytes_max;
}

// The cache shrinks while the machine or the container is short of memory.
void Shard::follow_memory() {
  const std::int64_t wanted = store_options(*options_).tail_cache_bytes;
  const std::int64_t bound = next_cache_bound(wanted, cache_bound_, broker_.platform().memory());
  if (bound == cache_bound_) return;
  const bool shrinks = bound < cache_bound_;
  if (shrinks && cache_bound_ == wanted)
    logger_.warn("memory is short: the cache gives some back", {{"bytes", bound}});
  cache_bound_ = bound;
  store_->set_tail_cache_bytes(bound);
  if (shrinks) frames_->trim();
}

// Retention, sealing and compaction of one partition after the other, which may take long.
Task<> Shard::upkeep_of_partitions() {
  TimePoint next_maintain = timers_->now();
  TimePoint next_retention = timers_->now();
  TimePoint next_compaction = timers_->now();
  while (!stopping_) {
    if (!co_await slow_timer_->wait_until(timers_->now() + upkeep_interval)) continue;
    const TimePoint now = timers_->now();
    UpkeepWork work;
    work.maintain = now >= next_maintain;
    // What has expired goes at once while its space is needed.
    work.retention = now >= next_retention || (work.maintain && store_->disk_low());
    work.compaction = options_->log_cleaner_enable && now >= next_compaction;
    if (work.maintain) next_maintain = now + maintain_interval;
    if (work.retention) next_retention = now + long_time(options_->log_retention_check_interval_ms);
    if (work.compaction) next_compaction = now + long_time(options_->log_cleaner_backoff_ms);
    if (work.maintain) co_await open_again();
    if (work.maintain || work.retention || work.compaction) co_await keep_partitions(work);
  }
}

Task<> Shard::keep_partitions(UpkeepWork work) {
  std::vector<PartitionKey> keys;
  keys.reserve(partitions_.size());
  for (const auto& [key, partition] : partitions_) keys.push_back(key);
  std::size_t looked_at = 0;
  for (const PartitionKey& key : keys) {
    if (stopping_) co_return;
    Partition* partition = find(key.topic, key.index);
    if (partition == nullptr) continue;
    // Most are idle, and there may be thousands: neither all of them at a stretch, nor a coroutine
    // for each that has nothing to do.
    if (++looked_at % upkeep_stretch == 0) co_await asio::post(executor(), use_task);
    if (work.retention || work.compaction || partition->log().needs_maintain())
      co_await partition->upkeep(work);
  }
}

void Shard::ask_for_cap_look() {
  cap_look_at_ = std::numeric_limits<std::uint64_t>::max();
  if (stopping_) return;
  Shard& home = broker_.shard(0);
  tasks_.spawn(on(*this, home, look_at_cap_soon(&home)));
}

void Shard::close_late_connections() {
  const std::vector<Connection*> all = connections_;
  const auto idle_max = long_time(options_->connections_max_idle_ms);
  for (Connection* connection : all) connection->check_deadlines(timers_->now(), idle_max);
}

// ---- Ending ----

void Shard::begin_stop() {
  stopping_ = true;
  upkeep_timer_->cancel();
  slow_timer_->cancel();
  if (disk_cap_) disk_cap_->look_soon();
  const std::vector<Connection*> all = connections_;
  for (Connection* connection : all) connection->stop_reading();
}

void Shard::release_waiting() {
  for (auto& [index, shell] : groups_) shell->abandon();
  for (auto& [index, shell] : schedules_) shell->release_waiting();
  for (auto& [key, partition] : partitions_) partition->wake_fetches();
}

Task<> Shard::stop() {
  // What a topic that is being made brings with it is here before the rest is stopped.
  if (!adopting_.try_enter()) co_await adopting_.enter();
  const Turnstile::Pass pass{adopting_};
  ended_ = true;
  for (auto& [index, shell] : schedules_) co_await shell->stop();
  for (auto& [index, shell] : groups_) co_await shell->stop();
  if (shares_) co_await shares_->stop();
}

Task<> Shard::stop_share_stores() {
  for (auto& [index, store] : share_stores_) co_await store->stop();
}

// The first failure is kept in `outcome`.
Task<> Shard::close_partition(Partition* partition, Result<>* outcome) {
  auto closed = co_await partition->close();
  if (!closed && *outcome) *outcome = std::move(closed);
}

Task<Result<>> Shard::close() {
  Result<> outcome;
  // Closing a log also ends what upkeep does to it, and whoever waits for it to become durable.
  // Side by side: what they write becomes durable together.
  std::vector<Partition*> open;
  for (const auto& [key, partition] : partitions_) open.push_back(partition.get());
  TaskGroup closing{executor()};
  std::size_t running = 0;
  for (Partition* partition : open) {
    while (running >= opening_max) co_await opened_.wait();
    closing.spawn(counted(close_partition(partition, &outcome), &running, &opened_));
  }
  co_await closing.drain();
  co_await tasks_.drain();
  while (local_calls_ != 0) co_await no_local_calls_.wait();
  groups_.clear();
  schedules_.clear();
  share_stores_.clear();
  shares_.reset();
  partitions_.clear();
  // Without the mark of a clean shutdown a log that did not close is scanned at the next start.
  if (store_ && outcome) {
    auto closed = co_await store_->close();
    if (!closed) outcome = std::move(closed);
  }
  store_.reset();
  if (files_) co_await files_->close();
  files_.reset();
  co_return outcome;
}

}  // namespace sluice::broker
