// `sluice context`: named sets of options, see contexts.hpp.
#pragma once

#include "tools/sluice/command_line.hpp"

namespace sluice::cli {

// Fills what neither the command line nor the environment says from the context that was chosen by
// --context, $SLUICE_CONTEXT or `context use`. Says what is wrong.
Exit apply_context(const CLI::App& app, Global& global);

}  // namespace sluice::cli
