// When one request passed its stations. Shards share the clock.
#pragma once

#include "base/clock.hpp"

namespace sluice::broker {

// A station that was not passed is zero.
struct RequestTimes {
  TimePoint received{};  // whole in memory
  TimePoint began{};     // its turn on the connection
  TimePoint decoded{};
  TimePoint accepted{};  // produce: the last batch is in its log, not yet on disk
  TimePoint durable{};   // produce: the last batch is on disk
  TimePoint ready{};     // the reply is encoded
  Duration parked{};     // fetch: waited for records, as the client asked for
};

}  // namespace sluice::broker
