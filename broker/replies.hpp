// From our errors to Kafka's codes: the only place.
#pragma once

#include "base/result.hpp"
#include "protocol/error_code.hpp"

namespace sluice::broker {

// storage::Errc as their names say; any other error of the system, and of batches read back from
// disk, is kafka_storage_error, which clients retry.
protocol::ErrorCode kafka_error(const Error& error);

}  // namespace sluice::broker
