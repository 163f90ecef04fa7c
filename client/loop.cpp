#include "client/loop.hpp"

#include <algorithm>

namespace sluice::client {

Task<> Signal::wait(TimePoint deadline) {
  if (std::exchange(kept_, false)) co_return;
  std::unique_ptr<Timer> timer;
  if (spare_.empty()) {
    timer = loop_.timers().make_timer();
  } else {
    timer = std::move(spare_.back());
    spare_.pop_back();
  }
  waiting_.push_back(timer.get());
  co_await timer->wait_until(deadline);
  std::erase(waiting_, timer.get());
  spare_.push_back(std::move(timer));
}

void Signal::notify() {
  kept_ = waiting_.empty();
  for (Timer* timer : std::exchange(waiting_, {})) timer->cancel();
}

}  // namespace sluice::client
