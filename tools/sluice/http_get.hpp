// One GET of a local HTTP port.
#pragma once

#include "sluice/result.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace sluice::cli {

// The body of `answer`, all that came until the connection ended, when it is a 200. `from` is named
// in the error. Errors: Errc::malformed_response for another status or a body that is not of its
// Content-Length.
Result<std::string> body_of(std::string_view answer, const std::string& from);

// The body of a 200 answer, at most 64 MiB of it. `address` is HOST:PORT; all that a name resolves
// to is tried. Errors: Errc::invalid_argument for an address that is none, ::unreachable,
// ::timed_out; as body_of().
Result<std::string> http_get(const std::string& address, const std::string& path,
                             std::chrono::milliseconds timeout);

}  // namespace sluice::cli
