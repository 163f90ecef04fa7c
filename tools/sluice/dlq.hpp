// `sluice dlq`: dead letters looked at, sent back, and thrown away.
#pragma once

#include "sluice/dead_letters.hpp"
#include "tools/sluice/confirm.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::cli {

// As given on the command line.
struct DlqSelectionOptions {
  std::string topic;
  std::vector<std::string> offsets;  // PARTITION:OFFSET or PARTITION:FIRST-LAST
  std::vector<std::string> sources;
  std::vector<std::string> groups;
  std::vector<std::string> reasons;
  std::optional<std::string> since;
  std::optional<std::string> until;
  std::optional<std::string> key;
  std::vector<std::string> headers;  // NAME=VALUE
  std::vector<std::string> fields;   // PATH=VALUE
  bool again = false;                // what was redriven, too

  // Whether anything narrows the topic down.
  bool narrowed() const;
};
// The error is a sentence for the person. `now_ms` is what "-15m" is before.
std::expected<DeadLetterSelection, std::string> parse_selection(const DlqSelectionOptions& options,
                                                                std::int64_t now_ms);

struct DlqListOptions {
  std::vector<std::string> topics;  // empty: those marked by their config
};
Exit dlq_list(const Global& global, const DlqListOptions& options);

struct DlqShowOptions {
  DlqSelectionOptions selection;
  std::int64_t count = -1;
};
Exit dlq_show(const Global& global, const DlqShowOptions& options);

struct DlqRedriveOptions {
  DlqSelectionOptions selection;
  bool all = false;
  RedriveOptions redrive;
  std::string to;
  std::string rate;  // "100", "100/s"
  std::string resume;
  std::string abandon;
};
Exit dlq_redrive(const Global& global, const DlqRedriveOptions& options);

struct DlqPurgeOptions {
  std::string topic;
  std::vector<std::string> before;  // PARTITION:OFFSET
  std::optional<std::string> until;
  bool all = false;
  bool dry_run = false;
  Confirmation confirmation;
};
Exit dlq_purge(const Global& global, const DlqPurgeOptions& options);

void add_dlq_list_options(CLI::App& command, DlqListOptions& options);
void add_dlq_show_options(CLI::App& command, DlqShowOptions& options);
void add_dlq_redrive_options(CLI::App& command, DlqRedriveOptions& options);
void add_dlq_purge_options(CLI::App& command, DlqPurgeOptions& options);

// The redrive of this topic that is under way, or was stopped. Errors: as DeadLetters::redrives().
Result<std::optional<RedriveReport>> unfinished_redrive(DeadLetters& letters,
                                                        const std::string& topic);
// "sluice dlq redrive --resume ID goes on, --abandon ID ends it"
std::string how_to_go_on(const std::string& id);

}  // namespace sluice::cli
