// Chooses the bug of sluiced_planted, which is broker/main.cpp with bugs compiled in: a real
// process for tests/crash/checker.py. $PLANTED_BUG is its name; not SLUICE_…, which would be an
// option.
#include "base/planted_bug.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace sluice {
namespace {

// Those that a process that is killed can show; the disk of a machine that stays up forgives
// others.
constexpr std::pair<std::string_view, PlantedBug> bugs[] = {
    {"none", PlantedBug::none},
    {"acknowledge_before_completion", PlantedBug::acknowledge_before_completion},
    {"watermark_before_durable", PlantedBug::watermark_before_durable},
    {"commit_before_durable", PlantedBug::commit_before_durable},
    {"stale_generation_accepted", PlantedBug::stale_generation_accepted},
    {"producer_ids_given_again", PlantedBug::producer_ids_given_again},
    {"sequence_window_short", PlantedBug::sequence_window_short},
    {"reader_not_woken", PlantedBug::reader_not_woken},
};

bool choose() {
  const char* wanted = std::getenv("PLANTED_BUG");
  for (const auto& [name, bug] : bugs)
    if (wanted != nullptr && name == wanted) {
      planted_bug = bug;
      return true;
    }
  std::fputs("PLANTED_BUG names no bug of tests/planted/sluiced_planted.cpp\n", stderr);
  std::exit(2);
}

const bool chosen = choose();

}  // namespace
}  // namespace sluice
