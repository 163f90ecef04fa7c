// Every error code of the protocol, under the name that the protocol's own files use.
#pragma once

#include "sluice/error_code.hpp"

namespace sluice::protocol {
using sluice::ErrorCode;
using sluice::is_retriable;
using sluice::to_string;
}  // namespace sluice::protocol
