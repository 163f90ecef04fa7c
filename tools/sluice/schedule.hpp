// `sluice schedule`: records that wait for their time, and cancelling them.
#pragma once

#include "sluice/admin.hpp"
#include "tools/sluice/cli.hpp"
#include "tools/sluice/confirm.hpp"

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::cli {

struct ScheduleListOptions {
  std::string topic;               // empty: all
  std::optional<std::string> key;  // with the escapes of unescape()
  std::int64_t limit = 100;
};
Exit schedule_list(const Global& global, const ScheduleListOptions& options);

struct ScheduleCancelOptions {
  std::vector<std::string> ids;
  std::string topic;
  std::optional<std::string> key;
  bool all = false;  // of the topic
  Confirmation confirmation;
};
Exit schedule_cancel(const Global& global, const ScheduleCancelOptions& options);

void add_schedule_list_options(CLI::App& command, ScheduleListOptions& options);
void add_schedule_cancel_options(CLI::App& command, ScheduleCancelOptions& options);

std::string schedules_text(const std::vector<Schedule>& schedules, Style style);
// `more`: there are more than these.
std::string schedules_json(const std::vector<Schedule>& schedules, std::int64_t pending, bool more);

}  // namespace sluice::cli
