// Turnstile: lets tasks of one shard through one at a time, in the order in which they came.
#pragma once

#include "base/check.hpp"
#include "base/event.hpp"

#include <deque>
#include <memory>

namespace sluice::broker {

class Turnstile {
 public:
  // Leaves when it goes out of scope, also by an exception.
  class Pass {
   public:
    explicit Pass(Turnstile& turnstile) : turnstile_(turnstile) {}
    ~Pass() { turnstile_.leave(); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    Turnstile& turnstile_;
  };

  // Goes through at once when nobody is inside or waiting; leave() must follow.
  bool try_enter() {
    if (busy_) return false;
    busy_ = true;
    return true;
  }
  Task<> enter() {
    if (try_enter()) co_return;
    Event turn;
    waiting_.push_back(&turn);
    co_await turn.wait();  // leave() hands the place over: busy_ stays true
  }
  void leave() {
    SLUICE_CHECK(busy_);
    if (waiting_.empty()) {
      busy_ = false;
      return;
    }
    Event* next = waiting_.front();
    waiting_.pop_front();
    next->notify();
  }

 private:
  bool busy_ = false;
  std::deque<Event*> waiting_;
};

}  // namespace sluice::broker
