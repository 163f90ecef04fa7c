// What `sluice log stat` found, and how it is printed.
#pragma once

#include "tools/inspect/log_statistics.hpp"
#include "tools/sluice/table.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

struct LogStatReport {
  std::vector<inspect::DataDirectory> directories;
  inspect::LogStatistics statistics;
  std::optional<inspect::CodecTrial> trial;  // nothing when none was asked for
  bool complete = true;                      // not interrupted

  bool damaged() const { return statistics.damaged_bytes > 0 || statistics.damaged_batches > 0; }
};

// Tables for people; `style` as in Table.
std::string stat_tables(const LogStatReport& report, Style style);
// One JSON object and '\n'.
std::string stat_json(const LogStatReport& report);

}  // namespace sluice::cli
