// The HTTP port: accepts, reads requests, sends pages (pages.hpp). On shard 0, from before recovery
// until the broker stops. README.md has the bounds.
#pragma once

#include "base/result.hpp"
#include "base/task_group.hpp"
#include "base/timer.hpp"
#include "broker/http/pages.hpp"
#include "broker/listener.hpp"
#include "broker/options.hpp"

#include <memory>
#include <set>
#include <vector>

namespace sluice::broker {

class Broker;

class HttpServer {
 public:
  static constexpr std::size_t connections_max = 32;
  static constexpr std::size_t header_bytes_max = 8192;
  static constexpr std::chrono::seconds read_time_max{10};
  static constexpr std::chrono::seconds write_time_max{30};

  explicit HttpServer(Broker& broker);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Port 0 takes a free one. Errors: EADDRINUSE, EACCES, a name that does not resolve. Before
  // start().
  Result<Endpoint> bind(const Endpoint& endpoint);
  // On shard 0, from here on.
  void start();
  // Ends every connection; pages that are being made are waited for and not sent.
  Task<> stop();

 private:
  class Exchange;

  Task<> accept_loop();
  Task<> serve(Socket socket);

  Broker& broker_;
  Pages pages_;
  std::vector<std::string> names_;  // by which requests may call us
  Acceptor acceptor_;
  std::unique_ptr<Timer> pause_;
  std::set<Exchange*> exchanges_;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace sluice::broker
