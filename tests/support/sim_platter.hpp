// What a simulated disk holds: names and bytes twice, once as the running system sees them and once
// as a power cut would leave them, with the changes in between. A value: copy it to keep a moment.
// No time and no I/O here; SimDisk (sim_disk.hpp) drives it and describes the model.
#pragma once

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "storage/file_system.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

// How much of what was not durable a power cut leaves.
enum class SimSurvival : std::uint8_t {
  random,    // any of the others, or any mixture, file by file and sector by sector
  lose_all,  // only what was promised
  keep_all,  // everything, as when only the process dies
};

class SimPlatter {
 public:
  using NodeId = std::uint64_t;
  static constexpr NodeId root = 1;
  static constexpr std::size_t sector_size = 512;

  SimPlatter();

  // --- Names. All return 0 or an errno.
  NodeId find(const std::string& path) const;  // 0: there is none
  int create(const std::string& path, storage::EntryKind kind);
  int rename(const std::string& from, const std::string& to);
  int remove(const std::string& path, storage::EntryKind kind);
  int list(const std::string& path, std::vector<storage::DirectoryEntry>& entries) const;
  void sync_directory(const std::string& path);

  // --- Files. Require: the node exists, and is a file.
  bool is_directory(NodeId id) const { return nodes_.at(id).kind == storage::EntryKind::directory; }
  bool exists(NodeId id) const { return nodes_.contains(id); }
  const std::vector<std::byte>& content(NodeId id) const { return nodes_.at(id).content; }
  const std::vector<std::byte>& durable_content(NodeId id) const { return nodes_.at(id).durable; }
  std::uint64_t allocated(NodeId id) const { return nodes_.at(id).allocated; }
  // Changes what is read; not durable.
  void write(NodeId id, std::uint64_t position, Bytes bytes);
  void resize(NodeId id, std::uint64_t size);
  void reserve(NodeId id, std::uint64_t end);
  // The bytes there survive from now on, with the size of the file.
  void make_durable(NodeId id, std::uint64_t position, std::uint64_t length);
  void make_durable(NodeId id);
  // A sync has failed: what was not durable never will be, though reads still show it.
  void forget_unsynced(NodeId id, Random& random);
  // Damages what is stored: bit rot.
  void corrupt(NodeId id, std::uint64_t position, std::byte flip);

  void hold(NodeId id) { ++nodes_.at(id).handles; }
  void release(NodeId id);
  // Nothing is open any more.
  void release_all();
  // Blocks in use, in bytes.
  std::uint64_t used() const;

  // The power goes and comes back. `stale` lets bytes of removed or cut files of the same directory
  // show where a file grew but its data did not arrive.
  void crash(Random& random, SimSurvival survival, bool stale);

  std::vector<std::string> paths() const;

 private:
  struct Change {  // to one file; in order; not durable
    enum class Kind : std::uint8_t { write, grow, cut } kind = Kind::write;
    std::uint64_t position = 0;    // write: multiple of sector_size
    std::vector<std::byte> bytes;  // write: whole sectors, or up to the end of the file
    std::uint64_t size = 0;        // grow, cut: the new size
  };
  struct Node {
    storage::EntryKind kind = storage::EntryKind::file;
    NodeId directory = root;  // in which it was made
    std::vector<std::byte> content;
    std::vector<std::byte> durable;
    std::vector<Change> changes;
    std::uint64_t allocated = 0;
    int handles = 0;
  };
  struct NameChange {
    enum class Kind : std::uint8_t { link, move, unlink } kind = Kind::link;
    std::string path;
    std::string to;  // move
    NodeId node = 0;
  };
  struct Grave {  // what lay in blocks that are free now
    std::uint64_t position = 0;
    std::vector<std::byte> bytes;
  };
  using Names = std::map<std::string, NodeId>;

  static void apply(const NameChange& change, Names& names);
  static void drop_orphans(Names& names);
  static void commit_sizes(Node& node);
  static void clip(std::vector<Change>& changes, std::uint64_t begin, std::uint64_t end);
  // Its blocks from the one at or after `from` on are free.
  void bury(const Node& node, std::uint64_t from);
  void collect();
  void crash_names(Random& random, SimSurvival survival);
  void crash_node(Node& node, Random& random, SimSurvival survival, bool stale);

  std::map<NodeId, Node> nodes_;
  Names names_;          // as the running system sees them
  Names durable_names_;  // as a power cut would leave them at least
  std::vector<NameChange> name_changes_;
  std::map<NodeId, std::deque<Grave>> graveyards_;  // by directory, the newest first
  NodeId next_node_ = root + 1;
};

}  // namespace sluice
