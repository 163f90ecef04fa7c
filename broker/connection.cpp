#include "broker/connection.hpp"

#include "base/long_time.hpp"
#include "broker/dispatch.hpp"
#include "broker/fetch_waiter.hpp"
#include "broker/handlers/share_handlers.hpp"
#include "broker/metrics/slow_requests.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <sys/socket.h>

namespace sluice::broker {

// A reply's place in the order of the requests.
struct Connection::Reply {
  protocol::GatherBuffer out;
  const protocol::ApiInfo* api = nullptr;  // null: none of ours
  RequestTimes times;
  bool ready = false;
  bool close_after = false;
};

Connection::Connection(Shard& shard, Socket socket, Peer peer)
    : shard_(shard),
      socket_(std::move(socket)),
      sender_(socket_, shard.files()),
      peer_(std::move(peer)),
      tasks_(shard.executor(), [this](std::exception_ptr) { failed_unexpectedly(); }),
      last_activity_(shard.timers().now()) {
  boost::system::error_code ignored;  // a socket that is gone is noticed by reading
  socket_.native_non_blocking(true, ignored);
  shard_.connections().push_back(this);
}

Connection::~Connection() { std::erase(shard_.connections(), this); }

// ---- The loop ----

Task<std::optional<int>> Connection::run() {
  while (!closing_) {
    if (const auto shard = affinity_.better_than(shard_.id())) {
      while (!replies_.empty() && !dead_) co_await progress_.wait();
      co_await tasks_.drain();
      if (!closing_) co_return shard;
      break;
    }
    storage::AlignedBuffer frame;
    std::size_t size = 0;
    if (co_await read_frame(frame, size) == Input::end) break;
    auto request = std::make_unique<Request>(Request{
        shard_, peer_, sessions_, parked_, shard_.catalog(), shard_.options(), std::move(frame)});
    request->times.received = last_activity_;
    const Bytes bytes{request->frame.data(), size};
    const protocol::WireError error = protocol::parse_request(bytes, request->parsed);
    if (error == protocol::WireError::none) valid_request_seen_ = true;
    const bool is_produce =
        error == protocol::WireError::none && request->parsed.api->key == protocol::ApiKey::produce;
    // Anything but produce is served alone, after what came before it.
    const std::size_t others_max = is_produce ? produce_pipeline_max - 1 : 0;
    bool others_waited = false;
    while ((unready_ > others_max || replies_.size() >= 2 * produce_pipeline_max) && !dead_) {
      others_waited = true;
      co_await progress_.wait();
    }
    if (dead_) break;
    replies_.push_back(std::make_unique<Reply>());
    ++unready_;
    ++shard_.counters().requests;
    Reply* reply = replies_.back().get();
    request->times.began = others_waited ? shard_.timers().now() : request->times.received;
    if (is_produce) {
      tasks_.spawn(serve_beside(std::move(request), error, reply));
      continue;
    }
    co_await serve_alone(std::move(request), error, reply);
    while (!replies_.empty() && !dead_) co_await progress_.wait();
  }
  closing_ = true;
  while (!replies_.empty() && !dead_) co_await progress_.wait();
  boost::system::error_code ignored;  // the peer may have closed first
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  co_await tasks_.drain();
  while (!replies_.empty()) drop_reply();
  std::vector<ShareSession> over = sessions_.share().take_all();
  for (ShareSession& session : over) co_await release_share_session(shard_, std::move(session));
  co_return std::nullopt;
}

std::optional<Connection::Luggage> Connection::pack() {
  boost::system::error_code error;
  const bool v6 = socket_.local_endpoint(error).address().is_v6();
  const int descriptor = error ? -1 : socket_.release(error);
  if (error) return std::nullopt;
  affinity_.moved();
  Luggage luggage{peer_, std::move(sessions_), affinity_, {}, descriptor, v6};
  const auto input = std::span(input_).subspan(input_begin_, input_end_ - input_begin_);
  luggage.input.assign(input.begin(), input.end());
  return luggage;
}

void Connection::unpack(Luggage luggage) {
  sessions_ = std::move(luggage.sessions);
  affinity_ = luggage.affinity;
  std::ranges::copy(luggage.input, input_.begin());
  input_end_ = luggage.input.size();
  valid_request_seen_ = true;
}

void Connection::drop_reply() {
  shard_.reply_bytes() -= static_cast<std::int64_t>(replies_.front()->out.size());
  replies_.pop_front();
}

// Out of memory: this client's loss, nobody else's.
void Connection::failed_unexpectedly() {
  shard_.logger().error("connection closed: a request failed unexpectedly",
                        {{"client", peer_.client_host}});
  abort();
}

Task<> Connection::serve_beside(std::unique_ptr<Request> request, protocol::WireError error,
                                Reply* reply) {
  co_await serve(std::move(request), error, reply);
  if (unready_ != 0 || writing_ || flush_posted_) {
    flush_soon();  // together with others
  } else {
    co_await write_replies();
  }
}

// No task of its own, and nothing between the reply and its way out.
Task<> Connection::serve_alone(std::unique_ptr<Request> request, protocol::WireError error,
                               Reply* reply) {
  try {
    co_await serve(std::move(request), error, reply);
    if (!writing_) co_await write_replies();
  } catch (const std::exception&) {
    failed_unexpectedly();
  }
}

Task<> Connection::serve(std::unique_ptr<Request> request, protocol::WireError error,
                         Reply* reply) {
  const Served outcome = co_await dispatch(*request, error);
  affinity_.note(request->served_by);
  reply->api = request->parsed.api;
  reply->times = request->times;
  reply_is_ready(*reply, outcome, std::move(request->reply));
  request.reset();
  shard_.frame_released().notify();
}

void Connection::reply_is_ready(Reply& reply, Served outcome, protocol::GatherBuffer out) {
  if (outcome == Served::replied) reply.out = std::move(out);
  shard_.reply_bytes() += static_cast<std::int64_t>(reply.out.size());
  reply.close_after = outcome == Served::close;
  reply.ready = true;
  --unready_;
  last_activity_ = shard_.timers().now();
  reply.times.ready = last_activity_;
  if (reply.api != nullptr) note_latency(shard_.request_stats().of(*reply.api), reply.times);
}

// Of replies that have left, before they are dropped.
void Connection::look_for_slow(const Reply& reply) {
  const std::int64_t slow_ms = shard_.options()->slow_request_ms;
  if (slow_ms < 0 || reply.api == nullptr) return;
  const SentRequest sent{reply.api, peer_.client_host, reply.times, last_activity_};
  const auto taken = time_taken(sent);
  if (!taken || *taken < long_time(slow_ms)) return;
  ++shard_.counters().slow_requests;
  log_slow_request(shard_.logger(), sent);
}

void Connection::stop_reading() {
  closing_ = true;
  boost::system::error_code ignored;  // not connected any more: the read ends by itself
  socket_.shutdown(asio::ip::tcp::socket::shutdown_receive, ignored);
  shard_.frame_released().notify();  // it may be waiting for memory
}

void Connection::abort() {
  dead_ = true;
  closing_ = true;
  parked_.abandoned = true;
  if (const auto waiter = parked_.waiter.lock()) waiter->wake();
  boost::system::error_code ignored;
  socket_.close(ignored);
  progress_.notify();
  shard_.frame_released().notify();  // it may be waiting for memory
}

void Connection::check_deadlines(TimePoint now, std::chrono::milliseconds idle_max) {
  if (sender_.take_progress()) last_activity_ = now;
  if (unready_ != 0) {  // we are the slow one; but is anybody there?
    if (peer_is_gone()) abort();
    return;
  }
  const bool frame_late = frame_began_ != TimePoint{} && now - frame_began_ > frame_time_max;
  const bool reader_late = writing_ && now - last_activity_ > idle_max;
  const bool idle = replies_.empty() && now - last_activity_ > idle_max;
  if (!frame_late && !reader_late && !idle) return;
  shard_.logger().debug("connection closed",
                        {{"client", peer_.client_host},
                         {"reason", frame_late ? "a request took too long to arrive" : "idle"}});
  abort();
}

// Whether the peer has closed, when nothing is being read.
bool Connection::peer_is_gone() {
  std::byte next{};
  return ::recv(socket_.native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

// ---- Reading ----

// Makes at least `wanted` bytes of input_ readable. False at the end of the stream.
Task<bool> Connection::fill_input(std::size_t wanted) {
  if (input_end_ - input_begin_ >= wanted) co_return true;
  std::memmove(input_.data(), input_.data() + input_begin_, input_end_ - input_begin_);
  input_end_ -= input_begin_;
  input_begin_ = 0;
  while (input_end_ < wanted) {
    const auto free = asio::buffer(input_.data() + input_end_, input_.size() - input_end_);
    auto [error, count] = co_await socket_.async_read_some(free, use_task);
    if (error) co_return false;
    input_end_ += count;
    if (frame_began_ == TimePoint{}) frame_began_ = shard_.timers().now();
  }
  co_return true;
}

bool Connection::acceptable_size(std::int32_t announced) {
  const Options& options = *shard_.options();
  const std::int32_t max = valid_request_seen_ ? options.socket_request_max_bytes
                                               : std::min(options.first_request_max_bytes,
                                                          options.socket_request_max_bytes);
  if (announced >= static_cast<std::int32_t>(protocol::request_header_size_min) && announced <= max)
    return true;
  const auto prefix = static_cast<std::uint32_t>(announced);
  const bool http = prefix == 0x47455420 || prefix == 0x504f5354 || prefix == 0x48454144;
  const bool tls = prefix >> 16 == 0x1603;
  ++shard_.counters().refused_request_size;
  shard_.logger().warn("connection refused: bad request size; see what speaks to this port",
                       {{"client", peer_.client_host},
                        {"size", announced},
                        {"max", max},
                        {"looks_like", http  ? "HTTP"
                                       : tls ? "TLS"
                                             : "no Kafka request"}});
  return false;
}

Task<Connection::Input> Connection::read_frame(storage::AlignedBuffer& frame, std::size_t& size) {
  frame_began_ = input_begin_ == input_end_ ? TimePoint{} : shard_.timers().now();
  if (!co_await fill_input(protocol::frame_prefix_size)) co_return Input::end;
  const auto announced = load_big_endian<std::int32_t>(input_.data() + input_begin_);
  if (!acceptable_size(announced)) co_return Input::end;
  input_begin_ += protocol::frame_prefix_size;
  size = static_cast<std::size_t>(announced);
  if (!co_await read_body(frame, size)) co_return Input::end;
  frame_began_ = TimePoint{};
  last_activity_ = shard_.timers().now();
  co_return Input::frame;
}

// Memory for `size` bytes from the shard's pool; waits while the pool is lent out. One connection
// at a time may pass the pool's bound, until its frame is complete: the largest request fits even
// where the pool is small. Empty when the connection ends meanwhile.
Task<storage::AlignedBuffer> Connection::frame_memory(std::size_t size) {
  for (;;) {
    if (closing_) co_return storage::AlignedBuffer{};
    auto memory = shard_.frames().try_take(size);
    if (memory) co_return memory;
    Connection*& grower = shard_.frame_grower();
    if (grower == nullptr) grower = this;
    if (grower == this) co_return shard_.frames().take(size);
    frame_began_ = TimePoint{};  // it is us who are slow
    co_await shard_.frame_released().wait();
    frame_began_ = shard_.timers().now();
  }
}

Task<bool> Connection::read_body(storage::AlignedBuffer& frame, std::size_t size) {
  const bool whole = co_await fill_body(frame, size);
  if (shard_.frame_grower() == this) shard_.frame_grower() = nullptr;
  if (!whole) frame = {};
  if (size > frame_growth_min || !whole) shard_.frame_released().notify();
  co_return whole;
}

Task<bool> Connection::fill_body(storage::AlignedBuffer& frame, std::size_t size) {
  // A client that has sent a large frame to its end gets that much at once the next time.
  // Not where memory is short: then only what has arrived counts.
  const bool plenty = shard_.frames().bytes_lent() < shard_.frames().bytes_max() / 2;
  frame = co_await frame_memory(std::min(size, plenty ? frame_start_ : frame_growth_min));
  if (!frame) co_return false;
  std::size_t have = std::min(size, input_end_ - input_begin_);
  std::memcpy(frame.data(), input_.data() + input_begin_, have);
  input_begin_ += have;
  while (have < size) {
    if (have == frame.size()) {  // all of it has arrived: double it
      storage::AlignedBuffer larger = co_await frame_memory(std::min(size, 2 * frame.size()));
      if (!larger) co_return false;
      std::memcpy(larger.data(), frame.data(), have);
      frame = std::move(larger);
    }
    const std::size_t free = std::min(size, frame.size()) - have;
    auto [error, count] =
        co_await socket_.async_read_some(asio::buffer(frame.data() + have, free), use_task);
    if (error) co_return false;
    have += count;
    frame_began_ = shard_.timers().now();  // it moves: only a standstill is too long
  }
  frame_start_ = std::max(frame_start_, std::min(size, frame_start_max));
  co_return true;
}

// ---- Writing ----

// Once a turn of the loop: replies that become ready together go out in one write.
void Connection::flush_soon() {
  if (flush_posted_ || writing_) return;
  flush_posted_ = true;
  tasks_.spawn(write_soon());
}

Task<> Connection::write_soon() {
  co_await asio::post(shard_.executor(), asio::use_awaitable_t<Executor>{});
  flush_posted_ = false;
  if (!writing_) co_await write_replies();
}

Task<> Connection::write_replies() {
  writing_ = true;
  SendPlan& plan = sender_.plan();
  while (!dead_ && !replies_.empty() && replies_.front()->ready) {
    plan.clear();
    plan.set_step_bytes(shard_.reply_step_bytes());
    std::size_t count = 0;
    bool close_after = false;
    for (const auto& reply : replies_) {
      if (!reply->ready || close_after || plan.piece_count() > 256) break;
      plan.add(reply->out);
      close_after = reply->close_after;
      ++count;
    }
    if (!co_await sender_.send()) close_after = true;
    last_activity_ = shard_.timers().now();
    for (; count != 0; --count) {
      look_for_slow(*replies_.front());
      drop_reply();
    }
    if (close_after) abort();
    progress_.notify();
  }
  writing_ = false;
}

}  // namespace sluice::broker
