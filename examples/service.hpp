// The loop of a service that turns events into events, until it is told to stop.
#pragma once

#include "examples/events.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace events {

// SIGTERM and SIGINT end a service between two events. Call once, before anything else.
void watch_stop_signals();
bool stop_requested();

// A service: what it reads, the one topic it writes, and what follows from what.
struct Service {
  std::string name;            // of its consumer group
  std::string instance = "1";  // of those that share the work each has its own; when one is started
                               // again, it takes up its old place at once (static membership)
  std::vector<std::string> reads;
  std::string writes;
  // The event that follows from this one, if any. May be called again for the same event after a
  // crash: what it does outside must be safe to do twice (charge a card with the order's number).
  std::function<std::optional<Event>(const Event&)> decide;
};

// Runs the service until it is told to stop. An event is committed when what follows from it is
// durable, so nothing is lost; what its own topic says already is not said again, so a repetition
// does no harm. Error: of a record that could not be published; start the service again then.
sluice::Result<> serve(const std::string& broker, const Service& service);

}  // namespace events
