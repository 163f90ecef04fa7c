// One TCP connection to a broker: frames out, frames in, answers matched to requests.
//
// Requests are pipelined: any number may be waiting, and the broker answers in order. A request
// that is not answered by its deadline closes the connection, since all later answers wait behind
// it. Internal: includes Asio; public headers do not include this.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "client/error.hpp"
#include "client/loop.hpp"
#include "client/types.hpp"
#include "protocol/schema.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace sluice::client {

// A received frame without its length; what is decoded from it borrows from here.
struct Frame {
  std::shared_ptr<std::byte[]> data;
  std::size_t size = 0;
  Bytes bytes() const { return {data.get(), size}; }
};

struct Address {
  std::string host;
  std::uint16_t port = 0;
  std::string to_string() const;
  friend bool operator==(const Address&, const Address&) = default;
};
// "HOST:PORT" or "[V6]:PORT"; the port defaults to 9092. Errors: Errc::invalid_argument.
Result<Address> parse_address(std::string_view text);

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Loop& loop, Address address, std::string client_id);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Connects and learns the broker's API versions.
  // Errors: a socket error; Errc::timed_out, ::disconnected, ::malformed_response.
  Task<Result<>> open(TimePoint deadline);
  bool is_open() const { return state_ == State::open; }
  // Fails everything that waits with Errc::disconnected. Idempotent.
  void close();

  const Address& address() const { return address_; }
  const std::string& client_id() const { return client_id_; }
  // The broker's range for an API; empty when it has none.
  protocol::Versions versions(std::int16_t api_key) const;
  std::int32_t next_correlation_id() { return ++last_correlation_id_; }

  // Sends one request (a whole frame, length included, under `correlation_id`) and waits for its
  // answer. Errors: Errc::timed_out (and the connection is closed), ::disconnected.
  Task<Result<Frame>> exchange(std::vector<std::byte> request, std::int32_t correlation_id,
                               TimePoint deadline);
  // Sends a request that is never answered (Produce with acks = 0) and waits until it is written.
  Task<Result<>> send(std::vector<std::byte> request, TimePoint deadline);

 private:
  using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
  enum class State : std::uint8_t { fresh, connecting, open, closed };

  // Someone who waits for an answer, or for a write to end.
  struct Waiter {
    explicit Waiter(Loop& loop, TimePoint deadline) : timer(loop.executor(), deadline) {}
    Timer timer;
    bool done = false;
    bool failed = false;
    Frame frame;
  };
  struct Expected {  // answers come in the order of the requests
    std::int32_t correlation_id;
    Waiter* waiter;
  };
  struct Outgoing {
    std::vector<std::byte> bytes;
    Waiter* written;  // null: nobody waits for the write
  };

  Task<Result<>> connect(TimePoint deadline);
  Task<Result<>> connect_any(TimePoint deadline);
  Task<Result<>> learn_versions(TimePoint deadline);
  // The loops keep the connection alive until they end, which close() makes them do.
  static Task<> read_loop(std::shared_ptr<Connection> self);
  static Task<> write_loop(std::shared_ptr<Connection> self);
  Task<Result<Frame>> read_frame();
  Task<Result<>> fill(std::size_t wanted);
  void deliver(Frame frame);
  void enqueue(std::vector<std::byte> bytes, Waiter* written);
  Task<Result<>> wait_for(Waiter& waiter);

  Loop& loop_;
  Address address_;
  std::string client_id_;
  Socket socket_;
  State state_ = State::fresh;
  std::vector<protocol::Versions> versions_;
  std::int32_t last_correlation_id_ = 0;
  std::deque<Expected> expected_;
  std::deque<Outgoing> outgoing_;
  bool writing_ = false;
  // Bytes received and not yet taken: [begin, end) of buffer_.
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace sluice::client
