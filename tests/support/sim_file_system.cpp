// The simulated disk as a FileSystem: what each operation checks, how long it takes, and what it
// does to the platter when it completes.
#include "base/completion.hpp"
#include "storage/io_request.hpp"
#include "tests/support/sim_disk_core.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
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

using sim::Operation;
using sim::Ticket;
using Data = std::shared_ptr<const std::vector<std::byte>>;

bool is_inside(std::string_view path) {
  if (path.starts_with('/') || path.find('\0') != std::string_view::npos) return false;
  return std::ranges::none_of(std::views::split(path, '/'), [](auto name) {
    return std::string_view(name.begin(), name.end()) == "..";
  });
}

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
  std::size_t read_resident(MutableBytes into, std::uint64_t position) override;
  bool resident(std::uint64_t position, std::uint64_t size) const override;
  Task<> bring_in(std::uint64_t position, std::uint64_t size) override;
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
  Task<int> write_step(std::span<const Bytes> parts, std::uint64_t position, Data data,
                       const storage::IoRequest& request);
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
  Task<Result<std::size_t>> read_descriptor(int, MutableBytes, std::uint64_t) override {
    co_return failed(EBADF, "read");  // nothing here has a descriptor
  }
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
  if (!direct_) core_->keep_in_cache(node_, position, size);
  core_->done(reading);
  co_return size;
}

std::size_t SimFile::read_resident(MutableBytes into, std::uint64_t position) {
  if (closed_ || !core_->alive(power_) || !resident(position, into.size())) return 0;
  const auto& content = core_->platter.content(node_);
  if (position >= content.size()) return 0;
  const auto size = std::min<std::uint64_t>(into.size(), content.size() - position);
  std::memcpy(into.data(), content.data() + position, size);
  return size;
}

bool SimFile::resident(std::uint64_t position, std::uint64_t size) const {
  return !direct_ && core_->alive(power_) && core_->is_cached(node_, position, size);
}

Task<> SimFile::bring_in(std::uint64_t position, std::uint64_t size) {
  ++core_->counters.brought_in;
  if (direct_ || closed_) co_return;
  co_await pause(executor_, core_->options.latency_min);
  if (core_->alive(power_)) core_->keep_in_cache(node_, position, size);
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
  if (durability == Durability::durable) ++core_->counters.durable_writes;
  // What the kernel leaves of a write is written as the real backends do it.
  storage::IoRequest request;
  request.kind = storage::IoKind::write;
  request.position = position;
  request.durable = durability == Durability::durable;
  request.alignment = alignment();
  const Bytes whole(*data);
  request.set_parts(std::span(&whole, 1));
  for (bool more = true; more;) {
    const int answer = co_await write_step(parts, position, data, request);
    if (answer < 0) co_return failed(-answer, what);
    more = request.advance(answer);
  }
  if (request.result() < 0) co_return failed(static_cast<int>(-request.result()), what);
  co_return Result<>{};
}

// One call of the kernel, for what is left of `request`: the bytes taken, or -errno.
Task<int> SimFile::write_step(std::span<const Bytes> parts, std::uint64_t position, Data data,
                              const storage::IoRequest& request) {
  const std::size_t size = request.remaining();
  const std::size_t done = data->size() - size;
  const std::uint64_t begin = position + done;
  Operation writing = operation(sim_write);
  writing.begin = begin;
  writing.end = begin + size;
  writing.landing = [node = node_, begin, done, data](SimPlatter& platter) {
    if (platter.exists(node)) platter.write(node, begin, std::span(*data).subspan(done));
  };
  const Ticket ticket = core_->begin(writing, power_);
  co_await pause(executor_, ticket.latency);
  const int error = core_->end(ticket);
  if (!core_->alive(power_)) co_return -EIO;
  std::size_t at = 0;
  for (const Bytes part : parts) {
    if (!std::ranges::equal(part, std::span(*data).subspan(at, part.size()))) {
      ++core_->counters.changed_in_flight;
    }
    at += part.size();
  }
  const Bytes left = std::span(*data).subspan(done);
  if (error != 0) {
    core_->write_some_sectors(node_, begin, left);
    co_return -error;
  }
  if (core_->growth(node_, writing.end) > core_->free_bytes()) {
    // A real one takes what fits, then says ENOSPC.
    const std::uint64_t room = core_->platter.allocated(node_);
    if (room > begin) {
      core_->platter.write(node_, begin,
                           left.first(std::min<std::uint64_t>(room - begin, left.size())));
    }
    co_return -ENOSPC;
  }
  const Bytes taken = left.first(std::min<std::uint64_t>(ticket.taken.value_or(size), left.size()));
  if (!taken.empty()) core_->platter.write(node_, begin, taken);
  if (request.durable && !taken.empty()) {
    core_->platter.make_durable(node_, begin, taken.size());
  }
  core_->counters.bytes_written += taken.size();
  core_->done(writing);
  co_return static_cast<int>(taken.size());
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

std::unique_ptr<FileSystem> mount_sim_disk(std::shared_ptr<SimDisk::Core> core,
                                           SimExecutor& executor) {
  return std::make_unique<SimFileSystem>(std::move(core), executor);
}

}  // namespace sluice
