#include "broker/metrics/slow_requests.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

namespace sluice::broker {
namespace {

std::string milliseconds(Duration time) {
  std::array<char, 32> text{};
  const double ms = std::chrono::duration<double, std::milli>(time).count();
  const int size = std::snprintf(text.data(), text.size(), "%.1f", std::max(0.0, ms));
  return {text.data(), static_cast<std::size_t>(std::max(0, size))};
}

// From one station to the next; "0.0" where one was not passed.
std::string between(TimePoint from, TimePoint to) {
  const bool passed = from != TimePoint{} && to != TimePoint{};
  return milliseconds(passed ? to - from : Duration{});
}

}  // namespace

std::optional<Duration> time_taken(const SentRequest& request) {
  using protocol::ApiKey;
  const ApiKey key = request.api->key;
  if (key == ApiKey::join_group || key == ApiKey::sync_group || key == ApiKey::share_fetch)
    return std::nullopt;
  return request.sent - request.times.received - request.times.parked;
}

void log_slow_request(Logger& logger, const SentRequest& request) {
  const auto taken = time_taken(request);
  if (!taken) return;
  const RequestTimes& times = request.times;
  if (times.accepted != TimePoint{}) {
    const TimePoint stored = times.durable == TimePoint{} ? times.accepted : times.durable;
    logger.warn("slow request: a large durable_ms is the disk, send_ms the client or the network",
                {{"api", request.api->name},
                 {"client", request.client_host},
                 {"total_ms", milliseconds(*taken)},
                 {"turn_ms", between(times.received, times.began)},
                 {"decode_ms", between(times.began, times.decoded)},
                 {"append_ms", between(times.decoded, times.accepted)},
                 {"durable_ms", between(times.accepted, times.durable)},
                 {"reply_ms", between(stored, times.ready)},
                 {"send_ms", between(times.ready, request.sent)}});
    return;
  }
  const Duration handled =
      times.decoded == TimePoint{} ? Duration{} : times.ready - times.decoded - times.parked;
  logger.warn("slow request: a large handle_ms is the disk or the work, send_ms the client",
              {{"api", request.api->name},
               {"client", request.client_host},
               {"total_ms", milliseconds(*taken)},
               {"turn_ms", between(times.received, times.began)},
               {"decode_ms", between(times.began, times.decoded)},
               {"handle_ms", milliseconds(handled)},
               {"parked_ms", milliseconds(times.parked)},
               {"send_ms", between(times.ready, request.sent)}});
}

}  // namespace sluice::broker
