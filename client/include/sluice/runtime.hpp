// A thread for clients: what a service with other work uses instead of the private loops that run
// only inside calls. Its clients fetch ahead, keep their group memberships, send batches whose
// linger is over, and may be called from any thread.
//
//   auto runtime = Runtime::create();
//   auto producer = Producer::create({.client = {.host = runtime->host()}});
//   producer->send(record, done);            // returns at once; `done` is called when it is on
//   disk
//
// Completions are called on the runtime's thread, unless deliver is on_poll: then they wait in a
// queue, descriptor() is readable while there are any, and poll() calls them on the caller's
// thread. That is how a program with an event loop of its own takes part (epoll, Python, …).
#pragma once

#include "sluice/export.hpp"
#include "sluice/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace sluice {

namespace client {
class Host;
class RuntimeHost;
}  // namespace client

enum class Deliver : std::uint8_t { on_thread, on_poll };

struct RuntimeOptions {
  Deliver deliver = Deliver::on_thread;
};

// A value; copies share one thread. The thread ends with the last copy and the last client on it.
class SLUICE_EXPORT Runtime {
 public:
  // Errors: the system's, when no thread or descriptor can be had.
  static Result<Runtime> create(RuntimeOptions options = {});

  // For ClientOptions::host.
  std::shared_ptr<client::Host> host() const;

  // With Deliver::on_poll: an eventfd that is readable while completions wait; -1 otherwise. The
  // runtime's own: watch it, and do not read or close it.
  int descriptor() const;
  // Calls the completions that wait now; returns how many there were. From one thread at a time.
  std::size_t poll();

 private:
  explicit Runtime(std::shared_ptr<client::RuntimeHost> host);
  std::shared_ptr<client::RuntimeHost> host_;
};

}  // namespace sluice
