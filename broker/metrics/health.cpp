#include "broker/metrics/health.hpp"

#include "broker/broker.hpp"
#include "broker/partition.hpp"
#include "broker/shards.hpp"

namespace sluice::broker {
namespace {

struct ShardHealth {
  OpeningProgress opening;
  std::size_t unopened = 0;
  std::size_t faulted = 0;
  bool disk_low = false;
  bool capped = false;
  std::string first_fault;  // of one of them
};

Task<ShardHealth> health_of(Shard* shard) {
  ShardHealth health{.opening = shard->opening(), .unopened = shard->unopened().size()};
  health.disk_low = shard->is_open() && shard->store().disk_low();
  health.capped = shard->is_open() && shard->store().refuses_records();
  for (const auto& [key, partition] : shard->partitions()) {
    const Error* fault = partition->log().fault();
    if (fault == nullptr) continue;
    if (health.faulted++ == 0)
      health.first_fault = partition->topic().name + "-" + std::to_string(partition->index()) +
                           ": " + fault->message();
  }
  co_return health;
}

HealthCheck check_phase(Broker& broker) {
  HealthCheck check{.name = "started", .good = broker.phase() == BrokerPhase::ready};
  if (!check.good)
    check.message = broker.phase() == BrokerPhase::starting ? "the broker recovers its logs"
                                                            : "the broker is stopping";
  return check;
}

// `low`, `capped`: some shard's store takes no records, for want of space, or by
// sluice.disk.max.bytes.
Task<HealthCheck> check_disk(Broker* broker, bool low, bool capped) {
  HealthCheck check{.name = "disk"};
  const auto space = co_await broker->shard(0).files().space();
  if (!space) {
    check.good = false;
    check.message = "the disk does not answer: " + space.error().message();
  } else if (capped) {
    check.good = false;
    check.message =
        "topics take more than sluice.disk.max.bytes, and no more of them may be deleted "
        "(sluice.disk.max.delete); delete topics or records, or raise it";
  } else if (low) {
    check.good = false;
    check.message =
        "the disk is nearly full and takes no records: " + std::to_string(space->free_bytes) +
        " bytes are free in " + broker->data_directory() +
        ", sluice.disk.reserve.bytes is kept; delete data or lower retention";
  }
  co_return check;
}

HealthCheck check_catalog(Broker& broker) {
  HealthCheck check{.name = "catalog", .good = !broker.catalog_store().fenced()};
  if (!check.good)
    check.message = "meta/catalog could not be written: topics cannot be changed until a restart";
  return check;
}

}  // namespace

Task<std::vector<HealthCheck>> check_health(Broker& broker) {
  std::vector<HealthCheck> checks{check_phase(broker)};
  if (!checks.front().good) co_return checks;
  Shard& home = broker.shard(0);
  ShardHealth all;
  for (int id = 0; id < broker.shard_count(); ++id) {
    Shard& shard = broker.shard(id);
    ShardHealth one = co_await on(home, shard, health_of(&shard));
    all.unopened += one.unopened;
    all.faulted += one.faulted;
    all.disk_low = all.disk_low || one.disk_low;
    all.capped = all.capped || one.capped;
    if (all.first_fault.empty()) all.first_fault = std::move(one.first_fault);
  }
  checks.push_back(co_await check_disk(&broker, all.disk_low, all.capped));
  checks.push_back(check_catalog(broker));
  checks.push_back({.name = "partitions-open", .good = all.unopened == 0});
  if (all.unopened != 0)
    checks.back().message = std::to_string(all.unopened) +
                            " partitions could not be opened; the log has the reason of each";
  checks.push_back({.name = "partitions-writable", .good = all.faulted == 0});
  if (all.faulted != 0)
    checks.back().message =
        std::to_string(all.faulted) + " partitions take no records, such as " + all.first_fault;
  co_return checks;
}

Task<StartupProgress> startup_progress(Broker& broker) {
  Shard& home = broker.shard(0);
  StartupProgress progress{.over = broker.phase() != BrokerPhase::starting};
  if (progress.over) co_return progress;
  for (int id = 0; id < broker.shard_count(); ++id) {
    Shard& shard = broker.shard(id);
    const ShardHealth one = co_await on(home, shard, health_of(&shard));
    progress.partitions += one.opening.wanted;
    progress.opened += one.opening.ended;
  }
  co_return progress;
}

}  // namespace sluice::broker
