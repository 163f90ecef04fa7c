#include "broker/http/server.hpp"

#include "broker/broker.hpp"
#include "broker/http/head.hpp"

#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/http.hpp>

#include <cerrno>
#include <exception>
#include <optional>

namespace sluice::broker {

namespace beast = boost::beast;
namespace http = beast::http;

namespace {

using Stream = beast::basic_stream<asio::ip::tcp, Executor>;

}  // namespace

// One connection: reads requests and sends pages, one after the other.
class HttpServer::Exchange {
 public:
  Exchange(HttpServer& server, Socket socket) : server_(server), stream_(std::move(socket)) {
    server_.exchanges_.insert(this);
  }
  ~Exchange() { server_.exchanges_.erase(this); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Task<> run() {
    for (;;) {
      const std::optional<Head> head = co_await read_head();
      if (!head || server_.stopping_) co_return;
      Page page = co_await answer(&*head);
      if (server_.stopping_) co_return;
      HttpResponse response = make_response(std::move(page), *head);
      const bool sent = co_await send(&response, head->method == http::verb::head);
      if (!sent || !response.keep_alive()) co_return;
    }
  }
  void close() { stream_.close(); }

 private:
  Task<std::optional<Head>> read_head() {
    HeadParser parser;
    parser.header_limit(header_bytes_max);
    stream_.expires_after(read_time_max);
    auto [error, size] = co_await http::async_read_header(stream_, buffer_, parser, use_task);
    if (error) co_return std::nullopt;
    co_return head_of(parser);
  }

  Task<Page> answer(const Head* head) {
    if (auto refused = refusal(*head, server_.names_)) co_return *std::move(refused);
    co_return co_await server_.pages_.answer(route_of(head->target));
  }

  Task<bool> send(HttpResponse* response, bool header_only) {
    stream_.expires_after(write_time_max);
    http::response_serializer<http::string_body> serializer{*response};
    if (header_only) {
      auto [error, size] = co_await http::async_write_header(stream_, serializer, use_task);
      co_return !error;
    }
    auto [error, size] = co_await http::async_write(stream_, serializer, use_task);
    co_return !error;
  }

  HttpServer& server_;
  Stream stream_;
  beast::flat_static_buffer<header_bytes_max> buffer_;
};

HttpServer::HttpServer(Broker& broker)
    : broker_(broker),
      pages_(broker),
      names_(broker.options().http_hosts),
      acceptor_(broker.shard(0).io()),
      pause_(broker.shard(0).timers().make_timer()),
      tasks_(broker.shard(0).executor(), [&broker](std::exception_ptr) {
        broker.shard(0).logger().error("an HTTP request failed unexpectedly", {});
      }) {}

HttpServer::~HttpServer() = default;

Result<Endpoint> HttpServer::bind(const Endpoint& endpoint) {
  names_.push_back(endpoint.host);
  return bind_acceptor(acceptor_, broker_.shard(0).io(), endpoint,
                       static_cast<int>(connections_max));
}

void HttpServer::start() { tasks_.spawn(accept_loop()); }

Task<> HttpServer::stop() {
  stopping_ = true;
  boost::system::error_code ignored;  // closing twice does no harm
  acceptor_.close(ignored);
  pause_->cancel();
  for (Exchange* exchange : exchanges_) exchange->close();
  co_await tasks_.drain();
}

// Above connections_max a connection is closed at once: scrapers come again.
Task<> HttpServer::accept_loop() {
  while (!stopping_) {
    auto [error, socket] = co_await acceptor_.async_accept(use_task);
    if (stopping_ || error == asio::error::operation_aborted) co_return;
    if (error && error.value() != ECONNABORTED)  // out of descriptors: they wait in the backlog
      co_await pause_->wait_until(broker_.shard(0).timers().now() + std::chrono::milliseconds(100));
    if (!error && exchanges_.size() < connections_max) tasks_.spawn(serve(std::move(socket)));
  }
}

Task<> HttpServer::serve(Socket socket) {
  auto exchange = std::make_unique<Exchange>(*this, std::move(socket));
  co_await exchange->run();
}

}  // namespace sluice::broker
