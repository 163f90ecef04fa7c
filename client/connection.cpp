#include "client/connection.hpp"

#include "client/call.hpp"
#include "protocol/messages/api_versions.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <cstring>
#include <optional>
#include <utility>

namespace sluice::client {
namespace {

constexpr std::size_t buffer_size = 64 * 1024;
// No broker answers more than this at once: fetch.max.bytes and one oversized batch stay far below.
constexpr std::size_t response_size_max = std::size_t{1} << 30;

std::unexpected<Error> socket_failure(const boost::system::error_code& ec, std::string context) {
  if (ec == asio::error::eof || ec == asio::error::connection_reset ||
      ec == asio::error::operation_aborted || ec == asio::error::broken_pipe)
    return fail(Errc::disconnected, std::move(context));
  return sluice::fail(static_cast<std::error_code>(ec), std::move(context));
}

// Asio's own conditions read 64 KiB at a time at most.
std::size_t all_at_once(const boost::system::error_code& ec, std::size_t) {
  return ec ? 0 : response_size_max;
}

}  // namespace

// Shared with the coroutine that asks the system, which may outlive the connection.
struct Connection::Lookup {
  std::string host;
  std::uint16_t port;
  std::unique_ptr<Timer> ended;
  std::optional<boost::system::error_code> outcome;
  std::vector<asio::ip::tcp::endpoint> endpoints;
};

Connection::Connection(Loop& loop, Address address, std::string client_id)
    : loop_(loop),
      address_(std::move(address)),
      client_id_(std::move(client_id)),
      socket_(loop.executor()),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(buffer_size)) {}

protocol::Versions Connection::versions(std::int16_t api_key) const {
  const auto i = static_cast<std::size_t>(api_key);
  return api_key >= 0 && i < versions_.size() ? versions_[i] : protocol::Versions{};
}

void Connection::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  boost::system::error_code ignored;
  socket_.close(ignored);
  if (lookup_) lookup_->ended->cancel();
  for (auto& expected : std::exchange(expected_, {})) {
    if (!expected.waiter) continue;
    expected.waiter->failed = expected.waiter->done = true;
    expected.waiter->timer->cancel();
  }
  for (auto& outgoing : std::exchange(outgoing_, {})) {
    if (!outgoing.written) continue;
    outgoing.written->failed = outgoing.written->done = true;
    outgoing.written->timer->cancel();
  }
}

Task<Result<>> Connection::open(TimePoint deadline) {
  auto connected = co_await connect(deadline);
  if (connected) {
    spawn(read_loop(shared_from_this()));
    connected = co_await learn_versions(deadline);
  }
  if (!connected) close();
  co_return connected;
}

namespace {

// Closes the socket when the time is up, so that a pending connect or resolve ends.
Task<> close_at(std::shared_ptr<Connection> connection, std::shared_ptr<Timer> timer,
                TimePoint deadline) {
  const bool late = co_await timer->wait_until(deadline);
  if (late) connection->close();
}

}  // namespace

Task<Result<>> Connection::connect(TimePoint deadline) {
  state_ = State::connecting;
  const std::shared_ptr<Timer> timer = loop_.timers().make_timer();
  spawn(close_at(shared_from_this(), timer, deadline));
  auto connected = co_await connect_any(deadline);
  timer->cancel();
  co_return connected;
}

Task<> Connection::look_up(Executor executor, std::shared_ptr<Lookup> lookup) {
  // Asio resolves on a thread of its own, which ends with the loop.
  asio::ip::basic_resolver<asio::ip::tcp, Executor> resolver(executor);
  const std::string port = std::to_string(lookup->port);
  const auto [ec, found] = co_await resolver.async_resolve(lookup->host, port, use_task);
  for (const auto& entry : found) lookup->endpoints.push_back(entry.endpoint());
  lookup->outcome = ec;
  if (lookup->ended) lookup->ended->cancel();
}

Task<Result<std::vector<asio::ip::tcp::endpoint>>> Connection::resolve(TimePoint deadline) {
  const auto lookup = std::make_shared<Lookup>(address_.host, address_.port);
  lookup->ended = loop_.timers().make_timer();
  lookup_ = lookup;
  spawn(look_up(loop_.executor(), lookup));
  co_await lookup->ended->wait_until(deadline);
  lookup_.reset();
  lookup->ended.reset();  // nobody waits; a timer must not outlive its loop
  if (!lookup->outcome)
    co_return fail(
        state_ == State::closed && loop_.now() < deadline ? Errc::disconnected : Errc::timed_out,
        "look up " + address_.host);
  if (*lookup->outcome)
    co_return sluice::fail(static_cast<std::error_code>(*lookup->outcome),
                           "connect to " + address_.to_string());
  co_return std::move(lookup->endpoints);
}

Task<Result<>> Connection::connect_any(TimePoint deadline) {
  const std::string context = "connect to " + address_.to_string();
  std::vector<asio::ip::tcp::endpoint> endpoints;
  boost::system::error_code not_numeric;
  const auto numeric = asio::ip::make_address(address_.host, not_numeric);
  if (!not_numeric) {
    endpoints.emplace_back(numeric, address_.port);
  } else {
    auto found = co_await resolve(deadline);
    if (!found) co_return std::unexpected(found.error());
    endpoints = std::move(*found);
  }
  boost::system::error_code last = asio::error::host_not_found;
  for (const auto& endpoint : endpoints) {
    if (state_ == State::closed) break;
    boost::system::error_code ignored;
    socket_.close(ignored);
    const auto [ec] = co_await socket_.async_connect(endpoint, use_task);
    last = ec;
    if (!ec) break;
  }
  if (state_ == State::closed) {
    const bool late = loop_.now() >= deadline;
    co_return fail(late ? Errc::timed_out : Errc::disconnected, context);
  }
  if (last) co_return sluice::fail(static_cast<std::error_code>(last), context);
  boost::system::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  co_return Result<>{};
}

Task<Result<Frame>> Connection::exchange(Request request, std::int32_t correlation_id,
                                         TimePoint deadline) {
  if (state_ == State::closed) co_return fail(Errc::disconnected, address_.to_string());
  Waiter waiter(loop_);
  expected_.push_back({correlation_id, &waiter});
  enqueue(std::move(request), nullptr);
  const auto answered = co_await wait_for(waiter, deadline);
  if (!answered) co_return std::unexpected(answered.error());
  co_return std::move(waiter.frame);
}

Task<Result<>> Connection::send(Request request, TimePoint deadline) {
  if (state_ == State::closed) co_return fail(Errc::disconnected, address_.to_string());
  Waiter waiter(loop_);
  enqueue(std::move(request), &waiter);
  co_return co_await wait_for(waiter, deadline);
}

Task<Result<>> Connection::wait_for(Waiter& waiter, TimePoint deadline) {
  const auto self = shared_from_this();
  co_await waiter.timer->wait_until(deadline);
  if (!waiter.done) {
    // Nobody may point to the waiter once this frame is gone.
    for (auto& expected : expected_)
      if (expected.waiter == &waiter) expected.waiter = nullptr;
    for (auto& outgoing : outgoing_)
      if (outgoing.written == &waiter) outgoing.written = nullptr;
    close();
    co_return fail(Errc::timed_out, address_.to_string());
  }
  if (waiter.failed) co_return fail(Errc::disconnected, address_.to_string());
  co_return Result<>{};
}

// Tasks keep the connection alive and end when it is closed.
void Connection::spawn(Task<> task) {
  asio::co_spawn(loop_.executor(), std::move(task), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
}

void Connection::enqueue(Request request, Waiter* written) {
  outgoing_.push_back({std::move(request), written});
  if (writing_) return;
  writing_ = true;
  spawn(write_loop(shared_from_this()));
}

Task<> Connection::write_loop(std::shared_ptr<Connection> self) {
  std::vector<asio::const_buffer> pieces;
  while (self->state_ != State::closed && !self->outgoing_.empty()) {
    // Owned here: close() empties the queue while the kernel may still read these bytes.
    const Outgoing next = std::move(self->outgoing_.front());
    self->outgoing_.front() = {{}, next.written};
    pieces.clear();
    next.request.for_each_piece(
        [&pieces](Bytes bytes) { pieces.emplace_back(bytes.data(), bytes.size()); });
    const auto [ec, written] = co_await asio::async_write(self->socket_, pieces, use_task);
    if (ec) {
      self->close();
      break;
    }
    if (self->outgoing_.empty()) break;  // closed meanwhile
    if (Waiter* waiter = self->outgoing_.front().written) {
      waiter->done = true;
      waiter->timer->cancel();
    }
    self->outgoing_.pop_front();
  }
  self->writing_ = false;
}

Task<> Connection::read_loop(std::shared_ptr<Connection> self) {
  while (self->state_ != State::closed) {
    auto frame = co_await self->read_frame();
    if (!frame) break;
    self->deliver(std::move(*frame));
  }
  self->close();
}

// Receives until at least `wanted` bytes are buffered. Requires: wanted <= buffer_size.
Task<Result<>> Connection::fill(std::size_t wanted) {
  if (end_ - begin_ < wanted && begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  while (end_ - begin_ < wanted) {
    const auto space = asio::buffer(buffer_.get() + end_, buffer_size - end_);
    const auto [ec, count] = co_await socket_.async_read_some(space, use_task);
    if (ec) co_return socket_failure(ec, address_.to_string());
    end_ += count;
  }
  co_return Result<>{};
}

Task<Result<Frame>> Connection::read_frame() {
  const auto head = co_await fill(sizeof(std::int32_t));
  if (!head) co_return std::unexpected(head.error());
  const auto size = load_big_endian<std::uint32_t>(buffer_.get() + begin_);
  begin_ += sizeof size;
  if (size < sizeof(std::int32_t) || size > response_size_max)
    co_return fail(Errc::malformed_response, address_.to_string());
  Frame frame{buffers_.take(size), size};
  const std::size_t here = std::min<std::size_t>(size, end_ - begin_);
  std::memcpy(frame.data.get(), buffer_.get() + begin_, here);
  begin_ += here;
  if (here < size) {
    const auto rest = asio::buffer(frame.data.get() + here, size - here);
    const auto [ec, count] = co_await asio::async_read(socket_, rest, &all_at_once, use_task);
    if (ec) co_return socket_failure(ec, address_.to_string());
  }
  co_return frame;
}

void Connection::deliver(Frame frame) {
  const auto correlation_id = load_big_endian<std::int32_t>(frame.data.get());
  if (expected_.empty() || expected_.front().correlation_id != correlation_id) return close();
  Waiter* waiter = expected_.front().waiter;
  expected_.pop_front();
  if (!waiter) return;
  waiter->frame = std::move(frame);
  waiter->done = true;
  waiter->timer->cancel();
}

Task<Result<>> Connection::learn_versions(TimePoint deadline) {
  protocol::ApiVersionsRequest request;
  request.client_software_name = "sluice";
  request.client_software_version = "0.1.0";
  versions_.assign(protocol::ApiVersionsRequest::schema.api_key + 1, {});
  // A broker that does not know our version answers in version 0, saying what it does know.
  for (protocol::Version version = 3;; version = 0) {
    const auto correlation_id = next_correlation_id();
    auto encoded = encode_request(*this, request, version, correlation_id);
    if (!encoded) co_return std::unexpected(encoded.error());
    const auto frame = co_await exchange(std::move(*encoded), correlation_id, deadline);
    if (!frame) co_return std::unexpected(frame.error());
    const Bytes body = frame->bytes().subspan(sizeof correlation_id);
    protocol::ApiVersionsResponse response;
    constexpr auto unsupported =
        static_cast<std::int16_t>(protocol::ErrorCode::unsupported_version);
    if (version != 0 && body.size() >= 2 &&
        load_big_endian<std::int16_t>(body.data()) == unsupported)
      continue;
    if (protocol::decode(body, version, response) != protocol::WireError::none)
      co_return fail(Errc::malformed_response, "ApiVersions of " + address_.to_string());
    if (response.error_code != protocol::ErrorCode::none)
      co_return sluice::fail(make_error_code(response.error_code),
                             "ApiVersions of " + address_.to_string());
    for (const auto& api : response.api_keys) {
      if (api.api_key < 0) continue;
      const auto key = static_cast<std::size_t>(api.api_key);
      if (key >= versions_.size()) versions_.resize(key + 1);
      versions_[key].first = api.min_version;
      versions_[key].last = api.max_version;
    }
    state_ = State::open;
    co_return Result<>{};
  }
}

}  // namespace sluice::client
