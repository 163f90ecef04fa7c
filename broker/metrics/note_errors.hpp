// Counts the error codes of a reply.
#pragma once

#include "broker/metrics/response_errors.hpp"
#include "broker/request.hpp"
#include "broker/shard.hpp"

namespace sluice::broker {

template <class Reply>
void note_errors(Request& request, const Reply& reply) {
  for_each_error(reply, [&](protocol::ErrorCode code) {
    if (request.parsed.api != nullptr)
      ++request.shard.request_stats().of(*request.parsed.api).errors[code];
  });
}

}  // namespace sluice::broker
