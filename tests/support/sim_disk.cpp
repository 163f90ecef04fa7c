#include "tests/support/sim_disk.hpp"

#include "base/completion.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <ranges>
#include <string_view>
#include <utility>

namespace sluice {

using storage::Allocation;
using storage::DirectoryEntry;
using storage::Durability;
using storage::EntryKind;
using storage::File;
using storage::FileStat;
using storage::FileSystem;
using storage::FileSystemSpace;
using storage::OpenMode;
using storage::OpenOptions;

namespace {

using Data = std::shared_ptr<const std::vector<std::byte>>;
// What an operation does to the platter when, or if, it takes effect.
using Effect = std::function<void(SimPlatter&)>;

struct Operation {
  SimOps kind = sim_look;
  std::string path;
  Effect landing;  // at a power cut; empty for what changes nothing
  SimPlatter::NodeId node = 0;
  std::uint64_t begin = 0;  // of a write, bytes
  std::uint64_t end = 0;
};

struct Ticket {
  std::uint64_t id = 0;
  std::uint64_t power = 0;  // the period between two power cuts it belongs to
  Duration latency{};
  int error = 0;
};

struct ActiveFault {
  SimFault fault;
  std::uint64_t seen = 0;
};

bool is_inside(std::string_view path) {
  if (path.starts_with('/') || path.find('\0') != std::string_view::npos) return false;
  return std::ranges::none_of(std::views::split(path, '/'), [](auto name) {
    return std::string_view(name.begin(), name.end()) == "..";
  });
}

}  // namespace

struct SimDisk::Core : std::enable_shared_from_this<SimDisk::Core> {
  explicit Core(SimDiskOptions o) : options(o), random(o.seed) {}

  // `period`: of the file or file system that asks; those mounted before a power cut are dead.
  Ticket begin(Operation operation, std::uint64_t period);
  // Whether the operation may have its effect now: 0, the injected error, or EIO without power.
  int end(const Ticket& ticket);
  void done(const Operation& operation);
  void crash(SimSurvival survival);
  int take_fault(const Operation& operation);
  void count(const Operation& operation);
  std::uint64_t growth(SimPlatter::NodeId node, std::uint64_t end_position) const;
  std::uint64_t free_bytes() const {
    const std::uint64_t used = platter.used();
    return options.capacity > used ? options.capacity - used : 0;
  }
  void write_some_sectors(SimPlatter::NodeId node, std::uint64_t position, Bytes bytes);
  bool alive(std::uint64_t period) const { return powered && period == power; }

  SimDiskOptions options;
  SeededRandom random;
  SimPlatter platter;
  std::map<std::uint64_t, Operation> in_flight;
  std::vector<ActiveFault> faults;
  SimCounters counters;
  Observer observer;
  Duration slow{};
  std::uint64_t next_id = 1;
  std::uint64_t power = 0;
  bool powered = true;
  std::uint64_t crash_countdown = 0;  // 0 = none
  SimSurvival crash_survival = SimSurvival::random;
};

namespace {

using Core = SimDisk::Core;

Task<bool> pause(SimExecutor& executor, Duration duration) {
  return suspend<bool>(
      [](Completion<bool> done, SimExecutor* where, Duration how_long) {
        where->schedule().call_at(where->clock().now() + how_long,
                                  [d = std::move(done)]() mutable { d(true); });
      },
      &executor, duration);
}

std::unexpected<Error> failed(int error, std::string what) {
  return fail_errno(error, std::move(what));
}

class SimFile final : public File {
 public:
  SimFile(std::shared_ptr<Core> core, SimExecutor& executor, SimPlatter::NodeId node,
          std::string path, OpenOptions options)
      : core_(std::move(core)),
        executor_(executor),
        node_(node),
        path_(std::move(path)),
        power_(core_->power),
        writable_(options.mode != OpenMode::read_only),
        direct_(options.direct && core_->options.alignment > 0) {
    core_->platter.hold(node_);
  }
  ~SimFile() override { let_go(); }

  Task<Result<std::size_t>> read(MutableBytes into, std::uint64_t position) override;
  Task<Result<>> write_parts(std::span<const Bytes> parts, std::uint64_t position,
                             Durability durability) override;
  Task<Result<>> write_zeros(std::uint64_t position, std::uint64_t length,
                             Durability durability) override;
  Task<Result<>> sync() override;
  Task<Result<>> truncate(std::uint64_t size) override;
  Task<Result<>> allocate(std::uint64_t position, std::uint64_t length,
                          Allocation allocation) override;
  Task<Result<std::uint64_t>> size() override;
  Task<Result<>> close() override;

  std::size_t alignment() const override { return direct_ ? core_->options.alignment : 1; }
  bool direct() const override { return direct_; }
  int native_handle() const override { return -1; }
  const std::string& path() const override { return path_; }

 private:
  Task<Result<>> write_data(std::vector<Bytes> parts, std::uint64_t position, Data data,
                            Durability durability);
  bool aligned(Bytes memory, std::uint64_t position) const;
  void let_go();
  Operation operation(SimOps kind) const {
    Operation made;
    made.kind = kind;
    made.path = path_;
    made.node = node_;
    return made;
  }

  std::shared_ptr<Core> core_;
  SimExecutor& executor_;
  SimPlatter::NodeId node_;
  std::string path_;
  std::uint64_t power_;
  bool writable_;
  bool direct_;
  bool closed_ = false;
};

class SimFileSystem final : public FileSystem {
 public:
  SimFileSystem(std::shared_ptr<Core> core, SimExecutor& executor)
      : core_(std::move(core)),
        executor_(executor),
        power_(core_->power),
        backend_{"simulated", "seed " + std::to_string(core_->options.seed)} {}

  Task<Result<std::unique_ptr<File>>> open(std::string path, OpenOptions options) override;
  Task<Result<>> rename(std::string from, std::string to) override;
  Task<Result<>> remove(std::string path) override;
  Task<Result<>> make_directory(std::string path) override;
  Task<Result<>> remove_directory(std::string path) override;
  Task<Result<>> sync_directory(std::string path) override;
  Task<Result<std::vector<DirectoryEntry>>> list(std::string path) override;
  Task<Result<FileStat>> stat(std::string path) override;
  Task<Result<FileSystemSpace>> space() override;
  Task<> close() override { co_return; }

  const storage::FileSystemType& type() const override { return type_; }
  const storage::BackendInfo& backend() const override { return backend_; }

 private:
  // Waits, then does `change` unless a fault or a power cut comes first; its errno, or theirs.
  using Change = std::function<int(SimPlatter&)>;
  Task<int> perform(SimOps kind, std::string path, Change change);
  Task<Result<>> change_names(SimOps kind, std::string path, std::string what, Change change);

  std::shared_ptr<Core> core_;
  SimExecutor& executor_;
  std::uint64_t power_;
  storage::BackendInfo backend_;
  storage::FileSystemType type_{storage::FileSystemKind::simulated, "simulated"};
};

}  // namespace

// --- The disk

void SimDisk::Core::count(const Operation& operation) {
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

int SimDisk::Core::take_fault(const Operation& operation) {
  for (ActiveFault& active : faults) {
    const SimFault& fault = active.fault;
    if ((fault.ops & operation.kind) == 0) continue;
    if (operation.path.find(fault.path) == std::string::npos) continue;
    ++active.seen;
    const bool ended = fault.count != 0 && active.seen >= fault.nth + fault.count;
    if (active.seen < fault.nth || ended) continue;
    ++counters.faults;
    return fault.error;
  }
  return 0;
}

Ticket SimDisk::Core::begin(Operation operation, std::uint64_t period) {
  Ticket ticket;
  ticket.id = next_id++;
  ticket.power = period;
  const auto spread =
      static_cast<std::uint64_t>((options.latency_max - options.latency_min).count());
  ticket.latency =
      options.latency_min + slow + Duration(static_cast<std::int64_t>(random.below(spread + 1)));
  if (!alive(period)) {
    ticket.error = EIO;
    return ticket;
  }
  count(operation);
  ticket.error = take_fault(operation);
  in_flight.emplace(ticket.id, std::move(operation));
  counters.in_flight_max = std::max(counters.in_flight_max, in_flight.size());
  if (crash_countdown > 0 && --crash_countdown == 0) crash(crash_survival);
  return ticket;
}

int SimDisk::Core::end(const Ticket& ticket) {
  in_flight.erase(ticket.id);
  return alive(ticket.power) ? ticket.error : EIO;
}

void SimDisk::Core::done(const Operation& operation) {
  if (observer) observer(operation.kind, operation.path);
}

void SimDisk::Core::crash(SimSurvival survival) {
  std::vector<Effect> landings;
  for (auto& [id, operation] : in_flight) {
    if (operation.landing) landings.push_back(std::move(operation.landing));
  }
  in_flight.clear();
  for (std::size_t i = landings.size(); i > 1; --i) {
    std::swap(landings[i - 1], landings[random.below(i)]);
  }
  for (const Effect& landing : landings) {
    const bool lands =
        survival == SimSurvival::random ? random.below(2) == 0 : survival == SimSurvival::keep_all;
    if (lands) landing(platter);
  }
  platter.crash(random, survival, options.expose_stale_blocks);
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

// --- Files

namespace {

void SimFile::let_go() {
  if (std::exchange(closed_, true)) return;
  // After a crash nothing holds anything any more.
  if (power_ == core_->power) core_->platter.release(node_);
}

bool SimFile::aligned(Bytes memory, std::uint64_t position) const {
  if (!direct_) return true;
  const std::size_t unit = core_->options.alignment;
  return reinterpret_cast<std::uintptr_t>(memory.data()) % unit == 0 && memory.size() % unit == 0 &&
         position % unit == 0;
}

Task<Result<std::size_t>> SimFile::read(MutableBytes into, std::uint64_t position) {
  if (closed_) co_return failed(EBADF, "read " + path_);
  if (!aligned(into, position)) co_return failed(EINVAL, "read " + path_);
  const Operation reading = operation(sim_read);
  const Ticket ticket = core_->begin(reading, power_);
  co_await pause(executor_, ticket.latency);
  const int error = core_->end(ticket);
  if (error != 0) co_return failed(error, "read " + path_);
  const auto& content = core_->platter.content(node_);
  std::size_t size = 0;
  if (position < content.size()) {
    size = std::min<std::uint64_t>(into.size(), content.size() - position);
    std::memcpy(into.data(), content.data() + position, size);
  }
  core_->counters.bytes_read += size;
  core_->done(reading);
  co_return size;
}

Task<Result<>> SimFile::write_parts(std::span<const Bytes> parts, std::uint64_t position,
                                    Durability durability) {
  SLUICE_CHECK(parts.size() <= storage::write_parts_max);
  auto data = std::make_shared<std::vector<std::byte>>();
  for (const Bytes part : parts) data->insert(data->end(), part.begin(), part.end());
  return write_data({parts.begin(), parts.end()}, position, std::move(data), durability);
}

Task<Result<>> SimFile::write_zeros(std::uint64_t position, std::uint64_t length,
                                    Durability durability) {
  return write_data({}, position, std::make_shared<std::vector<std::byte>>(length), durability);
}

Task<Result<>> SimFile::write_data(std::vector<Bytes> parts, std::uint64_t position, Data data,
                                   Durability durability) {
  const std::string what = "write " + path_;
  if (closed_ || !writable_) co_return failed(EBADF, what);
  if (data->empty()) co_return Result<>{};
  bool fits = !direct_ || (position % alignment() == 0 && data->size() % alignment() == 0);
  for (const Bytes part : parts) fits = fits && (part.empty() || aligned(part, position));
  if (!fits) co_return failed(EINVAL, what);
  Operation writing = operation(sim_write);
  writing.begin = position;
  writing.end = position + data->size();
  writing.landing = [node = node_, position, data](SimPlatter& platter) {
    if (platter.exists(node)) platter.write(node, position, *data);
  };
  if (durability == Durability::durable) ++core_->counters.durable_writes;
  const Ticket ticket = core_->begin(writing, power_);
  co_await pause(executor_, ticket.latency);
  const int error = core_->end(ticket);
  if (!core_->alive(power_)) co_return failed(EIO, what);
  std::size_t at = 0;
  for (const Bytes part : parts) {
    if (!std::ranges::equal(part, std::span(*data).subspan(at, part.size()))) {
      ++core_->counters.changed_in_flight;
    }
    at += part.size();
  }
  if (error != 0) {
    core_->write_some_sectors(node_, position, *data);
    co_return failed(error, what);
  }
  if (core_->growth(node_, writing.end) > core_->free_bytes()) {
    // A real one takes what fits, then says ENOSPC.
    const std::uint64_t room = core_->platter.allocated(node_);
    if (room > position) {
      core_->platter.write(
          node_, position,
          std::span(*data).first(std::min<std::uint64_t>(room - position, data->size())));
    }
    co_return failed(ENOSPC, what);
  }
  core_->platter.write(node_, position, *data);
  if (durability == Durability::durable) {
    core_->platter.make_durable(node_, position, data->size());
  }
  core_->counters.bytes_written += data->size();
  core_->done(writing);
  co_return Result<>{};
}

Task<Result<>> SimFile::sync() {
  if (closed_) co_return failed(EBADF, "sync " + path_);
  Operation syncing = operation(sim_sync);
  const Ticket ticket = core_->begin(syncing, power_);
  co_await pause(executor_, ticket.latency);
  const int error = core_->end(ticket);
  if (!core_->alive(power_)) co_return failed(EIO, "sync " + path_);
  if (error != 0) {
    core_->platter.forget_unsynced(node_, core_->random);
    co_return failed(error, "sync " + path_);
  }
  core_->platter.make_durable(node_);
  core_->done(syncing);
  co_return Result<>{};
}

Task<Result<>> SimFile::truncate(std::uint64_t size) {
  if (closed_ || !writable_) co_return failed(EBADF, "truncate " + path_);
  Operation cutting = operation(sim_truncate);
  cutting.landing = [node = node_, size](SimPlatter& platter) {
    if (platter.exists(node)) platter.resize(node, size);
  };
  const Ticket ticket = core_->begin(cutting, power_);
  co_await pause(executor_, ticket.latency);
  const int error = core_->end(ticket);
  if (!core_->alive(power_)) co_return failed(EIO, "truncate " + path_);
  if (error != 0) co_return failed(error, "truncate " + path_);
  core_->platter.resize(node_, size);
  core_->done(cutting);
  co_return Result<>{};
}

Task<Result<>> SimFile::allocate(std::uint64_t position, std::uint64_t length,
                                 Allocation allocation) {
  if (closed_ || !writable_) co_return failed(EBADF, "allocate " + path_);
  if (length == 0) co_return failed(EINVAL, "allocate " + path_);
  const std::uint64_t end = position + length;
  Operation reserving = operation(sim_allocate);
  const Ticket ticket = core_->begin(reserving, power_);
  co_await pause(executor_, ticket.latency);
  int error = core_->end(ticket);
  if (!core_->alive(power_)) error = EIO;
  if (error == 0 && core_->growth(node_, end) > core_->free_bytes()) error = ENOSPC;
  if (error != 0) co_return failed(error, "allocate " + path_);
  core_->platter.reserve(node_, end);
  const bool extend = allocation == Allocation::extend;
  if (extend && end > core_->platter.content(node_).size()) core_->platter.resize(node_, end);
  core_->done(reserving);
  co_return Result<>{};
}

Task<Result<std::uint64_t>> SimFile::size() {
  if (closed_) co_return failed(EBADF, "stat " + path_);
  const Ticket ticket = core_->begin(operation(sim_look), power_);
  co_await pause(executor_, ticket.latency);
  const int error = core_->end(ticket);
  if (!core_->alive(power_)) co_return failed(EIO, "stat " + path_);
  if (error != 0) co_return failed(error, "stat " + path_);
  co_return core_->platter.content(node_).size();
}

Task<Result<>> SimFile::close() {
  if (closed_) co_return failed(EBADF, "close " + path_);
  let_go();
  co_return Result<>{};
}

// --- Names

Task<int> SimFileSystem::perform(SimOps kind, std::string path, Change change) {
  Operation operation;
  operation.kind = kind;
  operation.path = std::move(path);
  if (kind != sim_look && kind != sim_sync_directory) {
    operation.landing = [change](SimPlatter& platter) { change(platter); };
  }
  const Ticket ticket = core_->begin(operation, power_);
  co_await pause(executor_, ticket.latency);
  int error = core_->end(ticket);
  if (!core_->alive(power_)) error = EIO;
  if (error == 0) error = change(core_->platter);
  if (error == 0) core_->done(operation);
  co_return error;
}

Task<Result<>> SimFileSystem::change_names(SimOps kind, std::string path, std::string what,
                                           Change change) {
  what += " " + path;
  if (!is_inside(path)) co_return failed(EINVAL, what);
  const int error = co_await perform(kind, std::move(path), std::move(change));
  if (error != 0) co_return failed(error, what);
  co_return Result<>{};
}

Task<Result<std::unique_ptr<File>>> SimFileSystem::open(std::string path, OpenOptions options) {
  if (!is_inside(path)) co_return failed(EINVAL, "open " + path);
  const bool may_create = options.mode == OpenMode::create || options.mode == OpenMode::create_new;
  const bool must_create = options.mode == OpenMode::create_new;
  const Change change = [path, may_create, must_create](SimPlatter& platter) {
    const SimPlatter::NodeId found = platter.find(path);
    if (found == 0) return may_create ? platter.create(path, EntryKind::file) : ENOENT;
    if (must_create) return EEXIST;
    return platter.is_directory(found) ? EISDIR : 0;
  };
  const int error = co_await perform(sim_open, path, change);
  if (error != 0) co_return failed(error, "open " + path);
  const SimPlatter::NodeId node = core_->platter.find(path);
  co_return std::make_unique<SimFile>(core_, executor_, node, std::move(path), options);
}

Task<Result<>> SimFileSystem::rename(std::string from, std::string to) {
  if (!is_inside(from)) return change_names(sim_rename, from, "rename", {});
  auto change = [from, to](SimPlatter& platter) { return platter.rename(from, to); };
  return change_names(sim_rename, std::move(to), "rename " + from + " to", std::move(change));
}

Task<Result<>> SimFileSystem::remove(std::string path) {
  auto change = [path](SimPlatter& platter) { return platter.remove(path, EntryKind::file); };
  return change_names(sim_remove, std::move(path), "remove", std::move(change));
}

Task<Result<>> SimFileSystem::make_directory(std::string path) {
  auto change = [path](SimPlatter& platter) { return platter.create(path, EntryKind::directory); };
  return change_names(sim_make_directory, std::move(path), "make directory", std::move(change));
}

Task<Result<>> SimFileSystem::remove_directory(std::string path) {
  auto change = [path](SimPlatter& platter) { return platter.remove(path, EntryKind::directory); };
  return change_names(sim_remove, std::move(path), "remove directory", std::move(change));
}

Task<Result<>> SimFileSystem::sync_directory(std::string path) {
  auto change = [path](SimPlatter& platter) {
    const SimPlatter::NodeId found = platter.find(path);
    if (found == 0) return ENOENT;
    if (!platter.is_directory(found)) return ENOTDIR;
    platter.sync_directory(path);
    return 0;
  };
  return change_names(sim_sync_directory, std::move(path), "sync directory", std::move(change));
}

Task<Result<std::vector<DirectoryEntry>>> SimFileSystem::list(std::string path) {
  if (!is_inside(path)) co_return failed(EINVAL, "list " + path);
  auto entries = std::make_shared<std::vector<DirectoryEntry>>();
  const Change look = [path, entries](SimPlatter& platter) { return platter.list(path, *entries); };
  const int error = co_await perform(sim_look, path, look);
  if (error != 0) co_return failed(error, "list " + path);
  co_return std::move(*entries);
}

Task<Result<FileStat>> SimFileSystem::stat(std::string path) {
  if (!is_inside(path)) co_return failed(EINVAL, "stat " + path);
  auto found = std::make_shared<FileStat>();
  const Change look = [path, found](SimPlatter& platter) {
    const SimPlatter::NodeId node = platter.find(path);
    if (node == 0) return ENOENT;
    found->kind = platter.is_directory(node) ? EntryKind::directory : EntryKind::file;
    found->size = platter.content(node).size();
    found->allocated_bytes = platter.allocated(node);
    return 0;
  };
  const int error = co_await perform(sim_look, path, look);
  if (error != 0) co_return failed(error, "stat " + path);
  found->modified_ms = executor_.clock().wall_ms();
  co_return *found;
}

Task<Result<FileSystemSpace>> SimFileSystem::space() {
  const int error = co_await perform(sim_look, "", [](SimPlatter&) { return 0; });
  if (error != 0) co_return failed(error, "statvfs");
  co_return FileSystemSpace{.free_bytes = core_->free_bytes(),
                            .total_bytes = core_->options.capacity};
}

}  // namespace

// --- The handle

SimDisk::SimDisk(SimDiskOptions options) : core_(std::make_shared<Core>(options)) {}
SimDisk::SimDisk(std::shared_ptr<Core> core) : core_(std::move(core)) {}
SimDisk::~SimDisk() = default;

std::unique_ptr<FileSystem> SimDisk::mount(SimExecutor& executor) {
  core_->powered = true;
  return std::make_unique<SimFileSystem>(core_, executor);
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

void SimDisk::inject(SimFault fault) { core_->faults.push_back({std::move(fault), 0}); }

void SimDisk::fail_nth(std::uint16_t ops, std::uint64_t n, int error, std::string path) {
  inject({.ops = ops, .nth = n, .error = error, .path = std::move(path)});
}

void SimDisk::clear_faults() { core_->faults.clear(); }
void SimDisk::set_slow(Duration extra) { core_->slow = extra; }
void SimDisk::set_capacity(std::uint64_t bytes) { core_->options.capacity = bytes; }
void SimDisk::observe(Observer observer) { core_->observer = std::move(observer); }
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
    platter.create(path.substr(0, slash), EntryKind::directory);
    const auto above = path.rfind('/', slash - 1);
    platter.sync_directory(slash == 0 || above == std::string::npos ? "" : path.substr(0, above));
  }
  platter.create(path, EntryKind::file);
  const auto slash = path.rfind('/');
  platter.sync_directory(slash == std::string::npos ? "" : path.substr(0, slash));
  const SimPlatter::NodeId node = platter.find(path);
  platter.resize(node, 0);
  platter.write(node, 0, content);
  platter.make_durable(node);
}

void SimDisk::corrupt(const std::string& path, std::uint64_t position, std::byte flip) {
  core_->platter.corrupt(core_->platter.find(path), position, flip);
}

}  // namespace sluice
