// A transactional outbox: a service keeps its state in a database and says what happened, both or
// neither. The order and its event are written in one transaction of SQLite; a relay publishes the
// events, in their order, and then deletes them. A relay that dies in between publishes some of
// them again; readers know an event by its number.
//
//   outbox order DATABASE NUMBER AMOUNT    the business; needs no broker
//   outbox relay DATABASE BROKER           publishes what is not published yet, until stopped
//   outbox read BROKER                     prints every event once
#include "examples/service.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <sqlite3.h>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
constexpr auto topic = "order-events";

using Database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;
using Row = std::vector<std::string>;

// Runs one statement with values for ?1, ?2 …; its rows are added to `rows`.
sluice::Result<> run(const Database& database, const char* sql, const Row& values = {},
                     std::vector<Row>* rows = nullptr) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(database.get(), sql, -1, &statement, nullptr);
  for (std::size_t i = 0; i < values.size(); ++i)
    sqlite3_bind_text(statement, static_cast<int>(i) + 1, values[i].c_str(), -1, SQLITE_TRANSIENT);
  while (sqlite3_step(statement) == SQLITE_ROW) {
    Row& row = rows->emplace_back();
    for (int i = 0; i < sqlite3_column_count(statement); ++i)
      row.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement, i)));
  }
  if (sqlite3_finalize(statement) == SQLITE_OK) return {};
  return sluice::fail(std::make_error_code(std::errc::io_error), sqlite3_errmsg(database.get()));
}

sluice::Result<Database> open(const char* path) {
  sqlite3* handle = nullptr;
  sqlite3_open(path, &handle);
  Database database(handle, &sqlite3_close);
  sqlite3_busy_timeout(handle, 10'000);
  for (const char* sql :
       {"PRAGMA journal_mode = WAL",
        "CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, amount INTEGER NOT NULL)",
        // AUTOINCREMENT: the number of a deleted row is never given again.
        "CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " key TEXT NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL)"}) {
    std::vector<Row> ignored;
    if (const auto made = run(database, sql, {}, &ignored); !made)
      return std::unexpected(made.error());
  }
  return database;
}

// The order and what is to be said about it, or neither.
sluice::Result<> order(const Database& database, const std::string& number,
                       const std::string& amount) {
  const auto transaction = [&]() -> sluice::Result<> {
    if (auto r = run(database, "BEGIN IMMEDIATE"); !r) return r;
    if (auto r = run(database, "INSERT INTO orders VALUES (?1, ?2)", {number, amount}); !r)
      return r;
    if (auto r = run(database, "INSERT INTO outbox (key, type, value) VALUES (?1, ?2, ?3)",
                     {number, "OrderPlaced", "amount=" + amount});
        !r)
      return r;
    return run(database, "COMMIT");
  }();
  if (!transaction) static_cast<void>(run(database, "ROLLBACK"));
  return transaction;
}

// One relay at a time: two would publish everything twice, and out of order.
sluice::Result<> relay(const Database& database, const std::string& broker) {
  auto producer = sluice::Producer::create({.client = {.brokers = {broker}}});
  if (!producer) return std::unexpected(producer.error());
  if (auto created = events::create_topics(broker, {topic}); !created) return created;
  while (!events::stop_requested()) {
    std::vector<Row> rows;
    const auto sql = "SELECT id, key, type, value FROM outbox ORDER BY id LIMIT 100";
    if (auto found = run(database, sql, {}, &rows); !found) return found;
    std::vector<sluice::Delivery> sent;
    for (const Row& row : rows) {
      const events::Event event{.type = row[2], .key = row[1], .value = row[3], .id = row[0]};
      const auto delivery = events::publish(*producer, topic, event);
      if (!delivery) return std::unexpected(delivery.error());
      sent.push_back(*delivery);
    }
    for (const auto& delivery : sent)
      if (auto durable = producer->wait(delivery); !durable)
        return std::unexpected(durable.error());
    if (rows.empty())
      std::this_thread::sleep_for(20ms);
    else if (auto done = run(database, "DELETE FROM outbox WHERE id <= ?1", {rows.back()[0]});
             !done)
      return done;
  }
  return {};
}

// The events of an order come in the order of their numbers; one not above the last is a
// repetition.
sluice::Result<> read(const std::string& broker) {
  auto consumer = events::reader(broker);
  if (!consumer) return std::unexpected(consumer.error());
  // A real reader keeps these in its database, in the transaction that does what an event asks for.
  std::map<std::string, long long> last;  // number of the last event of each order
  return events::replay(*consumer, {topic}, [&](const events::Event& event) {
    const long long id = std::atoll(event.id.c_str());
    if (id <= last[event.key]) return;
    last[event.key] = id;
    std::printf("%lld %s %s %s\n", id, event.key.c_str(), event.type.c_str(), event.value.c_str());
  });
}

}  // namespace

int main(int count, char** words) {
  const std::vector<std::string> arguments(words + 1, words + count);
  const std::string role = count > 1 ? arguments[0] : "";
  events::watch_stop_signals();
  if (role == "read" && count == 3) return events::exit_code(read(arguments[1]));
  if ((role == "order" && count == 5) || (role == "relay" && count == 4)) {
    const auto database = open(words[2]);
    if (!database) return events::exit_code(std::unexpected(database.error()));
    return events::exit_code(role == "order" ? order(*database, arguments[2], arguments[3])
                                             : relay(*database, arguments[2]));
  }
  std::fputs("usage: outbox order DATABASE NUMBER AMOUNT | relay DATABASE BROKER | read BROKER\n",
             stderr);
  return 2;
}
