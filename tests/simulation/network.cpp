#include "tests/simulation/network.hpp"

#include "broker/broker.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <exception>

namespace sluice::simulation {
namespace {

void rethrow(std::exception_ptr failed) {
  if (failed) std::rethrow_exception(failed);
}

// The broker finds the connection closed: what waits returns, what it holds is free again.
Task<> end_session(std::shared_ptr<broker::LocalSession> session, broker::Shard* shard) {
  shard->begin_local_call();
  session->abandon(*shard);
  co_await session->end_share_sessions();
  shard->end_local_call();
}

}  // namespace

struct Connection::Call {
  std::unique_ptr<Timer> timer;                  // cancelled: there is an answer, or never will be
  std::optional<std::vector<std::byte>> served;  // on the broker's side
  std::optional<std::vector<std::byte>> answer;  // it has arrived
};

Connection::Connection(Network& network, std::shared_ptr<broker::LocalSession> session,
                       std::uint64_t generation)
    : network_(network), session_(std::move(session)), generation_(generation) {}

void Connection::close() {
  if (!open_) return;
  break_off();
  SimExecutor& sim = network_.machine_.sim();
  const TimePoint when = std::max(last_there_, sim.clock().now() + network_.delay());
  sim.schedule().call_at(when, [self = shared_from_this()] { self->end(); });
}

// The broker's side: what was sent before has arrived.
void Connection::end() {
  const auto session = std::move(session_);
  std::erase(network_.connections_, shared_from_this());
  if (!network_.reaches(generation_) || session->home().stopping()) return;
  broker::Shard& shard = session->home();
  asio::co_spawn(shard.executor(), end_session(session, &shard), rethrow);
}

void Connection::break_off() {
  open_ = false;
  for (const auto& call : waiting_) call->timer->cancel();
}

Task<std::optional<std::vector<std::byte>>> Connection::exchange(std::vector<std::byte> frame) {
  const auto self = shared_from_this();
  if (!open_) co_return std::nullopt;
  SimExecutor& sim = network_.machine_.sim();
  auto call = std::make_shared<Call>();
  call->timer = sim.timers().make_timer();
  const auto at = waiting_.insert(waiting_.end(), call);
  last_there_ = std::max(last_there_, sim.clock().now() + network_.delay());
  const bool cuts = network_.random_.below(10'000) < network_.options_.cuts;
  if (cuts) {
    const std::uint64_t how = network_.random_.below(3);
    if (how == 0) deaf_ = true;
    if (how == 1) last_there_ += std::chrono::milliseconds(network_.random_.below(3000));
  }
  if (!deaf_)
    sim.schedule().call_at(last_there_, [self, call, f = std::move(frame)]() mutable {
      self->arrive(std::move(call), std::move(f));
    });
  if (cuts)
    sim.schedule().call_at(sim.clock().now() + 2 * network_.delay(), [self] { self->close(); });
  co_await call->timer->wait_until(sim.clock().now() + network_.options_.patience);
  waiting_.erase(at);
  if (!call->answer) close();
  co_return std::move(call->answer);
}

void Connection::arrive(std::shared_ptr<Call> call, std::vector<std::byte> frame) {
  Machine& machine = network_.machine_;
  machine.trace().add(frame);
  if (!network_.reaches(generation_)) return;
  broker::Shard& shard = session_->home();
  unanswered_.push_back(call);
  auto served = serve(shared_from_this(), session_, std::move(call), std::move(frame));
  asio::co_spawn(shard.executor(), std::move(served), rethrow);
}

Task<> Connection::serve(std::shared_ptr<Connection> self,
                         std::shared_ptr<broker::LocalSession> session, std::shared_ptr<Call> call,
                         std::vector<std::byte> frame) {
  Result<std::vector<std::byte>> answer = co_await session->exchange(std::move(frame));
  if (!answer || !self->network_.reaches(self->generation_)) {
    self->close();
    co_return;
  }
  call->served = std::move(*answer);
  self->reply();
}

void Connection::reply() {
  SimExecutor& sim = network_.machine_.sim();
  while (!unanswered_.empty() && unanswered_.front()->served) {
    last_back_ = std::max(last_back_, sim.clock().now() + network_.delay());
    sim.schedule().call_at(last_back_, [self = shared_from_this(), call = unanswered_.front()] {
      self->network_.machine_.trace().add(*call->served);
      if (!self->open_) return;
      call->answer = std::move(call->served);
      call->timer->cancel();
    });
    unanswered_.pop_front();
  }
}

Network::Network(Machine& machine, std::uint64_t seed, NetworkOptions options)
    : machine_(machine), random_(seed), options_(options) {}

Duration Network::delay() {
  const auto spread = static_cast<std::uint64_t>((options_.delay_max - options_.delay_min).count());
  return options_.delay_min + Duration(static_cast<std::int64_t>(random_.below(spread + 1)));
}

std::shared_ptr<Connection> Network::connect() {
  if (!machine_.is_up()) return nullptr;
  auto session = std::make_shared<broker::LocalSession>(*machine_.broker(), "simulation");
  auto made = std::make_shared<Connection>(*this, std::move(session), generation_);
  connections_.push_back(made);
  return made;
}

void Network::break_off() {
  ++generation_;
  for (const auto& connection : connections_) {
    connection->break_off();
    connection->session_.reset();
    connection->unanswered_.clear();
  }
  connections_.clear();
}

}  // namespace sluice::simulation
