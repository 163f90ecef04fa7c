#include "base/event.hpp"

#include "base/task_group.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

Task<> wait_and_count(Event* event, int* woken) {
  co_await event->wait();
  ++*woken;
}

TEST(Event, WakesEverybodyWhoWaitsAndNobodyElse) {
  asio::io_context io{1};
  TaskGroup tasks{io.get_executor()};
  Event event;
  int woken = 0;
  asio::post(io, [&] {
    tasks.spawn(wait_and_count(&event, &woken));
    tasks.spawn(wait_and_count(&event, &woken));
    event.notify();
    EXPECT_EQ(woken, 0) << "notify must not resume inline";
    tasks.spawn(wait_and_count(&event, &woken));
  });
  io.poll();
  EXPECT_EQ(woken, 2);
  event.notify();
  io.restart();
  io.run();
  EXPECT_EQ(woken, 3);
  EXPECT_EQ(tasks.running(), 0u);
}

Task<> drain(TaskGroup* tasks, bool* drained) {
  co_await tasks->drain();
  *drained = true;
}

TEST(TaskGroup, DrainWaitsForTheLastTask) {
  asio::io_context io{1};
  TaskGroup tasks{io.get_executor()};
  TaskGroup other{io.get_executor()};
  Event event;
  int woken = 0;
  bool drained = false;
  asio::post(io, [&] {
    tasks.spawn(wait_and_count(&event, &woken));
    other.spawn(drain(&tasks, &drained));
  });
  io.poll();
  EXPECT_FALSE(drained);
  event.notify();
  io.restart();
  io.run();
  EXPECT_TRUE(drained);
}

}  // namespace
}  // namespace sluice
