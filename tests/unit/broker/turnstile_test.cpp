#include "broker/turnstile.hpp"

#include "base/task_group.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

Task<> go_through(Turnstile* turnstile, Event* inside, std::string* trace, char name) {
  if (!turnstile->try_enter()) co_await turnstile->enter();
  trace->push_back(name);
  co_await inside->wait();
  turnstile->leave();
}

TEST(Turnstile, LetsOneInAtATimeInTheOrderOfArrival) {
  asio::io_context io{1};
  TaskGroup tasks{io.get_executor()};
  Turnstile turnstile;
  Event inside;
  std::string trace;
  for (const char name : {'a', 'b', 'c'})
    tasks.spawn(go_through(&turnstile, &inside, &trace, name));
  io.poll();
  EXPECT_EQ(trace, "a");
  inside.notify();
  io.restart();
  io.poll();
  EXPECT_EQ(trace, "ab");
  EXPECT_FALSE(turnstile.try_enter()) << "the place was handed over";
  for (int i = 0; i < 2; ++i) {
    inside.notify();
    io.restart();
    io.poll();
  }
  EXPECT_EQ(trace, "abc");
  EXPECT_TRUE(turnstile.try_enter());
  turnstile.leave();
}

}  // namespace
}  // namespace sluice::broker
