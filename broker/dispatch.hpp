// From an API key to the handler that serves it.
#pragma once

#include "base/task.hpp"
#include "broker/request.hpp"
#include "protocol/api.hpp"

namespace sluice::broker {

// Decodes the body, runs the handler, encodes the reply into request.reply. A body that does not
// parse, an unknown API or version closes the connection, as Kafka does; ApiVersions of a version
// too high is answered in version 0.
// Requires: request.parsed was filled by protocol::parse_request() and is served on its shard.
Task<Served> dispatch(Request& request, protocol::WireError parse_error);

// Whether dispatch() serves the API: exactly these are told by ApiVersions.
bool is_served(protocol::ApiKey key);

}  // namespace sluice::broker
