#include "client/connection.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <charconv>
#include <cstring>
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

}  // namespace

std::string Address::to_string() const {
  const bool bare_v6 = host.find(':') != std::string::npos;
  return (bare_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Address> parse_address(std::string_view text) {
  Address address{.port = 9092};
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return fail(Errc::invalid_argument, std::string(text));
    address.host = text.substr(1, end - 1);
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') return fail(Errc::invalid_argument, std::string(text));
      port = text.substr(end + 2);
    }
  } else {
    const auto colon = text.rfind(':');
    address.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
    if (address.host.find(':') != std::string::npos)
      return fail(Errc::invalid_argument,
                  std::string(text) + ": write an IPv6 address as [::1]:9092");
  }
  if (address.host.empty() || (text.ends_with(':')))
    return fail(Errc::invalid_argument, "address '" + std::string(text) + "' is not HOST:PORT");
  if (!port.empty()) {
    const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (ec != std::errc{} || end != port.data() + port.size() || address.port == 0)
      return fail(Errc::invalid_argument, "address '" + std::string(text) + "' has no valid port");
  }
  return address;
}

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
  for (auto& expected : std::exchange(expected_, {})) {
    if (!expected.waiter) continue;
    expected.waiter->failed = expected.waiter->done = true;
    expected.waiter->timer.cancel();
  }
  for (auto& outgoing : std::exchange(outgoing_, {})) {
    if (!outgoing.written) continue;
    outgoing.written->failed = outgoing.written->done = true;
    outgoing.written->timer.cancel();
  }
}

Task<Result<>> Connection::open(TimePoint deadline) {
  auto connected = co_await connect(deadline);
  if (connected) {
    loop_.spawn(read_loop(shared_from_this()));
    connected = co_await learn_versions(deadline);
  }
  if (!connected) close();
  co_return connected;
}

namespace {

// Closes the socket when the time is up, so that a pending connect or resolve ends.
Task<> close_at(std::shared_ptr<Connection> connection, std::shared_ptr<Timer> timer) {
  const auto [ec] = co_await timer->async_wait(use_task);
  if (!ec) connection->close();
}

}  // namespace

Task<Result<>> Connection::connect(TimePoint deadline) {
  state_ = State::connecting;
  auto timer = std::make_shared<Timer>(loop_.executor(), deadline);
  loop_.spawn(close_at(shared_from_this(), timer));
  auto connected = co_await connect_any(deadline);
  timer->cancel();
  co_return connected;
}

Task<Result<>> Connection::connect_any(TimePoint deadline) {
  const std::string context = "connect to " + address_.to_string();
  std::vector<asio::ip::tcp::endpoint> endpoints;
  boost::system::error_code not_numeric;
  const auto numeric = asio::ip::make_address(address_.host, not_numeric);
  if (!not_numeric) {
    endpoints.emplace_back(numeric, address_.port);
  } else {
    // Names only: Asio resolves them on a thread of its own, which ends with the loop.
    asio::ip::basic_resolver<asio::ip::tcp, Executor> resolver(loop_.executor());
    const std::string port = std::to_string(address_.port);
    const auto [ec, found] = co_await resolver.async_resolve(address_.host, port, use_task);
    if (ec) co_return sluice::fail(static_cast<std::error_code>(ec), context);
    for (const auto& entry : found) endpoints.push_back(entry.endpoint());
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
    const bool late = SystemClock{}.now() >= deadline;
    co_return fail(late ? Errc::timed_out : Errc::disconnected, context);
  }
  if (last) co_return sluice::fail(static_cast<std::error_code>(last), context);
  boost::system::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  co_return Result<>{};
}

Task<Result<Frame>> Connection::exchange(std::vector<std::byte> request,
                                         std::int32_t correlation_id, TimePoint deadline) {
  if (state_ == State::closed) co_return fail(Errc::disconnected, address_.to_string());
  Waiter waiter(loop_, deadline);
  expected_.push_back({correlation_id, &waiter});
  enqueue(std::move(request), nullptr);
  const auto answered = co_await wait_for(waiter);
  if (!answered) co_return std::unexpected(answered.error());
  co_return std::move(waiter.frame);
}

Task<Result<>> Connection::send(std::vector<std::byte> request, TimePoint deadline) {
  if (state_ == State::closed) co_return fail(Errc::disconnected, address_.to_string());
  Waiter waiter(loop_, deadline);
  enqueue(std::move(request), &waiter);
  co_return co_await wait_for(waiter);
}

Task<Result<>> Connection::wait_for(Waiter& waiter) {
  const auto self = shared_from_this();
  co_await waiter.timer.async_wait(use_task);
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

void Connection::enqueue(std::vector<std::byte> bytes, Waiter* written) {
  outgoing_.push_back({std::move(bytes), written});
  if (writing_) return;
  writing_ = true;
  loop_.spawn(write_loop(shared_from_this()));
}

Task<> Connection::write_loop(std::shared_ptr<Connection> self) {
  while (self->state_ != State::closed && !self->outgoing_.empty()) {
    // Owned here: close() empties the queue while the kernel may still read these bytes.
    const Outgoing next = std::move(self->outgoing_.front());
    self->outgoing_.front() = {{}, next.written};
    const auto bytes = asio::buffer(next.bytes.data(), next.bytes.size());
    const auto [ec, written] = co_await asio::async_write(self->socket_, bytes, use_task);
    if (ec) {
      self->close();
      break;
    }
    if (self->outgoing_.empty()) break;  // closed meanwhile
    if (Waiter* waiter = self->outgoing_.front().written) {
      waiter->done = true;
      waiter->timer.cancel();
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
  Frame frame{std::make_shared_for_overwrite<std::byte[]>(size), size};
  const std::size_t here = std::min<std::size_t>(size, end_ - begin_);
  std::memcpy(frame.data.get(), buffer_.get() + begin_, here);
  begin_ += here;
  if (here < size) {
    const auto rest = asio::buffer(frame.data.get() + here, size - here);
    const auto [ec, count] = co_await asio::async_read(socket_, rest, use_task);
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
  waiter->timer.cancel();
}

}  // namespace sluice::client
