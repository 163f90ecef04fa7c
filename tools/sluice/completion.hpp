// Completion of command lines by bash, zsh and fish: their scripts ask `sluice __complete WORDS…`.
#pragma once

#include "tools/sluice/cli.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace sluice::cli {

// How the shells' scripts ask; it is no command on the tree, so that any words may follow.
inline constexpr const char* complete_command = "__complete";

// What a word may be completed to.
struct Completion {
  enum class Live : std::uint8_t { none, topics, groups, contexts };
  std::vector<std::string> words;  // not filtered by what is typed already
  Live live = Live::none;          // names that only the cluster, or the contexts' file, knows
  std::string before = {};         // what is typed of the word before them: "--output="
};
// `typed`: the words behind the program's name; the last is the one to complete, perhaps empty.
Completion completion(const CLI::App& app, const std::vector<std::string>& typed);

// Prints what the last word may become, a line each. Says nothing when the cluster is not there.
Exit complete(const CLI::App& app, const std::vector<std::string>& typed);

}  // namespace sluice::cli
