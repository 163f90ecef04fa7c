// Writes to the log where the time of a slow request went.
#pragma once

#include "base/log.hpp"
#include "broker/metrics/request_times.hpp"
#include "protocol/api.hpp"

#include <optional>
#include <string_view>

namespace sluice::broker {

// One request whose reply was sent.
struct SentRequest {
  const protocol::ApiInfo* api = nullptr;
  std::string_view client_host;
  RequestTimes times;
  TimePoint sent{};
};

// Time the broker took: without what a fetch waited for records. nullopt for requests that wait for
// others by design (JoinGroup, SyncGroup, ShareFetch).
std::optional<Duration> time_taken(const SentRequest& request);

// One line, with the stations' times in milliseconds.
void log_slow_request(Logger& logger, const SentRequest& request);

}  // namespace sluice::broker
