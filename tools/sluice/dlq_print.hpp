// What `sluice dlq` prints.
#pragma once

#include "sluice/dead_letters.hpp"
#include "tools/sluice/table.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

struct DlqListing {
  DeadLetterSummary summary;
  std::optional<std::string> unfinished;  // id of a redrive
};
std::string list_text(const std::vector<DlqListing>& topics, Style style);
std::string list_json(const std::vector<DlqListing>& topics);

// A few lines for people; one line of JSON whose "record" is what `sluice produce --json` takes.
void append_letter_text(std::string& out, const DeadLetter& letter);
void append_letter_json(std::string& out, const DeadLetter& letter);

std::string report_text(const RedriveReport& report, bool dry_run);
std::string report_json(const RedriveReport& report, bool dry_run);

}  // namespace sluice::cli
