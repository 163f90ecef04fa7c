// One GET of a local HTTP port.
#pragma once

#include "sluice/result.hpp"

#include <chrono>
#include <string>

namespace sluice::cli {

// The body of a 200 answer, at most 64 MiB of it. `address` is HOST:PORT; all that a name resolves
// to is tried. Errors: Errc::invalid_argument for an address that is none, ::unreachable,
// ::timed_out,
// ::malformed_response for another status or a body shorter than its Content-Length.
Result<std::string> http_get(const std::string& address, const std::string& path,
                             std::chrono::milliseconds timeout);

}  // namespace sluice::cli
