// A read model: a table in memory that answers questions, built from events and nothing else. It
// has no storage of its own; a new version with a new question is started and reads everything
// again.
//
//   read_model BROKER             the state of all orders of the saga (saga.cpp), and the sums
//   read_model BROKER --follow    … and every change from now on, until stopped
#include "examples/service.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace {

using namespace std::chrono_literals;
using events::Event;

// Each topic fills its own columns: topics are ordered in themselves, but not among each other, so
// no column may depend on which of two topics came first.
struct Order {
  long amount = 0;
  std::string order = "-";
  std::string payment = "-";
  std::string shipment = "-";
};

class Orders {
 public:
  // Applying an event twice does no harm.
  void apply(const Event& event) {
    Order& row = rows_[event.key];
    row.amount = std::strtol(field(event, "amount").c_str(), nullptr, 10);
    if (event.type.starts_with("Payment")) {
      row.payment = event.type;
    } else if (event.type == "OrderShipped" || event.type == "ShippingFailed") {
      row.shipment = event.type;
    } else {
      row.order = event.type;
    }
  }

  void print_row(const std::string& number) const {
    const Order& row = rows_.at(number);
    std::printf("%-8s %6ld  %-15s %-15s %s\n", number.c_str(), row.amount, row.order.c_str(),
                row.payment.c_str(), row.shipment.c_str());
    std::fflush(stdout);
  }

  void print() const {
    long earned = 0;
    std::printf("ORDER    AMOUNT  STATE           PAYMENT         SHIPMENT\n");
    for (const auto& [number, row] : rows_) {
      print_row(number);
      if (row.order == "OrderCompleted") earned += row.amount;
    }
    std::printf("%zu orders, earned %ld\n", rows_.size(), earned);
    std::fflush(stdout);
  }

 private:
  std::map<std::string, Order> rows_;
};

sluice::Result<> run(const std::string& broker, bool follow) {
  auto consumer = events::reader(broker);
  if (!consumer) return std::unexpected(consumer.error());
  Orders orders;
  const auto rebuilt = events::replay(*consumer, {"orders", "payments", "shipments"},
                                      [&](const Event& event) { orders.apply(event); });
  if (!rebuilt) return rebuilt;
  orders.print();  // only now: half a table would be a wrong answer

  while (follow && !events::stop_requested()) {
    const auto records = consumer->poll(200ms);
    if (!records) continue;  // the broker is away; what we know stays true
    for (const auto& record : *records) {
      const auto event = events::event_of(record);
      orders.apply(event);
      orders.print_row(event.key);
    }
  }
  return {};
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    std::fputs("usage: read_model BROKER [--follow]\n", stderr);
    return 2;
  }
  events::watch_stop_signals();
  return events::exit_code(run(words[1], count > 2 && std::string(words[2]) == "--follow"));
}
