#include "broker/worker.hpp"

#include <chrono>
#include <ctime>
#include <sched.h>

namespace sluice::broker {

Worker::~Worker() {
  io_.stop();
  {
    const std::lock_guard lock{starting_};
    stopped_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

Executor Worker::executor() {
  if (elsewhere_) return *elsewhere_;
  const std::lock_guard lock{starting_};
  if (!thread_.joinable()) {
    thread_ = std::thread([this] {
      if (priority_ == Priority::gentle) return run_gently();
      io_.run();
    });
  }
  return io_.get_executor();
}

namespace {

std::chrono::nanoseconds cpu_time_of_this_thread() {
  timespec time{};
  (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

// SCHED_IDLE never takes the processor from a shard; the pauses keep what it does while nobody else
// wants the processor, memory bandwidth and power, small.
void Worker::run_gently() {
  constexpr int pause_share = 19;  // pauses are so many times as long as the work
  const sched_param none{};
  // Refused: it runs as any other thread does.
  (void)::sched_setscheduler(0, SCHED_IDLE, &none);
  for (;;) {
    const auto begun = cpu_time_of_this_thread();
    if (io_.run_one() == 0) return;
    const auto worked = cpu_time_of_this_thread() - begun;
    std::unique_lock lock{starting_};
    stopped_.wait_for(lock, worked * pause_share, [this] { return io_.stopped(); });
  }
}

}  // namespace sluice::broker
