// Asking before something that cannot be undone.
#pragma once

#include "tools/sluice/cli.hpp"

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::cli {

// What the command line says instead of an answer to the question.
struct Confirmation {
  bool yes = false;                // --yes: whatever is named
  std::vector<std::string> names;  // --confirm=NAME: exactly these
};
void add_confirmation(CLI::App& command, Confirmation& confirmation);

// Exit::ok when `word` was confirmed on the command line, or is typed now; else says why not.
Exit confirm(const Global& global, const std::string& what, const std::string& word,
             const Confirmation& confirmation);

}  // namespace sluice::cli
