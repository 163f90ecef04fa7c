// Connections to the broker of a machine, through a network that is made up: whole frames of the
// protocol, given to a session without a socket (broker/local_session.hpp).
//
// Requests of one connection arrive in their order, and so do the answers; those of different
// connections overtake each other. A connection is cut at a random place: before a request arrived,
// and then none after it does (which stands for a part of a frame too: the broker drops what is not
// whole), or later, when the request is carried out, at times much later, and its answer lost. A
// client that lost its
// connection makes another one while requests of the first may still be on their way. What was
// under way when the machine went down is gone, and nothing that its broker says after that
// arrives.
#pragma once

#include "base/random.hpp"
#include "base/timer.hpp"
#include "broker/local_session.hpp"
#include "protocol/frame.hpp"
#include "tests/simulation/machine.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::simulation {

struct NetworkOptions {
  Duration delay_min = std::chrono::microseconds(50);  // one way
  Duration delay_max = std::chrono::milliseconds(2);
  Duration patience = std::chrono::seconds(40);  // longest wait for an answer
  std::uint64_t cuts = 0;                        // connections cut, of 10,000 requests
};

// An answer, and the frame its views borrow from.
template <class Body>
struct Answer {
  std::vector<std::byte> frame;
  Body body{};
};

class Network;

// One client's connection. Once it is closed it stays so: the client makes another. The network
// keeps it until the broker has learnt of the end.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Network& network, std::shared_ptr<broker::LocalSession> session,
             std::uint64_t generation);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool is_open() const { return open_; }
  // As when the client's process dies: the broker learns of it after all that was sent before.
  // Idempotent.
  void close();

  // Null: the connection is closed, and whether the broker took the request is not known.
  // `message` lives until the answer.
  template <protocol::Message Response, protocol::Message Request>
  Task<std::optional<Answer<Response>>> call(const Request& message, protocol::Version version) {
    std::vector<std::byte> frame;
    SLUICE_CHECK(protocol::encode_request(message, version, 1, "simulation", frame) ==
                 protocol::WireError::none);
    frame.erase(frame.begin(), frame.begin() + protocol::frame_prefix_size);
    auto answered = co_await exchange(std::move(frame));
    if (!answered) co_return std::nullopt;
    Answer<Response> answer{.frame = std::move(*answered)};
    protocol::ResponseFrame parts;
    const auto* api = protocol::find_api(protocol::api_key_of<Response>);
    SLUICE_CHECK(protocol::parse_response(answer.frame, *api, version, parts) ==
                 protocol::WireError::none);
    SLUICE_CHECK(protocol::decode(parts.body, version, answer.body) == protocol::WireError::none);
    co_return answer;
  }

 private:
  friend class Network;
  struct Call;

  Task<std::optional<std::vector<std::byte>>> exchange(std::vector<std::byte> frame);
  static Task<> serve(std::shared_ptr<Connection> self,
                      std::shared_ptr<broker::LocalSession> session, std::shared_ptr<Call> call,
                      std::vector<std::byte> frame);
  void arrive(std::shared_ptr<Call> call, std::vector<std::byte> frame);
  void reply();
  void end();
  void break_off();

  Network& network_;
  std::shared_ptr<broker::LocalSession> session_;
  std::uint64_t generation_;
  bool open_ = true;
  bool deaf_ = false;  // nothing that is sent now arrives
  TimePoint last_there_{};
  TimePoint last_back_{};
  std::list<std::shared_ptr<Call>> waiting_;
  std::deque<std::shared_ptr<Call>> unanswered_;  // as they arrived: answers leave in that order
};

class Network {
 public:
  Network(Machine& machine, std::uint64_t seed, NetworkOptions options);
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Null: nobody listens.
  std::shared_ptr<Connection> connect();
  // The machine has gone down: every connection is broken, and what was on its way is lost.
  void break_off();

  NetworkOptions& options() { return options_; }

 private:
  friend class Connection;

  Duration delay();
  bool reaches(std::uint64_t generation) const {
    return generation == generation_ && machine_.is_up();
  }

  Machine& machine_;
  SeededRandom random_;
  NetworkOptions options_;
  std::uint64_t generation_ = 0;  // grows with each break_off()
  std::list<std::shared_ptr<Connection>> connections_;
};

}  // namespace sluice::simulation
