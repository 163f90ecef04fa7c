// `sluice queue`: what share groups do with their records, and changing that by hand.
#pragma once

#include "sluice/admin.hpp"
#include "tools/sluice/cli.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::cli {

Exit queue_list(const Global& global);

struct QueueShowOptions {
  std::string group;
  std::vector<std::string> topics;
  std::int32_t ranges_max = 1000;
  bool all = false;  // what is finished, too
};
Exit queue_show(const Global& global, const QueueShowOptions& options);

struct QueueChangeOptions {
  std::string group;
  std::vector<std::string> records;  // TOPIC:PARTITION:OFFSET or TOPIC:PARTITION:FIRST-LAST
  std::optional<std::string> reason;
};
Exit queue_change(const Global& global, QueueChange::Action action,
                  const QueueChangeOptions& options);

void add_queue_show_options(CLI::App& command, QueueShowOptions& options);
void add_queue_change_options(CLI::App& command, QueueChangeOptions& options);
void add_queue_reject_options(CLI::App& command, QueueChangeOptions& options);

// Nothing for a text of another form.
std::optional<QueueChange> parse_queue_records(std::string_view text);
std::string queue_text(const std::vector<QueuePartition>& partitions, Style style);
std::string queue_json(const std::string& group, const std::vector<QueuePartition>& partitions);

}  // namespace sluice::cli
