// Broker: an event log inside this process, with no network and no server, like a database that is
// a library. Producers, consumers and admins work on it as on any other broker.
//
//   auto broker = sluice::Broker::open({.directory = "events"});
//   auto producer = sluice::Producer::create({.client = broker->connect()});
//   auto consumer = sluice::Consumer::create({.client = broker->connect(), .group_id = "mail"});
//
// Nothing here installs signal handlers, ends the process or prints.
#pragma once

#include "sluice/clock.hpp"
#include "sluice/export.hpp"
#include "sluice/log.hpp"
#include "sluice/result.hpp"
#include "sluice/types.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice {

namespace embed {
class Core;
}

// Who does the broker's work.
enum class Drive : std::uint8_t {
  // The thread that opened it, while it is inside a blocking call of the broker or of a client on
  // it, or in poll() and run_for(); nothing happens in between. Calls of other threads are posted
  // to it and wait. No thread is started, unless io_uring is refused: then four do the writing.
  caller,
  // `shards` threads of the broker's own. Clients may be used from any thread, each by one at a
  // time.
  threads,
};

struct BrokerOptions {
  std::string directory;  // made when missing
  Drive drive = Drive::caller;
  int shards = 1;  // with Drive::threads
  // Written lately and kept in memory, taken as it fills.
  std::size_t cache_bytes = std::size_t{32} << 20;
  // Addresses for other Kafka clients ("127.0.0.1:9092"), so that tools can look in. None: no
  // sockets.
  std::vector<std::string> listeners = {};
  // Any other option of the broker by its name: {"num.partitions", "4"}.
  std::map<std::string, std::string> settings = {};
  // Null: no log. Shared with the broker's threads.
  std::shared_ptr<Logger> logger = nullptr;
  // For timestamps and retention; only wall_ms() is asked. Null: the system's.
  std::shared_ptr<const Clock> clock = nullptr;
};

// Opened, closed and destroyed by one thread; with Drive::caller that is the thread it runs on.
class SLUICE_EXPORT Broker {
 public:
  // Recovers what a crash left. Errors: invalid_argument for an option; device_or_resource_busy
  // when the directory is open, saying by which process; an address in use; damage to the files
  // that the broker keeps its topics in; any error of the file system. Nothing is left behind.
  static Result<Broker> open(BrokerOptions options);
  // As close(); an error goes to the log.
  ~Broker();
  Broker(Broker&& other) noexcept;
  Broker& operator=(Broker&& other) noexcept;

  // What a client needs to work on this broker: ProducerOptions::client and so on. `base` gives
  // the other options; its host may be a Runtime's, whose thread then runs the client. From any
  // thread. A client may outlive the broker: its calls fail then.
  ClientOptions connect(ClientOptions base = {}) const;

  // Answers what is under way, makes everything durable and marks the directory as closed well.
  // Idempotent. Errors: of the file system; it is closed all the same, and recovered when opened
  // again. With Drive::caller from its own thread only: operation_not_permitted elsewhere, and
  // nothing was done.
  Result<> close();

  // With Drive::caller: does what is due without waiting; works on for a time. Call poll() now and
  // then in a program that rarely makes blocking calls, for retention, other threads and other
  // clients. Does nothing on other threads and with Drive::threads.
  void poll();
  void run_for(std::chrono::milliseconds time);

  // Facts, from any thread. Addresses have the real ports, in the order of the options.
  const std::vector<std::string>& addresses() const;
  const std::string& cluster_id() const;
  // Directory, as given.
  const std::string& directory() const;

 private:
  explicit Broker(std::shared_ptr<embed::Core> core);
  std::shared_ptr<embed::Core> core_;
};

}  // namespace sluice
