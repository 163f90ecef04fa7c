#include "broker/embed/host.hpp"

#include "broker/embed/local_channel.hpp"

#include <utility>

namespace sluice::embed {
namespace {

// The loop of the only shard of a driven broker.
class DrivenLoop final : public client::Loop {
 public:
  explicit DrivenLoop(std::shared_ptr<Core> core) : core_(std::move(core)) {}

  Executor executor() override { return core_->broker().shard(0).executor(); }
  Timers& timers() override { return core_->broker().shard(0).timers(); }
  const Clock& clock() const override { return core_->clock(); }
  bool runs_here() const override { return core_->here(); }
  void run_some(TimePoint deadline) override { core_->run_some(deadline); }
  void poll() override { core_->poll(); }

 private:
  std::shared_ptr<Core> core_;
};

class DrivenHost final : public client::Host {
 public:
  explicit DrivenHost(std::shared_ptr<Core> core) : core_(std::move(core)), loop_(core_) {}

  client::Loop& loop() override { return loop_; }
  std::vector<client::Address> bootstrap() const override { return {local_address(*core_)}; }
  std::shared_ptr<client::Channel> make_channel(client::Address address,
                                                std::string client_id) override {
    return make_local_channel(core_, loop_, nullptr, std::move(address), std::move(client_id));
  }

 private:
  std::shared_ptr<Core> core_;
  DrivenLoop loop_;
};

// Stands on another host's loop.
class OtherLoopHost final : public client::Host {
 public:
  OtherLoopHost(std::shared_ptr<Core> core, std::shared_ptr<client::Host> inner)
      : core_(std::move(core)), inner_(std::move(inner)) {}

  client::Loop& loop() override { return inner_->loop(); }
  std::vector<client::Address> bootstrap() const override { return {local_address(*core_)}; }
  std::shared_ptr<client::Channel> make_channel(client::Address address,
                                                std::string client_id) override {
    return make_local_channel(core_, inner_->loop(), inner_, std::move(address),
                              std::move(client_id));
  }
  std::unique_ptr<Random> make_random() override { return inner_->make_random(); }
  void complete(std::move_only_function<void()> completion) override {
    inner_->complete(std::move(completion));
  }

 private:
  std::shared_ptr<Core> core_;
  std::shared_ptr<client::Host> inner_;
};

// Of a broker with threads: each client gets a loop of its own, which its caller runs.
class ThreadsHost final : public client::Host {
 public:
  explicit ThreadsHost(std::shared_ptr<Core> core)
      : core_(std::move(core)), unused_(client::make_private_host()) {}

  client::Loop& loop() override { return unused_->loop(); }
  std::shared_ptr<client::Host> for_one_client() override {
    return std::make_shared<OtherLoopHost>(core_, client::make_private_host());
  }

 private:
  std::shared_ptr<Core> core_;
  std::shared_ptr<client::Host> unused_;
};

}  // namespace

std::shared_ptr<client::Host> make_host(std::shared_ptr<Core> core,
                                        std::shared_ptr<client::Host> inner) {
  if (inner) return std::make_shared<OtherLoopHost>(std::move(core), std::move(inner));
  if (core->driven()) return std::make_shared<DrivenHost>(std::move(core));
  return std::make_shared<ThreadsHost>(std::move(core));
}

void keep_forever(std::shared_ptr<Core> core) {
  struct Kept {
    std::shared_ptr<Core> core;
    std::shared_ptr<Kept> self;
  };
  const auto kept = std::make_shared<Kept>();
  kept->core = std::move(core);
  kept->self = kept;
}

}  // namespace sluice::embed
