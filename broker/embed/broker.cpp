// The public face (sluice/broker.hpp).
#include "sluice/broker.hpp"

#include "base/long_time.hpp"
#include "broker/embed/core.hpp"
#include "broker/embed/host.hpp"

#include <utility>

namespace sluice {

Broker::Broker(std::shared_ptr<embed::Core> core) : core_(std::move(core)) {}
Broker::Broker(Broker&& other) noexcept = default;

Broker& Broker::operator=(Broker&& other) noexcept {
  Broker old(std::move(core_));
  core_ = std::move(other.core_);
  return *this;
}

Broker::~Broker() {
  if (!core_) return;
  const auto closed = core_->close();
  if (closed) return;
  core_->options().logger->error("the broker was not closed well",
                                 {{"error", closed.error().message()}});
  // On another thread than its own it can neither be stopped nor taken apart: it stays as it is,
  // which a later opener finds as after a crash.
  if (closed.error().code == std::errc::operation_not_permitted)
    embed::keep_forever(std::move(core_));
}

Result<Broker> Broker::open(BrokerOptions options) {
  auto core = embed::Core::open(std::move(options));
  if (!core) return std::unexpected(core.error());
  return Broker(std::move(*core));
}

ClientOptions Broker::connect(ClientOptions base) const {
  base.host = embed::make_host(core_, std::move(base.host));
  return base;
}

Result<> Broker::close() { return core_->close(); }

void Broker::poll() {
  if (core_->driven() && core_->here()) core_->poll();
}

void Broker::run_for(std::chrono::milliseconds time) {
  if (!core_->driven() || !core_->here()) return;
  const TimePoint until = core_->clock().now() + long_time(time.count());
  core_->poll();
  while (core_->clock().now() < until) core_->run_some(until);
}

const std::vector<std::string>& Broker::addresses() const { return core_->addresses(); }
const std::string& Broker::cluster_id() const { return core_->broker().cluster_id(); }
const std::string& Broker::directory() const { return core_->options().directory; }

}  // namespace sluice
