#include "broker/worker.hpp"

namespace sluice::broker {

Worker::~Worker() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

Executor Worker::executor() {
  const std::lock_guard lock{starting_};
  if (!thread_.joinable()) thread_ = std::thread([this] { io_.run(); });
  return io_.get_executor();
}

}  // namespace sluice::broker
