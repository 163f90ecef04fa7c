#include "broker/worker.hpp"

#include <sched.h>

namespace sluice::broker {

Worker::~Worker() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

Executor Worker::executor() {
  if (elsewhere_) return *elsewhere_;
  const std::lock_guard lock{starting_};
  if (!thread_.joinable()) {
    thread_ = std::thread([this] {
      const sched_param none{};
      // Refused: it runs as any other thread does.
      if (priority_ == Priority::idle) (void)::sched_setscheduler(0, SCHED_IDLE, &none);
      io_.run();
    });
  }
  return io_.get_executor();
}

}  // namespace sluice::broker
