#include "broker/shards.hpp"

#include "broker/broker.hpp"

#include <csignal>
#include <pthread.h>
#include <string>
#include <system_error>

namespace sluice::broker {
namespace {

// The threads made while it lives take no signals: handlers run on the host's own threads, and a
// peer that is gone answers sendfile(2) with EPIPE instead of SIGPIPE.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS})
      sigdelset(&all, fault);  // of the thread itself: blocking them is undefined
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

Shards::Shards(int count, Driving driving, Broker& broker, Clock& clock, Logger& logger)
    : driving_(driving) {
  SLUICE_CHECK(driving == Driving::threads || count == 1);
  for (int id = 0; id < count; ++id)
    shards_.push_back(std::make_unique<Shard>(id, broker, clock, logger));
}

Shards::~Shards() { SLUICE_CHECK(!running_); }

Result<> Shards::start_loops() {
  running_ = true;
  if (driving_ == Driving::caller) {
    at(0).belong_to_this_thread();
    return {};
  }
  const SignalsBlocked blocked;
  try {
    for (auto& shard : shards_) {
      threads_.emplace_back([one = shard.get()] { one->run(); });
      const std::string name = "shard-" + std::to_string(shard->id());
      pthread_setname_np(threads_.back().native_handle(), name.c_str());
    }
  } catch (const std::system_error& error) {
    stop_loops();
    return fail(error.code(), "start the threads of the shards");
  }
  return {};
}

void Shards::run_some() {
  Shard& only = at(0);
  only.broker().platform().run_some(only.io());
}

void Shards::stop_loops() {
  for (auto& shard : shards_) shard->io().stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  running_ = false;
}

}  // namespace sluice::broker
