// What the examples share: events, and the loop of a service that turns events into events.
//
// An event is a record: its key says what it is about, its header "type" what happened, its value
// the rest as words "name=value". A real service would put JSON or Protobuf there.
#pragma once

#include <sluice/consumer.hpp>
#include <sluice/producer.hpp>

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace events {

struct Event {
  std::string type;
  std::string key;
  std::string value;
  std::string id = {};  // header "id": the number that its publisher gave it, where it did
};

// Makes the topics that are not there yet.
sluice::Result<> create_topics(const std::string& broker, std::initializer_list<const char*> names);
// Reads an event from a record; the type is empty where the record has none.
Event event_of(const sluice::RecordView& record);
// The value of `name` in "name=value name=value"; empty where there is none.
std::string field(const Event& event, std::string_view name);
// Starts to publish; the delivery says when it is durable.
sluice::Result<sluice::Delivery> publish(sluice::Producer& producer, std::string_view topic,
                                         const Event& event);

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

// A consumer without a group: it reads whole topics, each instance for itself, and commits nothing.
sluice::Result<sluice::Consumer> reader(const std::string& broker);
// Gives every event that `topics` hold at this moment to `apply`, from the first. The consumer
// stands behind them then, and may go on.
sluice::Result<> replay(sluice::Consumer& consumer, const std::vector<std::string>& topics,
                        const std::function<void(const Event&)>& apply);

// Prints the error and returns the exit code of the program.
int exit_code(const sluice::Result<>& result);

}  // namespace events
