// A saga: order → payment → shipping. No service calls another; each publishes what happened, and
// each decides from what it reads. When a later step fails, what went before is undone by further
// events (compensation):
//
//   orders     OrderPlaced                                          OrderCompleted | OrderCancelled
//   payments               PaymentTaken | PaymentFailed                 PaymentRefunded
//   shipments                             OrderShipped | ShippingFailed
//
//   saga BROKER orders | payments | shipping              runs a service until it is stopped
//   saga BROKER place NUMBER amount=30 address=Lyon       places an order
#include "examples/service.hpp"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace {

using events::Event;
using events::Service;

// The same order, with what happened to it now.
Event follow(const Event& event, std::string type) {
  return {.type = std::move(type), .key = event.key, .value = event.value};
}

// The order is completed by its shipping, and cancelled when money was not taken or was given back.
const Service orders{.name = "orders",
                     .reads = {"payments", "shipments"},
                     .writes = "orders",
                     .decide = [](const Event& event) -> std::optional<Event> {
                       if (event.type == "OrderShipped") return follow(event, "OrderCompleted");
                       if (event.type == "PaymentFailed") return follow(event, "OrderCancelled");
                       if (event.type == "PaymentRefunded") return follow(event, "OrderCancelled");
                       return std::nullopt;
                     }};

// Our customers' cards have a limit of 100.
const Service payments{
    .name = "payments",
    .reads = {"orders", "shipments"},
    .writes = "payments",
    .decide = [](const Event& event) -> std::optional<Event> {
      if (event.type == "OrderPlaced") {
        const long amount = std::strtol(field(event, "amount").c_str(), nullptr, 10);
        return follow(event, amount > 0 && amount <= 100 ? "PaymentTaken" : "PaymentFailed");
      }
      if (event.type == "ShippingFailed") return follow(event, "PaymentRefunded");
      return std::nullopt;
    }};

// We cannot ship to nowhere.
const Service shipping{
    .name = "shipping",
    .reads = {"payments"},
    .writes = "shipments",
    .decide = [](const Event& event) -> std::optional<Event> {
      if (event.type != "PaymentTaken") return std::nullopt;
      return follow(event, field(event, "address").empty() ? "ShippingFailed" : "OrderShipped");
    }};

sluice::Result<> place(const std::string& broker, const Event& order) {
  auto producer = sluice::Producer::create({.client = {.brokers = {broker}}});
  if (!producer) return std::unexpected(producer.error());
  const auto sent = events::publish(*producer, "orders", order);
  if (!sent) return std::unexpected(sent.error());
  const auto durable = producer->wait(*sent);
  if (!durable) return std::unexpected(durable.error());
  std::printf("order %s placed\n", order.key.c_str());
  return {};
}

sluice::Result<> run(const std::vector<std::string>& words) {
  const auto& broker = words[0];
  const auto topics = {"orders", "payments", "shipments"};
  if (auto created = events::create_topics(broker, topics); !created) return created;
  if (words[1] == "place" && words.size() > 2) {
    std::string details;
    for (std::size_t i = 3; i < words.size(); ++i) details += (i > 3 ? " " : "") + words[i];
    return place(broker, {.type = "OrderPlaced", .key = words[2], .value = details});
  }
  for (const Service& service : {orders, payments, shipping})
    if (service.name == words[1]) return events::serve(broker, service);
  return sluice::fail(sluice::Errc::invalid_argument, "no service " + words[1]);
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) {
    std::fputs("usage: saga BROKER orders|payments|shipping|place …\n", stderr);
    return 2;
  }
  events::watch_stop_signals();
  return events::exit_code(run({words + 1, words + count}));
}
