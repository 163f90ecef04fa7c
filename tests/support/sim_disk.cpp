#include "tests/support/sim_disk.hpp"

#include "tests/support/sim_disk_core.hpp"

#include <algorithm>
#include <utility>

namespace sluice {

void SimDisk::Core::count(const sim::Operation& operation) {
  ++counters.operations;
  switch (operation.kind) {
    case sim_read:
      ++counters.reads;
      break;
    case sim_write:
      ++counters.writes;
      break;
    case sim_sync:
      ++counters.syncs;
      break;
    case sim_sync_directory:
      ++counters.directory_syncs;
      break;
    default:
      break;
  }
  if (operation.kind != sim_write) return;
  const auto block = [](std::uint64_t position) { return position / storage::block_size; };
  for (const auto& [id, other] : in_flight) {
    const bool apart = other.kind != sim_write || other.node != operation.node ||
                       block(other.end - 1) < block(operation.begin) ||
                       block(operation.end - 1) < block(other.begin);
    if (!apart) ++counters.overlapping_writes;
  }
}

void SimDisk::Core::take_fault(const sim::Operation& operation, sim::Ticket& ticket) {
  for (sim::ActiveFault& active : faults) {
    const SimFault& fault = active.fault;
    if ((fault.ops & operation.kind) == 0) continue;
    if (operation.path.find(fault.path) == std::string::npos) continue;
    ++active.seen;
    const bool ended = fault.count != 0 && active.seen >= fault.nth + fault.count;
    if (active.seen < fault.nth || ended) continue;
    ++counters.faults;
    ticket.error = fault.error;
    if (fault.error == 0) ticket.taken = fault.bytes;
    return;
  }
}

sim::Ticket SimDisk::Core::begin(sim::Operation operation, std::uint64_t period) {
  sim::Ticket ticket;
  ticket.id = next_id++;
  ticket.power = period;
  const auto spread =
      static_cast<std::uint64_t>((options.latency_max - options.latency_min).count());
  const bool slowed = operation.path.find(slow_path) != std::string::npos;
  ticket.latency = options.latency_min + (slowed ? slow : Duration{}) +
                   Duration(static_cast<std::int64_t>(random.below(spread + 1)));
  if (!alive(period)) {
    ticket.error = EIO;
    return ticket;
  }
  count(operation);
  take_fault(operation, ticket);
  in_flight.emplace(ticket.id, std::move(operation));
  counters.in_flight_max = std::max(counters.in_flight_max, in_flight.size());
  if (crash_countdown > 0 && --crash_countdown == 0) crash(crash_survival);
  return ticket;
}

int SimDisk::Core::end(const sim::Ticket& ticket) {
  in_flight.erase(ticket.id);
  return alive(ticket.power) ? ticket.error : EIO;
}

void SimDisk::Core::done(const sim::Operation& operation) {
  if (observer) observer(operation.kind, operation.path);
}

void SimDisk::Core::land_some(const std::function<bool()>& lands) {
  std::vector<sim::Effect> landings;
  for (auto& [id, operation] : in_flight) {
    if (operation.landing) landings.push_back(std::move(operation.landing));
  }
  in_flight.clear();
  for (std::size_t i = landings.size(); i > 1; --i) {
    std::swap(landings[i - 1], landings[random.below(i)]);
  }
  for (const sim::Effect& landing : landings) {
    if (lands()) landing(platter);
  }
}

void SimDisk::Core::crash(SimSurvival survival) {
  cached.clear();
  land_some([&] {
    return survival == SimSurvival::random ? random.below(2) == 0
                                           : survival == SimSurvival::keep_all;
  });
  platter.crash(random, survival, options.expose_stale_blocks);
  ++power;
  powered = false;
}

void SimDisk::Core::kill() {
  land_some([this] { return random.below(2) == 0; });
  platter.release_all();
  ++power;
  powered = false;
}

std::uint64_t SimDisk::Core::growth(SimPlatter::NodeId node, std::uint64_t end_position) const {
  const std::uint64_t have = platter.allocated(node);
  return end_position > have ? end_position - have : 0;
}

void SimDisk::Core::write_some_sectors(SimPlatter::NodeId node, std::uint64_t position,
                                       Bytes bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += SimPlatter::sector_size) {
    const std::size_t size = std::min(SimPlatter::sector_size, bytes.size() - at);
    if (random.below(2) == 0) platter.write(node, position + at, bytes.subspan(at, size));
  }
}

SimDisk::SimDisk(SimDiskOptions options) : core_(std::make_shared<Core>(options)) {}
SimDisk::SimDisk(std::shared_ptr<Core> core) : core_(std::move(core)) {}
SimDisk::~SimDisk() = default;

std::unique_ptr<storage::FileSystem> SimDisk::mount(SimExecutor& executor) {
  core_->powered = true;
  return mount_sim_disk(core_, executor);
}

void SimDisk::crash(SimSurvival survival) { core_->crash(survival); }

void SimDisk::crash_at(std::uint64_t nth, SimSurvival survival) {
  core_->crash_countdown = nth;
  core_->crash_survival = survival;
}

std::uint64_t SimDisk::crashes() const { return core_->power; }

SimDisk SimDisk::fork(std::uint64_t seed) const {
  SimDiskOptions options = core_->options;
  options.seed = seed;
  auto core = std::make_shared<Core>(options);
  core->platter = core_->platter;
  core->in_flight = core_->in_flight;
  core->power = core_->power;
  return SimDisk(std::move(core));
}

void SimDisk::kill() { core_->kill(); }

void SimDisk::inject(SimFault fault) { core_->faults.push_back({std::move(fault), 0}); }

void SimDisk::fail_nth(std::uint16_t ops, std::uint64_t n, int error, std::string path) {
  inject({.ops = ops, .nth = n, .error = error, .path = std::move(path)});
}

void SimDisk::shorten_nth_write(std::uint64_t n, std::uint64_t bytes, std::string path) {
  inject({.ops = sim_write, .nth = n, .error = 0, .bytes = bytes, .path = std::move(path)});
}

void SimDisk::clear_faults() { core_->faults.clear(); }
void SimDisk::set_slow(Duration extra, std::string path) {
  core_->slow = extra;
  core_->slow_path = std::move(path);
}
void SimDisk::set_capacity(std::uint64_t bytes) { core_->options.capacity = bytes; }
void SimDisk::observe(Observer observer) { core_->observer = std::move(observer); }
void SimDisk::drop_page_cache() { core_->cached.clear(); }
const SimCounters& SimDisk::counters() const { return core_->counters; }
std::vector<std::string> SimDisk::paths() const { return core_->platter.paths(); }
bool SimDisk::exists(const std::string& path) const { return core_->platter.find(path) != 0; }

std::vector<std::byte> SimDisk::content(const std::string& path) const {
  return core_->platter.content(core_->platter.find(path));
}
std::vector<std::byte> SimDisk::durable_content(const std::string& path) const {
  return core_->platter.durable_content(core_->platter.find(path));
}

void SimDisk::put(const std::string& path, Bytes content) {
  SimPlatter& platter = core_->platter;
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    platter.create(path.substr(0, slash), storage::EntryKind::directory);
    const auto above = path.rfind('/', slash - 1);
    platter.sync_directory(slash == 0 || above == std::string::npos ? "" : path.substr(0, above));
  }
  platter.create(path, storage::EntryKind::file);
  const auto slash = path.rfind('/');
  platter.sync_directory(slash == std::string::npos ? "" : path.substr(0, slash));
  const SimPlatter::NodeId node = platter.find(path);
  platter.resize(node, 0);
  platter.write(node, 0, content);
  platter.make_durable(node);
}

void SimDisk::corrupt(const std::string& path, std::uint64_t position, std::byte flip) {
  core_->platter.corrupt(core_->platter.find(path), position, flip);
  core_->cached.clear();  // whoever looks again looks at the disk
}

}  // namespace sluice
