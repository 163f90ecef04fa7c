// `sluice groups reset`: other offsets for a group. What is to happen is planned first, as a value
// that is shown, and then committed as it was shown.
#pragma once

#include "sluice/admin.hpp"
#include "tools/sluice/cli.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

struct GroupsResetOptions {
  std::string group;
  std::vector<std::string> topics;  // TOPIC or TOPIC:0,2-4
  bool all_topics = false;          // all that the group has offsets for
  bool to_earliest = false;
  bool to_latest = false;
  std::optional<std::int64_t> to_offset;
  std::optional<std::string> to_time;
  std::optional<std::int64_t> shift;
  std::optional<std::string> like;  // another group
  bool execute = false;
  bool dry_run = false;  // says what is the default
};
Exit groups_reset(const Global& global, const GroupsResetOptions& options);

// What is known of one partition before a reset. A missing `wanted` leaves it alone.
struct ResetInput {
  TopicPartition where;
  std::optional<Offset> committed;
  Offset start = 0;
  Offset end = 0;
  std::optional<Offset> wanted;
};

// What a reset does to one partition.
struct ResetStep {
  TopicPartition where;
  std::optional<Offset> from;
  Offset to = 0;
  Offset end = 0;        // where the partition ends
  bool clamped = false;  // what was wanted does not exist; the nearest that does is taken
};
std::vector<ResetStep> plan_reset(const std::vector<ResetInput>& inputs);

// A topic and its partitions, none for all: "orders", "orders:0,2-4". Nothing for another text.
struct TopicSelection {
  std::string topic;
  std::vector<std::int32_t> partitions;
};
std::optional<TopicSelection> parse_topic_selection(std::string_view text);

}  // namespace sluice::cli
