// What lies in a data directory of sluiced or of Apache Kafka: partitions and their segments. Only
// names, sizes and small files are read; the broker may be at work beside.
#pragma once

#include "base/result.hpp"
#include "storage/epochs.hpp"
#include "storage/frontier.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::inspect {

struct SegmentFile {
  Offset base = 0;
  std::int64_t size = 0;  // bytes of the .log
  bool index = false;     // which files lie beside it
  bool time_index = false;
  bool seal = false;
  bool active = false;  // the newest: records may still be appended to it
  // First offset of the next segment; nothing for the active one.
  std::optional<Offset> next_base;
};

struct PartitionLog {
  std::string directory;  // TOPIC-PARTITION below the root
  std::string path;
  std::string topic;
  PartitionIndex partition = 0;
  TopicId topic_id{};
  Offset log_start = 0;
  std::vector<SegmentFile> segments;  // by base
  std::vector<Offset> snapshots;
  std::vector<std::string> aside;  // what recovery (.cut) or repair (.aside) put aside
  std::optional<storage::Frontier> frontier;
  storage::Epochs epochs;

  std::string file(Offset base, std::string_view suffix) const;
};

// Who wrote it.
enum class Writer : std::uint8_t { sluice, kafka };

struct DataDirectory {
  std::string root;
  bool has_root = false;  // `root` is a data directory: a broker's lock and frontiers are there
  Writer writer = Writer::sluice;
  // The pid text of the broker that has it open; "?" when it wrote none; nothing when it is closed.
  std::optional<std::string> holder;
  bool clean = false;                    // the last broker closed it as it should
  std::vector<PartitionLog> partitions;  // by topic, then number
};

// Looks at `path`: a data directory, the directory of one partition, or one .log file in it.
// Errors: those of the system (ENOENT, EACCES, …); EINVAL: nothing of a log is there.
Result<DataDirectory> look_at(const std::string& path);

// Bytes that repair or cut took out of BASE.log at POSITION: BASE.log.POSITION.aside
inline constexpr std::string_view aside_suffix = ".aside";

}  // namespace sluice::inspect
