// One TCP connection to a broker: frames out, frames in, answers matched to requests.
//
// Requests are pipelined: any number may be waiting, and the broker answers in order. A request
// that is not answered by its deadline closes the connection, since all later answers wait behind
// it. Internal: includes Asio; public headers do not include this.
#pragma once

#include "client/channel.hpp"
#include "client/loop.hpp"
#include "client/receive_buffers.hpp"
#include "protocol/schema.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace sluice::client {

class Connection final : public Channel, public std::enable_shared_from_this<Connection> {
 public:
  Connection(Loop& loop, Address address, std::string client_id);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Task<Result<>> open(TimePoint deadline) override;
  bool is_open() const override { return state_ == State::open; }
  void close() override;
  const Address& address() const override { return address_; }
  const std::string& client_id() const override { return client_id_; }
  protocol::Versions versions(std::int16_t api_key) const override;
  Task<Result<Frame>> exchange(Request request, std::int32_t correlation_id,
                               TimePoint deadline) override;
  Task<Result<>> send(Request request, TimePoint deadline) override;

 private:
  using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
  enum class State : std::uint8_t { fresh, connecting, open, closed };

  // Someone who waits for an answer, or for a write to end.
  struct Waiter {
    explicit Waiter(Loop& loop) : timer(loop.timers().make_timer()) {}
    std::unique_ptr<Timer> timer;
    bool done = false;
    bool failed = false;
    Frame frame;
  };
  struct Expected {  // answers come in the order of the requests
    std::int32_t correlation_id;
    Waiter* waiter;
  };
  struct Outgoing {
    Request request;
    Waiter* written;  // null: nobody waits for the write
  };

  Task<Result<>> connect(TimePoint deadline);
  Task<Result<>> connect_any(TimePoint deadline);
  // The addresses behind the name. Ends at the deadline or when closed, though the system may go on
  // looking: its resolver cannot be interrupted.
  struct Lookup;
  Task<Result<std::vector<Socket::endpoint_type>>> resolve(TimePoint deadline);
  static Task<> look_up(Executor executor, std::shared_ptr<Lookup> lookup);
  Task<Result<>> learn_versions(TimePoint deadline);
  // The loops keep the connection alive until they end, which close() makes them do.
  static Task<> read_loop(std::shared_ptr<Connection> self);
  static Task<> write_loop(std::shared_ptr<Connection> self);
  Task<Result<Frame>> read_frame();
  Task<Result<>> fill(std::size_t wanted);
  void deliver(Frame frame);
  void enqueue(Request request, Waiter* written);
  Task<Result<>> wait_for(Waiter& waiter, TimePoint deadline);
  void spawn(Task<> task);

  Loop& loop_;
  Address address_;
  std::string client_id_;
  Socket socket_;
  State state_ = State::fresh;
  std::shared_ptr<Lookup> lookup_;  // while one is on its way
  std::vector<protocol::Versions> versions_;
  std::deque<Expected> expected_;
  std::deque<Outgoing> outgoing_;
  bool writing_ = false;
  // Bytes received and not yet taken: [begin, end) of buffer_.
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  ReceiveBuffers buffers_;
};

}  // namespace sluice::client
