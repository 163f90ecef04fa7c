// Names of topics for messages.
#pragma once

#include "sluice/admin.hpp"
#include "tools/sluice/cli.hpp"

#include <string>

namespace sluice::cli {

// "no topic 'x'", with what may have been meant.
Exit no_such_topic(Admin& admin, const std::string& name);

}  // namespace sluice::cli
