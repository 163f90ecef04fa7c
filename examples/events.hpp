// What the examples share: events, how they are published and read again.
//
// An event is a record: its key says what it is about, its header "type" what happened, its value
// the rest as words "name=value". A real service would put JSON or Protobuf there.
#pragma once

#include <sluice/consumer.hpp>
#include <sluice/producer.hpp>

#include <functional>
#include <initializer_list>
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

// A consumer without a group: it reads whole topics, each instance for itself, and commits nothing.
sluice::Result<sluice::Consumer> reader(const std::string& broker);
// Gives every event that `topics` hold at this moment to `apply`, from the first. The consumer
// stands behind them then, and may go on.
sluice::Result<> replay(sluice::Consumer& consumer, const std::vector<std::string>& topics,
                        const std::function<void(const Event&)>& apply);

// Prints the error and returns the exit code of the program.
int exit_code(const sluice::Result<>& result);

}  // namespace events
