// A service that stays up when its neighbour is down. The shop prices orders and asks another
// service, over two topics, what the shipping costs. It tries a few times and waits longer in
// between; when that does not help it stops asking for a while (a circuit breaker) and takes the
// last price it heard, else a flat rate. An order that cannot be priced at all is refused, by an
// event for people to look at, and does not hold up the others.
//
//   fallback BROKER shop       "orders-in" → "orders-priced"
//   fallback BROKER quotes     the neighbour: "quote-requests" → "quote-replies"
#include "examples/service.hpp"

#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
using events::Event;
using Time = std::chrono::steady_clock::time_point;
Time now() { return std::chrono::steady_clock::now(); }

struct Price {
  std::string amount;
  std::string source;  // "asked", "remembered" or "flat"
};

// What the shop knows of its neighbour.
class Quotes {
 public:
  static sluice::Result<Quotes> connect(const std::string& broker) {
    auto producer = sluice::Producer::create({.client = {.brokers = {broker}}, .linger = 0ms});
    if (!producer) return std::unexpected(producer.error());
    auto replies = events::reader(broker);
    if (!replies) return std::unexpected(replies.error());
    Quotes quotes(std::move(*producer), std::move(*replies));
    // What was answered before we were started is remembered, too.
    const auto read_back = events::replay(quotes.replies_, {"quote-replies"},
                                          [&](const Event& reply) { quotes.remember(reply); });
    if (!read_back) return std::unexpected(read_back.error());
    return quotes;
  }

  // Always answers, within a second or so.
  Price price(const Event& order) {
    const auto country = field(order, "country");
    for (int attempt = 0; attempt < 3 && now() >= closed_until_; ++attempt) {
      if (attempt > 0) std::this_thread::sleep_for(backoff(attempt));
      if (const auto amount = ask(order.key, country)) return {*amount, "asked"};
      if (++failures_ >= 3) closed_until_ = now() + 2s;
    }
    const auto known = remembered_.find(country);
    if (known != remembered_.end()) return {known->second, "remembered"};
    return {"20", "flat"};
  }

 private:
  Quotes(sluice::Producer producer, sluice::Consumer replies)
      : producer_(std::move(producer)), replies_(std::move(replies)) {}

  // One attempt; nothing when no answer came in time.
  std::optional<std::string> ask(const std::string& number, const std::string& country) {
    const Time deadline = now() + 250ms;
    const Event request{.type = "QuoteWanted", .key = number, .value = "country=" + country};
    if (!events::publish(producer_, "quote-requests", request)) return std::nullopt;
    std::optional<std::string> amount;
    while (!amount && now() < deadline) {
      producer_.poll();
      const auto records = replies_.poll(20ms);
      if (!records) return std::nullopt;
      for (const auto& record : *records) {
        const Event reply = events::event_of(record);
        remember(reply);
        if (reply.key == number) amount = field(reply, "amount");
      }
    }
    if (amount) failures_ = 0;
    return amount;
  }

  void remember(const Event& reply) {
    remembered_[field(reply, "country")] = field(reply, "amount");
  }

  // 100 ms, 200 ms, …, a random part of it off: many shops must not ask again all at once.
  std::chrono::milliseconds backoff(int attempt) {
    const auto most = 100ms * (1 << (attempt - 1));
    return most - std::chrono::milliseconds(random_() % static_cast<unsigned>(most.count() / 2));
  }

  sluice::Producer producer_;
  sluice::Consumer replies_;
  std::map<std::string, std::string> remembered_;  // by country
  int failures_ = 0;                               // in a row
  Time closed_until_{};                            // the neighbour is left alone until then
  std::minstd_rand random_{std::random_device{}()};
};

sluice::Result<> shop(const std::string& broker) {
  auto quotes = Quotes::connect(broker);
  if (!quotes) return std::unexpected(quotes.error());
  return events::serve(
      broker, {.name = "shop",
               .reads = {"orders-in"},
               .writes = "orders-priced",
               .decide = [&](const Event& order) -> std::optional<Event> {
                 if (field(order, "country").empty())
                   return Event{"OrderRefused", order.key, order.value + " reason=no-country"};
                 const Price price = quotes->price(order);
                 return Event{
                     "OrderPriced", order.key,
                     order.value + " shipping=" + price.amount + " source=" + price.source};
               }});
}

// The neighbour knows a few countries.
const events::Service quotes_service{
    .name = "quotes",
    .reads = {"quote-requests"},
    .writes = "quote-replies",
    .decide = [](const Event& request) -> std::optional<Event> {
      const auto country = field(request, "country");
      const std::string amount = country == "FR" ? "5" : country == "JP" ? "12" : "9";
      return Event{"Quoted", request.key, "country=" + country + " amount=" + amount};
    }};

sluice::Result<> run(const std::string& broker, const std::string& role) {
  const auto topics = {"orders-in", "orders-priced", "quote-requests", "quote-replies"};
  if (auto created = events::create_topics(broker, topics); !created) return created;
  if (role == "shop") return shop(broker);
  return events::serve(broker, quotes_service);
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::fputs("usage: fallback BROKER shop|quotes\n", stderr);
    return 2;
  }
  events::watch_stop_signals();
  return events::exit_code(run(words[1], words[2]));
}
