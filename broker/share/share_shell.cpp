#include "broker/share/share_shell.hpp"

#include "broker/broker.hpp"
#include "broker/group_config.hpp"
#include "broker/partition.hpp"
#include "broker/queue/dead_letter_topic.hpp"
#include "broker/share/share_route.hpp"

#include <algorithm>
#include <cstdlib>

namespace sluice::broker {
namespace {

ShareSettings settings_of(const GroupConfig& config) {
  ShareSettings settings;
  settings.lock_duration = std::chrono::milliseconds(config.share_record_lock_duration_ms);
  settings.deliveries_max = config.share_delivery_count_limit;
  settings.locks_max = config.share_partition_max_record_locks;
  settings.retry = retry_policy(config);
  settings.order_by_key = config.share_order == "key";
  return settings;
}

}  // namespace

std::optional<std::int64_t> parse_iso_duration_ms(std::string_view text) {
  if (!text.starts_with('P')) return std::nullopt;
  double ms = 0;
  bool time = false;
  bool any = false;
  for (std::size_t at = 1; at < text.size();) {
    if (text[at] == 'T') {
      time = true;
      ++at;
      continue;
    }
    const std::size_t end = text.find_first_not_of("0123456789.-+", at);
    if (end == at || end == std::string_view::npos) return std::nullopt;
    const double number = std::strtod(std::string(text.substr(at, end - at)).c_str(), nullptr);
    const char unit = text[end];
    const double factor = unit == 'D' && !time  ? 86'400'000
                          : unit == 'H' && time ? 3'600'000
                          : unit == 'M' && time ? 60'000
                          : unit == 'S' && time ? 1000
                                                : 0;
    if (factor == 0) return std::nullopt;
    ms += number * factor;
    any = true;
    at = end + 1;
  }
  return any && ms >= 0 && ms < 9e15 ? std::optional(static_cast<std::int64_t>(ms)) : std::nullopt;
}

ShareShell::ShareShell(Shard& shard)
    : shard_(shard), timer_(shard.timers().make_timer()), tasks_(shard.executor()) {}
ShareShell::~ShareShell() = default;

GroupTime ShareShell::now() const { return {shard_.timers().now(), shard_.clock().wall_ms()}; }

void ShareShell::start() {
  started_ = true;
  tasks_.spawn(keep_time());
  const std::set<ShareKey> waiting = resumes_;  // the tasks take them off
  for (const ShareKey& key : waiting) tasks_.spawn(try_resume(key));
}

Task<> ShareShell::stop() {
  stopping_ = true;
  timer_->cancel();
  time_changed_.notify();
  copy_ended_.notify();
  co_await tasks_.drain();
}

// ---- Units ----

ShareShell::UnitPtr ShareShell::find(const ShareKey& key) {
  UnitPtr& unit = units_[key];
  if (!unit) {
    unit = std::make_shared<Unit>();
    unit->key = key;
  }
  return unit;
}

void ShareShell::follow_settings(Unit& unit) {
  if (unit.settings_version != shard_.catalog()->version() + 1) read_settings(unit);
}

// Requires: the unit is open.
void ShareShell::read_settings(Unit& unit) {
  const Catalog& catalog = *shard_.catalog();
  unit.settings_version = catalog.version() + 1;
  const auto& configs = catalog.configs(ResourceType::group, unit.key.group);
  ShareSettings settings = settings_of(effective_group_config(*shard_.options(), configs));
  if (const Topic* topic = catalog.find(unit.key.topic))
    unit.dead_letter_topic = dead_letter_topic_of(catalog, unit.key.group, *topic);
  settings.dead_letters = !unit.dead_letter_topic.empty();
  unit.core->set_settings(settings);
}

Task<Offset> ShareShell::initial_offset(Partition* partition, std::string reset) {
  storage::Log& log = partition->log();
  if (reset == "earliest") co_return log.log_start_offset();
  constexpr std::string_view by_duration = "by_duration:";
  if (reset.starts_with(by_duration)) {
    const auto ago = parse_iso_duration_ms(std::string_view(reset).substr(by_duration.size()));
    if (ago) {
      const auto found = co_await partition->find_by_time(shard_.clock().wall_ms() - *ago);
      if (found && found->offset >= 0) co_return found->offset;
    }
  }
  co_return log.high_watermark();
}

Task<ErrorCode> ShareShell::find_stored(const ShareKey* key, StoredShare* stored) {
  const ShareRoute route = co_await route_share(shard_, *key, Creating::no);
  if (route.shard == nullptr) co_return route.error;
  ErrorCode error = ErrorCode::none;
  *stored =
      co_await on(shard_, *route.shard, find_share(route.shard, route.partition, *key, &error));
  if (error == ErrorCode::none && stored->state.start() < 0) error = ErrorCode::group_id_not_found;
  co_return error;
}

// Where the group begins is durable before anybody gets a record.
Task<ErrorCode> ShareShell::open(UnitPtr unit, Begin begin) {
  if (!unit->opening.try_enter()) co_await unit->opening.enter();
  const Turnstile::Pass pass{unit->opening};
  if (unit->core) co_return ErrorCode::none;
  const Creating creating = begin == Begin::yes ? Creating::yes : Creating::no;
  const ShareRoute route = co_await route_share(shard_, unit->key, creating);
  if (route.shard == nullptr) co_return route.error;
  ErrorCode error = ErrorCode::none;
  StoredShare stored = co_await on(shard_, *route.shard,
                                   find_share(route.shard, route.partition, unit->key, &error));
  if (error != ErrorCode::none) co_return error;
  Partition* partition = shard_.find(unit->key.topic, unit->key.partition);
  if (partition == nullptr) co_return shard_.why_missing(unit->key.topic);
  if (stored.state.start() < 0) {
    if (begin == Begin::no) co_return ErrorCode::group_id_not_found;
    const auto& configs = shard_.catalog()->configs(ResourceType::group, unit->key.group);
    const auto config = effective_group_config(*shard_.options(), configs);
    const Offset start = co_await initial_offset(partition, config.share_auto_offset_reset);
    const auto begun = co_await on(shard_, *route.shard,
                                   begin_share(route.shard, route.partition, unit->key, start));
    if (begun.error != ErrorCode::none) co_return begun.error;
    stored.state.reset(start);
    stored.state_epoch = begun.state_epoch;
  }
  if (unit->gone) co_return ErrorCode::unknown_topic_or_partition;
  unit->state_epoch = stored.state_epoch;
  unit->core.emplace(stored.state, ShareSettings{}, shard_.random(), now());
  read_settings(*unit);
  settle(unit);
  co_return ErrorCode::none;
}

// For a request of a member: open, and by the settings of now.
Task<ErrorCode> ShareShell::make_ready(UnitPtr unit) {
  if (!unit->core) {
    const ErrorCode error = co_await open(unit, Begin::yes);
    if (error != ErrorCode::none) co_return error;
  }
  follow_settings(*unit);
  co_return ErrorCode::none;
}

Task<> ShareShell::drop(ShareKey key) {
  const auto at = units_.find(key);
  if (at == units_.end()) co_return;
  const UnitPtr unit = at->second;
  unit->gone = true;
  if (unit->wake) wakes_.erase({*unit->wake, unit.get()});
  unit->wake.reset();
  units_.erase(at);
  for (const auto& one : unit->waiters)
    if (const auto waiter = one.lock()) waiter->wake();
}

void ShareShell::catalog_changed() {
  std::vector<ShareKey> gone;
  for (const auto& [key, unit] : units_) {
    if (shard_.catalog()->find(key.topic) == nullptr) {
      gone.push_back(key);
    } else if (unit->core && unit->core->counts().dead_lettering != 0) {
      follow_settings(*unit);
      unit->core->retry_dead_letters();
      settle(unit);
    }
  }
  for (const ShareKey& key : gone) tasks_.spawn(drop(key));
}

// ---- Writes, news, time ----

void ShareShell::settle(const UnitPtr& unit) {
  if (unit->gone) return;
  for (ShareWrite& write : unit->core->take_writes()) tasks_.spawn(persist(unit, std::move(write)));
  if (unit->core->has_dead_letters() && !unit->copying && !stopping_) {
    unit->copying = true;
    tasks_.spawn(copy_dead_letters_of(unit));
  }
  if (unit->core->take_news()) {
    for (const auto& one : unit->waiters)
      if (const auto waiter = one.lock()) waiter->wake();
    unit->waiters.clear();
  }
  schedule(unit);
}

void ShareShell::schedule(const UnitPtr& unit) {
  const auto next = unit->core->next_deadline();
  if (next == unit->wake) return;
  if (unit->wake) wakes_.erase({*unit->wake, unit.get()});
  unit->wake = next;
  if (next) wakes_.emplace(*next, unit.get());
  if (wakes_.empty()) return;
  if (idle_)
    time_changed_.notify();
  else if (armed_ && wakes_.begin()->first < *armed_)
    timer_->cancel();
}

Task<> ShareShell::keep_time() {
  while (!stopping_) {
    if (wakes_.empty()) {
      idle_ = true;
      co_await time_changed_.wait();
      idle_ = false;
      continue;
    }
    armed_ = wakes_.begin()->first;
    const TimePoint until = *armed_;
    const bool due = co_await timer_->wait_until(until);
    armed_.reset();
    if (!due || stopping_) continue;
    const GroupTime time = now();
    while (!wakes_.empty() && wakes_.begin()->first <= time.steady) {
      Unit* due_unit = wakes_.begin()->second;
      wakes_.erase(wakes_.begin());
      due_unit->wake.reset();
      const UnitPtr unit = units_.at(due_unit->key);
      follow_settings(*unit);
      unit->core->tick(time);
      settle(unit);
    }
  }
}

Task<> ShareShell::persist(UnitPtr unit, ShareWrite write) {
  const ShareRoute route = co_await route_share(shard_, unit->key, Creating::no);
  ErrorCode error = route.error;
  if (route.shard != nullptr)
    error = co_await on(shard_, *route.shard,
                        change_share(route.shard, route.partition, unit->key, unit->state_epoch,
                                     std::move(write.change)));
  if (error == ErrorCode::none)
    unit->core->on_durable(write.id);
  else
    unit->core->on_failed(write.id, now());
  if (const auto at = unit->waiting.find(write.id); at != unit->waiting.end()) {
    at->second->done = true;
    at->second->error = error;
    at->second->ended.notify();
    unit->waiting.erase(at);
  }
  settle(unit);
}

Task<ErrorCode> ShareShell::wait_stored(UnitPtr unit, std::uint64_t write) {
  Stored stored;
  unit->waiting.emplace(write, &stored);
  settle(unit);
  if (unit->gone) {
    unit->waiting.erase(write);
    co_return ErrorCode::fenced_state_epoch;
  }
  while (!stored.done) co_await stored.ended.wait();
  co_return stored.error;
}

// ---- Requests ----

Task<ErrorCode> ShareShell::acknowledge(const ShareKey* key, std::string_view member,
                                        std::span<const AcknowledgeBatch> batches) {
  const UnitPtr unit = find(*key);
  const ErrorCode opened = co_await make_ready(unit);
  if (opened != ErrorCode::none) co_return opened;
  const auto written = unit->core->acknowledge(member, batches, now());
  if (!written || *written == 0) {
    settle(unit);
    co_return written ? ErrorCode::none : written.error();
  }
  const std::uint64_t write = *written;
  co_return co_await wait_stored(unit, write);
}

Task<> ShareShell::release(ShareKey key, std::string member, std::uint64_t session) {
  const auto at = units_.find(key);
  if (at == units_.end() || !at->second->core) co_return;
  const UnitPtr unit = at->second;
  const auto known = unit->sessions.find(member);
  if (known == unit->sessions.end() || known->second != session) co_return;
  unit->sessions.erase(known);
  follow_settings(*unit);
  (void)unit->core->release_member(member, now());
  settle(unit);
}

}  // namespace sluice::broker
