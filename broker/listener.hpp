// One listening socket. Connections are handed to the shards in turn, so that they spread evenly,
// and move later to where their partitions are (affinity.hpp).
#pragma once

#include "base/result.hpp"
#include "base/timer.hpp"
#include "broker/connection.hpp"
#include "broker/options.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <memory>

namespace sluice::broker {

using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;

// Binds and listens; port 0 takes a free one. Errors: EADDRINUSE, EACCES, a name that does not
// resolve.
Result<Endpoint> bind_acceptor(Acceptor& acceptor, asio::io_context& io, const Endpoint& endpoint,
                               int backlog);

// Lives on shard 0.
class Listener {
 public:
  Listener(Shard& shard, std::size_t index);

  // As bind_acceptor(). Before the shards run, or on shard 0.
  Result<Endpoint> bind(const Endpoint& endpoint, int backlog);
  // Accepts until stop(). Out of descriptors it pauses and goes on later.
  Task<> accept_loop();
  void stop();

 private:
  // False: refused, for there are too many.
  bool take(asio::basic_stream_socket<asio::ip::tcp, Executor> socket);

  Shard& shard_;
  std::size_t index_;
  Acceptor acceptor_;
  std::unique_ptr<Timer> pause_;
  int next_shard_ = 0;
  bool stopped_ = false;
};

}  // namespace sluice::broker
