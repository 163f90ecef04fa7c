#include "client/host.hpp"

#include "client/connection.hpp"

namespace sluice::client {

std::shared_ptr<Channel> Host::make_channel(Address address, std::string client_id) {
  return std::make_shared<Connection>(loop(), std::move(address), std::move(client_id));
}

namespace {

// The thread that makes a call is the one that runs the loop: a client on it is used by one thread
// at a time.
class PrivateLoop final : public Loop {
 public:
  Executor executor() override { return io_.get_executor(); }
  Timers& timers() override { return *timers_; }
  const Clock& clock() const override { return clock_; }
  bool runs_here() const override { return true; }
  void run_some(TimePoint deadline) override {
    if (io_.stopped()) io_.restart();
    if (deadline == TimePoint::max())
      io_.run_one();
    else
      io_.run_one_until(deadline);
  }
  void poll() override {
    if (io_.stopped()) io_.restart();
    io_.poll();
  }

 private:
  SystemClock clock_;
  asio::io_context io_{1};
  std::unique_ptr<Timers> timers_ = make_timers(io_.get_executor());
};

class PrivateHost final : public Host {
 public:
  Loop& loop() override { return loop_; }

 private:
  PrivateLoop loop_;
};

}  // namespace

std::shared_ptr<Host> make_private_host() { return std::make_shared<PrivateHost>(); }

}  // namespace sluice::client
