#include "tests/support/sim_platter.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <set>

namespace sluice {
namespace {

using storage::EntryKind;

constexpr std::size_t graves_max = 4;  // of a directory
constexpr std::uint64_t grave_bytes_max = 1 << 20;

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

bool is_below(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

std::uint64_t round_down(std::uint64_t value, std::uint64_t unit) { return value - value % unit; }
std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return round_down(value + unit - 1, unit);
}

}  // namespace

SimPlatter::SimPlatter() {
  nodes_[root].kind = EntryKind::directory;
  names_[""] = root;
  durable_names_[""] = root;
}

// --- Names

SimPlatter::NodeId SimPlatter::find(const std::string& path) const {
  const auto found = names_.find(path);
  return found == names_.end() ? 0 : found->second;
}

int SimPlatter::create(const std::string& path, EntryKind kind) {
  const NodeId parent = find(parent_of(path));
  if (parent == 0) return ENOENT;
  if (!is_directory(parent)) return ENOTDIR;
  if (find(path) != 0) return EEXIST;
  const NodeId id = next_node_++;
  nodes_[id].kind = kind;
  nodes_[id].directory = parent;
  names_[path] = id;
  name_changes_.push_back({NameChange::Kind::link, path, "", id});
  return 0;
}

int SimPlatter::rename(const std::string& from, const std::string& to) {
  const NodeId node = find(from);
  const NodeId parent = find(parent_of(to));
  if (node == 0 || parent == 0) return ENOENT;
  if (!is_directory(parent)) return ENOTDIR;
  if (from == to) return 0;
  if (is_below(to, from)) return EINVAL;
  if (const NodeId target = find(to); target != 0) {
    if (is_directory(target) && !is_directory(node)) return EISDIR;
    if (!is_directory(target) && is_directory(node)) return ENOTDIR;
    if (is_directory(target)) {
      std::vector<storage::DirectoryEntry> entries;
      list(to, entries);
      if (!entries.empty()) return ENOTEMPTY;
    }
  }
  name_changes_.push_back({NameChange::Kind::move, from, to, node});
  apply(name_changes_.back(), names_);
  collect();
  return 0;
}

int SimPlatter::remove(const std::string& path, EntryKind kind) {
  const NodeId node = find(path);
  if (node == 0) return ENOENT;
  if (kind == EntryKind::file && is_directory(node)) return EISDIR;
  if (kind == EntryKind::directory) {
    if (!is_directory(node)) return ENOTDIR;
    std::vector<storage::DirectoryEntry> entries;
    list(path, entries);
    if (!entries.empty()) return ENOTEMPTY;
  }
  name_changes_.push_back({NameChange::Kind::unlink, path, "", node});
  apply(name_changes_.back(), names_);
  collect();
  return 0;
}

int SimPlatter::list(const std::string& path, std::vector<storage::DirectoryEntry>& entries) const {
  const NodeId directory = find(path);
  if (directory == 0) return ENOENT;
  if (!is_directory(directory)) return ENOTDIR;
  for (const auto& [name, node] : names_) {
    if (name.empty() || parent_of(name) != path) continue;
    const std::size_t skip = path.empty() ? 0 : path.size() + 1;
    entries.push_back({name.substr(skip), nodes_.at(node).kind});
  }
  std::ranges::sort(entries, {}, &storage::DirectoryEntry::name);
  return 0;
}

void SimPlatter::apply(const NameChange& change, Names& names) {
  switch (change.kind) {
    case NameChange::Kind::link:
      names[change.path] = change.node;
      return;
    case NameChange::Kind::unlink:
      if (const auto found = names.find(change.path);
          found != names.end() && found->second == change.node) {
        names.erase(found);
      }
      return;
    case NameChange::Kind::move: {
      Names moved;
      for (auto at = names.begin(); at != names.end();) {
        if (is_below(at->first, change.path)) {
          moved[change.to + at->first.substr(change.path.size())] = at->second;
          at = names.erase(at);
        } else {
          ++at;
        }
      }
      if (const auto found = names.find(change.path);
          found != names.end() && found->second == change.node) {
        names.erase(found);
      }
      names[change.to] = change.node;
      names.merge(moved);
      return;
    }
  }
}

void SimPlatter::sync_directory(const std::string& path) {
  std::vector<NameChange> kept;
  for (const NameChange& change : name_changes_) {
    const std::string& target = change.kind == NameChange::Kind::move ? change.to : change.path;
    if (parent_of(target) != path) {
      kept.push_back(change);
      continue;
    }
    apply(change, durable_names_);
    if (change.kind != NameChange::Kind::move) continue;
    // The move is on disk under its new name: what is still open before it follows.
    std::erase_if(kept, [&](const NameChange& c) { return c.node == change.node; });
    for (NameChange& earlier : kept) {
      if (is_below(earlier.path, change.path)) {
        earlier.path = change.to + earlier.path.substr(change.path.size());
      }
      if (is_below(earlier.to, change.path)) {
        earlier.to = change.to + earlier.to.substr(change.path.size());
      }
    }
  }
  name_changes_ = std::move(kept);
  collect();
}

std::vector<std::string> SimPlatter::paths() const {
  std::vector<std::string> all;
  for (const auto& [path, node] : names_) {
    if (!path.empty()) all.push_back(path);
  }
  return all;
}

// --- Files

void SimPlatter::write(NodeId id, std::uint64_t position, Bytes bytes) {
  if (bytes.empty()) return;
  Node& node = nodes_.at(id);
  const std::uint64_t end = position + bytes.size();
  const bool grows = end > node.content.size();
  if (grows) node.content.resize(end);
  std::memcpy(node.content.data() + position, bytes.data(), bytes.size());
  node.allocated = std::max(node.allocated, round_up(end, storage::block_size));
  // A disk writes whole sectors: the image of those touched, as they are now.
  const std::uint64_t first = round_down(position, sector_size);
  const std::uint64_t last =
      std::min<std::uint64_t>(round_up(end, sector_size), node.content.size());
  Change change{Change::Kind::write, first, {}, 0};
  change.bytes.assign(node.content.begin() + static_cast<std::ptrdiff_t>(first),
                      node.content.begin() + static_cast<std::ptrdiff_t>(last));
  node.changes.push_back(std::move(change));
  if (grows) node.changes.push_back({Change::Kind::grow, 0, {}, end});
}

void SimPlatter::resize(NodeId id, std::uint64_t size) {
  Node& node = nodes_.at(id);
  if (size == node.content.size()) return;
  const bool cut = size < node.content.size();
  if (cut) {
    bury(node, size);
    node.allocated = std::min(node.allocated, round_up(size, storage::block_size));
  }
  node.content.resize(size);
  node.changes.push_back({cut ? Change::Kind::cut : Change::Kind::grow, 0, {}, size});
}

void SimPlatter::reserve(NodeId id, std::uint64_t end) {
  Node& node = nodes_.at(id);
  node.allocated = std::max(node.allocated, round_up(end, storage::block_size));
}

void SimPlatter::clip(std::vector<Change>& changes, std::uint64_t begin, std::uint64_t end) {
  std::vector<Change> rest;
  for (Change& change : changes) {
    const std::uint64_t change_end = change.position + change.bytes.size();
    const bool apart = change_end <= begin || change.position >= end;
    if (change.kind != Change::Kind::write || apart) {
      rest.push_back(std::move(change));
      continue;
    }
    const auto at = [&](std::uint64_t position) {
      return change.bytes.begin() + static_cast<std::ptrdiff_t>(position - change.position);
    };
    if (change.position < begin) {
      rest.push_back({Change::Kind::write, change.position, {change.bytes.begin(), at(begin)}, 0});
    }
    if (change_end > end) {
      rest.push_back({Change::Kind::write, end, {at(end), change.bytes.end()}, 0});
    }
  }
  changes = std::move(rest);
}

void SimPlatter::commit_sizes(Node& node) {
  std::vector<Change> writes;
  for (Change& change : node.changes) {
    if (change.kind == Change::Kind::cut) {
      if (node.durable.size() > change.size) node.durable.resize(change.size);
      clip(writes, change.size, UINT64_MAX);
    } else if (change.kind == Change::Kind::write) {
      writes.push_back(std::move(change));
    }
  }
  node.changes = std::move(writes);
  node.durable.resize(node.content.size());
}

void SimPlatter::make_durable(NodeId id, std::uint64_t position, std::uint64_t length) {
  Node& node = nodes_.at(id);
  commit_sizes(node);
  const std::uint64_t begin = round_down(position, sector_size);
  const std::uint64_t end =
      std::min<std::uint64_t>(round_up(position + length, sector_size), node.content.size());
  if (begin >= end) return;
  std::memcpy(node.durable.data() + begin, node.content.data() + begin, end - begin);
  clip(node.changes, begin, end);
}

void SimPlatter::make_durable(NodeId id) {
  Node& node = nodes_.at(id);
  commit_sizes(node);
  for (const Change& change : node.changes) {
    std::memcpy(node.durable.data() + change.position, change.bytes.data(), change.bytes.size());
  }
  node.changes.clear();
}

void SimPlatter::forget_unsynced(NodeId id, Random& random) {
  Node& node = nodes_.at(id);
  if (random.below(2) == 0) commit_sizes(node);
  for (const Change& change : node.changes) {
    if (change.kind != Change::Kind::write) continue;
    for (std::size_t at = 0; at < change.bytes.size(); at += sector_size) {
      const std::size_t size = std::min(sector_size, change.bytes.size() - at);
      const std::uint64_t place = change.position + at;
      if (random.below(2) == 0 || place + size > node.durable.size()) continue;
      std::memcpy(node.durable.data() + place, change.bytes.data() + at, size);
    }
  }
  node.changes.clear();
}

void SimPlatter::corrupt(NodeId id, std::uint64_t position, std::byte flip) {
  Node& node = nodes_.at(id);
  if (position < node.content.size()) node.content[position] ^= flip;
  if (position < node.durable.size()) node.durable[position] ^= flip;
}

void SimPlatter::release(NodeId id) {
  const auto found = nodes_.find(id);
  if (found == nodes_.end()) return;
  --found->second.handles;
  collect();
}

void SimPlatter::release_all() {
  for (auto& [id, node] : nodes_) node.handles = 0;
  collect();
}

std::uint64_t SimPlatter::used() const {
  std::set<NodeId> named;
  for (const auto& [path, id] : names_) named.insert(id);
  std::uint64_t total = 0;
  for (const auto& [id, node] : nodes_) {
    if (named.contains(id) || node.handles > 0) total += node.allocated;
  }
  return total;
}

void SimPlatter::bury(const Node& node, std::uint64_t from) {
  const std::uint64_t first = round_up(from, storage::block_size);
  const std::uint64_t end = std::min<std::uint64_t>(node.content.size(), grave_bytes_max);
  if (first >= end) return;
  auto& graves = graveyards_[node.directory];
  graves.push_front({first,
                     {node.content.begin() + static_cast<std::ptrdiff_t>(first),
                      node.content.begin() + static_cast<std::ptrdiff_t>(end)}});
  if (graves.size() > graves_max) graves.pop_back();
}

// Frees what no name, not even one that a power cut would bring back, and no open file refers to.
void SimPlatter::collect() {
  std::set<NodeId> named;
  for (const auto& [path, id] : names_) named.insert(id);
  for (const auto& [path, id] : durable_names_) named.insert(id);
  for (const auto& change : name_changes_) named.insert(change.node);
  std::erase_if(nodes_, [&](const auto& entry) {
    if (named.contains(entry.first) || entry.second.handles > 0) return false;
    bury(entry.second, 0);
    return true;
  });
}

// --- The power cut

// Kept changes of names: none, all, the first few (a journal), or any (what POSIX allows).
void SimPlatter::crash_names(Random& random, SimSurvival survival) {
  const std::size_t count = name_changes_.size();
  std::uint64_t mode = random.below(4);
  if (survival == SimSurvival::lose_all) mode = 0;
  if (survival == SimSurvival::keep_all) mode = 1;
  const std::size_t prefix = random.below(count + 1);
  for (std::size_t i = 0; i < count; ++i) {
    const bool kept = mode == 1 || (mode == 2 && i < prefix) || (mode == 3 && random.below(2) == 0);
    if (kept) apply(name_changes_[i], durable_names_);
  }
  drop_orphans(durable_names_);
  names_ = durable_names_;
  name_changes_.clear();
}

void SimPlatter::drop_orphans(Names& names) {
  // Parents sort before their children.
  for (auto at = names.begin(); at != names.end();) {
    const bool orphan = !at->first.empty() && !names.contains(parent_of(at->first));
    at = orphan ? names.erase(at) : std::next(at);
  }
}

void SimPlatter::crash_node(Node& node, Random& random, SimSurvival survival, bool stale) {
  // In a directory that lost an entry nothing else happens; files lose sectors.
  std::vector<std::byte> disk = std::move(node.durable);
  const std::size_t promised = disk.size();
  const std::size_t grain = random.below(2) == 0 ? sector_size : storage::block_size;
  const auto sizes = static_cast<std::size_t>(std::ranges::count_if(
      node.changes, [](const Change& c) { return c.kind != Change::Kind::write; }));
  std::size_t sizes_kept = random.below(sizes + 1);
  if (survival == SimSurvival::lose_all) sizes_kept = 0;
  if (survival == SimSurvival::keep_all) sizes_kept = sizes;
  std::size_t size = promised;
  std::vector<bool> landed((promised + grain - 1) / grain, true);
  for (const Change& change : node.changes) {
    if (change.kind != Change::Kind::write) {
      if (sizes_kept == 0) continue;
      --sizes_kept;
      size = change.size;
      if (change.kind == Change::Kind::cut && disk.size() > size) disk.resize(size);
      continue;
    }
    // Of one write: nothing, all, a first part, a last part, or any sectors.
    std::uint64_t mode = random.below(5);
    if (survival == SimSurvival::lose_all) mode = 0;
    if (survival == SimSurvival::keep_all) mode = 1;
    const std::uint64_t end = change.position + change.bytes.size();
    const std::uint64_t split = change.position + random.below(change.bytes.size() + 1);
    for (std::uint64_t at = change.position; at < end;) {
      const std::uint64_t next = std::min(round_down(at, grain) + grain, end);
      const bool lands = mode == 1 || (mode == 2 && next <= split) || (mode == 3 && at >= split) ||
                         (mode == 4 && random.below(2) == 0);
      if (lands) {
        if (disk.size() < next) disk.resize(next);
        std::memcpy(disk.data() + at, change.bytes.data() + (at - change.position), next - at);
        if (landed.size() <= at / grain) landed.resize(at / grain + 1);
        landed[at / grain] = true;
      }
      at = next;
    }
  }
  disk.resize(size);
  // Blocks that the file got but whose data did not arrive: zeros, or what lay there before.
  const auto& graves = graveyards_[node.directory];
  if (stale && !graves.empty() && random.below(2) == 0) {
    const Grave& old = graves[random.below(graves.size())];
    const std::uint64_t end = std::min<std::uint64_t>(size, old.position + old.bytes.size());
    const std::uint64_t begin = round_up(std::max<std::uint64_t>(promised, old.position), grain);
    for (std::uint64_t at = begin; at < end; at += grain) {
      if (at / grain < landed.size() && landed[at / grain]) continue;
      const std::size_t length = std::min<std::uint64_t>(grain, end - at);
      std::memcpy(disk.data() + at, old.bytes.data() + (at - old.position), length);
    }
  }
  node.durable = disk;
  node.content = std::move(disk);
  node.changes.clear();
  node.handles = 0;
}

void SimPlatter::crash(Random& random, SimSurvival survival, bool stale) {
  crash_names(random, survival);
  for (auto& [id, node] : nodes_) {
    if (node.kind == EntryKind::file) crash_node(node, random, survival, stale);
  }
  collect();
}

}  // namespace sluice
