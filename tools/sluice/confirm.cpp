#include "tools/sluice/confirm.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace sluice::cli {

void add_confirmation(CLI::App& command, Confirmation& confirmation) {
  command.add_option("--confirm", confirmation.names,
                     "NAME, as it would be typed when asked; may repeat");
  command.add_flag("-y,--yes", confirmation.yes, "Do not ask, whatever is named");
}

Exit confirm(const Global& global, const std::string& what, const std::string& word,
             const Confirmation& confirmation) {
  if (confirmation.yes) return Exit::ok;
  const auto& names = confirmation.names;
  if (std::find(names.begin(), names.end(), word) != names.end()) return Exit::ok;
  if (!names.empty())
    return complain(Exit::usage, "--confirm does not name '" + word + "'; nothing was done");
  if (global.no_input || !interactive())
    return complain(Exit::usage, what + " cannot be undone; --confirm=" + word + " does it");
  std::fprintf(stderr, "%s cannot be undone. Type '%s' to go on: ", what.c_str(), word.c_str());
  std::string typed;
  std::getline(std::cin, typed);
  return typed == word ? Exit::ok : complain(Exit::failed, "not confirmed; nothing was done");
}

}  // namespace sluice::cli
