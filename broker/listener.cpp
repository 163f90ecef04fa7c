#include "broker/listener.hpp"

#include "broker/broker.hpp"
#include "broker/shards.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <sys/resource.h>
#include <unistd.h>

namespace sluice::broker {
namespace {

using Protocol = asio::ip::tcp;

// Connections that the process has descriptors for. A quarter of all is left to files: a partition
// that cannot open its segment is not served.
std::int64_t connections_by_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(limit.rlim_cur - limit.rlim_cur / 4);
}

void move_in(Shard& shard, Connection::Luggage luggage, std::string host);

Task<> serve_connection(std::unique_ptr<Connection> connection, Broker* broker, std::string host) {
  const std::optional<int> next = co_await connection->run();
  std::optional<Connection::Luggage> luggage;
  if (next) luggage = connection->pack();
  connection.reset();
  if (!luggage) {
    broker->connection_ended(std::move(host));
    co_return;
  }
  Shard& shard = broker->shard(*next);
  asio::post(shard.executor(),
             [&shard, goes = std::move(*luggage), from = std::move(host)]() mutable {
               move_in(shard, std::move(goes), std::move(from));
             });
}

// On the shard that a connection moves to.
void move_in(Shard& shard, Connection::Luggage luggage, std::string host) {
  Socket socket{shard.io()};
  boost::system::error_code error;
  socket.assign(luggage.v6 ? Protocol::v6() : Protocol::v4(), luggage.descriptor, error);
  if (error) ::close(luggage.descriptor);
  if (error || shard.stopping()) {
    shard.broker().connection_ended(std::move(host));
    return;
  }
  auto connection = std::make_unique<Connection>(shard, std::move(socket), luggage.peer);
  connection->unpack(std::move(luggage));
  shard.tasks().spawn(serve_connection(std::move(connection), &shard.broker(), std::move(host)));
}

// As clients write it: an IPv4 client of a [::] listener is shown its IPv4 address, and no address
// carries the scope of this machine's interfaces.
std::string host_of(const Protocol::endpoint& endpoint) {
  const asio::ip::address address = endpoint.address();
  if (address.is_v4()) return address.to_string();
  asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string();
  v6.scope_id(0);
  return v6.to_string();
}

// On the shard that is to own the connection.
void adopt_connection(Shard& shard, int descriptor, bool v6, std::size_t listener,
                      std::string host) {
  Socket socket{shard.io()};
  boost::system::error_code error;
  socket.assign(v6 ? Protocol::v6() : Protocol::v4(), descriptor, error);
  if (error) ::close(descriptor);
  const auto remote = error ? Protocol::endpoint{} : socket.remote_endpoint(error);
  const auto local = error ? Protocol::endpoint{} : socket.local_endpoint(error);
  if (error || shard.stopping()) {  // gone before it was taken
    shard.broker().connection_ended(host);
    return;
  }
  socket.set_option(Protocol::no_delay(true), error);
  ++shard.counters().connections_accepted;
  Peer peer{"/" + host_of(remote), {host_of(local), local.port()}, listener};
  auto connection = std::make_unique<Connection>(shard, std::move(socket), std::move(peer));
  shard.tasks().spawn(serve_connection(std::move(connection), &shard.broker(), std::move(host)));
}

}  // namespace

Listener::Listener(Shard& shard, std::size_t index)
    : shard_(shard), index_(index), acceptor_(shard.io()), pause_(shard.timers().make_timer()) {}

Result<Endpoint> Listener::bind(const Endpoint& endpoint, int backlog) {
  return bind_acceptor(acceptor_, shard_.io(), endpoint, backlog);
}

Result<Endpoint> bind_acceptor(Acceptor& acceptor, asio::io_context& io, const Endpoint& endpoint,
                               int backlog) {
  const std::string where = "listen on " + endpoint.host + ":" + std::to_string(endpoint.port);
  boost::system::error_code error;
  const std::string host = endpoint.host.empty() ? "0.0.0.0" : endpoint.host;
  asio::ip::address address = asio::ip::make_address(host, error);
  if (error) {
    asio::ip::basic_resolver<Protocol, Executor> resolver{io};
    const auto found = resolver.resolve(host, std::to_string(endpoint.port), error);
    if (error || found.empty()) return fail(error, where);
    address = found.begin()->endpoint().address();
  }
  const Protocol::endpoint at{address, endpoint.port};
  if (!error) acceptor.open(at.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(at, error);
  if (!error) acceptor.listen(backlog, error);
  if (error) return fail(error, where);
  const auto bound = acceptor.local_endpoint(error);
  if (error) return fail(error, where);
  return Endpoint{bound.address().to_string(), bound.port()};
}

bool Listener::take(asio::basic_stream_socket<Protocol, Executor> socket) {
  Broker& broker = shard_.broker();
  const std::int64_t by_descriptors = connections_by_descriptors();
  const std::int64_t most =
      std::min<std::int64_t>(shard_.options()->max_connections, by_descriptors);
  if (broker.connection_count() >= most) {
    ++shard_.counters().refused_connections_max;
    shard_.logger().warn(
        most == by_descriptors
            ? "connection refused: three quarters of the descriptors are taken by connections; "
              "raise the limit (ulimit -n), or look for a client that does not close its "
              "connections"
            : "connection refused: max.connections is reached; raise it, or look for a client "
              "that does not close its connections",
        {{"max", most}});
    return false;  // closed by its destructor
  }
  boost::system::error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return true;  // reset by the peer meanwhile
  const std::string host = host_of(remote);
  if (broker.connections_from(host) >= shard_.options()->max_connections_per_ip) {
    ++shard_.counters().refused_per_ip;
    shard_.logger().warn(
        "connection refused: max.connections.per.ip is reached; raise it, or look for a client "
        "that does not close its connections",
        {{"client", host}, {"max", shard_.options()->max_connections_per_ip}});
    return false;
  }
  const bool v6 = socket.local_endpoint(error).address().is_v6();
  const int descriptor = error ? -1 : socket.release(error);
  if (error) return true;  // reset by the peer meanwhile
  ++broker.connection_count();
  ++broker.connections_from(host);
  Shard& owner = broker.shard(next_shard_);
  next_shard_ = (next_shard_ + 1) % broker.shard_count();
  const std::size_t index = index_;
  asio::post(owner.executor(), [&owner, descriptor, v6, index, host] {
    adopt_connection(owner, descriptor, v6, index, host);
  });
  return true;
}

Task<> Listener::accept_loop() {
  while (!stopped_) {
    auto [error, socket] = co_await acceptor_.async_accept(use_task);
    if (stopped_ || error == asio::error::operation_aborted) co_return;
    if (error) {
      // Out of descriptors or memory: connections wait in the backlog until some are free.
      if (error.value() != ECONNABORTED) {
        shard_.logger().warn("accepting connections is paused", {{"error", error.message()}});
        co_await pause_->wait_until(shard_.timers().now() + std::chrono::milliseconds(100));
      }
      continue;
    }
    // Clients that are refused come again at once: not all of the shard's time is theirs.
    if (!take(std::move(socket)))
      co_await pause_->wait_until(shard_.timers().now() + std::chrono::milliseconds(1));
  }
}

void Listener::stop() {
  stopped_ = true;
  boost::system::error_code ignored;  // closing twice does no harm
  acceptor_.close(ignored);
  pause_->cancel();
}

}  // namespace sluice::broker
