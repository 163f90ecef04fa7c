// One client connection on the shard that took it: frames in, replies out, in the order of the
// requests.
//
// One request is served at a time, as Kafka does, but for produce requests: up to
// produce_pipeline_max of one connection wait for the disk together. Their batches are appended in
// the order of the requests, because each is handed to its partition before the next is read.
// A connection reads nothing more while a reply to a request other than produce is on its way out,
// so a slow reader is owed one reply.
//
// A connection whose requests need another shard for a while moves there, between two requests
// (affinity.hpp).
//
// Bounds: a frame's memory grows with the bytes that have arrived, never with the announced length,
// but for a start of at most frame_start_max for a client that has filled as much before;
// frames of all connections of a shard share one bounded pool; before its first valid request a
// connection may send only small frames.
#pragma once

#include "base/event.hpp"
#include "base/task_group.hpp"
#include "broker/affinity.hpp"
#include "broker/fetch_session.hpp"
#include "broker/reply_sender.hpp"
#include "broker/request.hpp"
#include "broker/shard.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::broker {

class Connection {
 public:
  static constexpr std::size_t produce_pipeline_max = 64;
  static constexpr std::size_t frame_growth_min = 64 * 1024;
  static constexpr std::size_t frame_start_max = 2 << 20;
  static constexpr std::chrono::seconds frame_time_max{60};

  Connection(Shard& shard, Socket socket, Peer peer);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // What goes along when a connection moves.
  struct Luggage {
    Peer peer;
    FetchSessions sessions;
    Affinity affinity;
    std::vector<std::byte> input;  // read, not yet served
    int descriptor = -1;
    bool v6 = false;
  };

  // Serves the connection until either side ends it, or it is to move: then says to which shard.
  // Returns when nothing of it is left running.
  Task<std::optional<int>> run();
  // After run() said so: all that another Connection needs to go on. Empty: the socket failed.
  std::optional<Luggage> pack();
  // Before run(): goes on where another one was.
  void unpack(Luggage luggage);

  // Reads no further request; what is being served is answered, then the connection closes.
  void stop_reading();
  // Ends it now: pending replies are lost, a parked fetch is given up.
  void abort();

  // Closes it if it was idle for too long, or takes too long over one frame. Called by the shard's
  // upkeep every few seconds.
  void check_deadlines(TimePoint now, std::chrono::milliseconds idle_max);

  const Peer& peer() const { return peer_; }

 private:
  friend class Shard;
  struct Reply;

  enum class Input : std::uint8_t { frame, end };
  Task<Input> read_frame(storage::AlignedBuffer& frame, std::size_t& size);
  Task<bool> fill_input(std::size_t wanted);
  Task<bool> read_body(storage::AlignedBuffer& frame, std::size_t size);
  Task<storage::AlignedBuffer> frame_memory(std::size_t size);
  Task<bool> fill_body(storage::AlignedBuffer& frame, std::size_t size);
  bool peer_is_gone();
  void drop_reply();
  void look_for_slow(const Reply& reply);
  bool acceptable_size(std::int32_t announced);

  Task<> serve(std::unique_ptr<Request> request, protocol::WireError error, Reply* reply);
  Task<> serve_beside(std::unique_ptr<Request> request, protocol::WireError error, Reply* reply);
  Task<> serve_alone(std::unique_ptr<Request> request, protocol::WireError error, Reply* reply);
  void failed_unexpectedly();
  void reply_is_ready(Reply& reply, Served outcome, protocol::GatherBuffer out);
  void flush_soon();
  Task<> write_soon();
  Task<> write_replies();

  Shard& shard_;
  Socket socket_;
  ReplySender sender_;
  Peer peer_;
  TaskGroup tasks_;
  Event progress_;  // a reply became ready or was sent
  std::deque<std::unique_ptr<Reply>> replies_;
  std::size_t unready_ = 0;  // replies not ready yet
  std::array<std::byte, 2048> input_;
  std::size_t input_begin_ = 0;
  std::size_t input_end_ = 0;
  std::size_t frame_start_ = frame_growth_min;
  TimePoint last_activity_;
  TimePoint frame_began_{};  // zero: between frames
  bool valid_request_seen_ = false;
  bool flush_posted_ = false;
  bool writing_ = false;
  bool closing_ = false;  // no more requests
  bool dead_ = false;     // no more replies either
  FetchSessions sessions_;
  Affinity affinity_;
  ParkedFetch parked_;
};

}  // namespace sluice::broker
