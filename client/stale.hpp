// Which errors mean that what we know of the cluster is out of date.
#pragma once

#include "sluice/error.hpp"

namespace sluice::client {

// Whether the answer means that our metadata (leader, coordinator, topic id) is out of date.
bool means_stale_metadata(const std::error_code& code);

}  // namespace sluice::client
