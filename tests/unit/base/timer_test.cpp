#include "base/timer.hpp"

#include "base/completion.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/sim_executor.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <gtest/gtest.h>

#include <variant>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;

Task<> note_after(Timers& timers, Duration duration, int number, std::vector<int>& notes) {
  if (co_await timers.wait_for(duration)) notes.push_back(number);
}

TEST(SimExecutor, TimePassesInOrderAndAtOnce) {
  SimExecutor sim;
  std::vector<int> notes;
  sim.spawn(note_after(sim.timers(), 24h, 3, notes));
  sim.spawn(note_after(sim.timers(), 1ms, 1, notes));
  sim.spawn(note_after(sim.timers(), 1h, 2, notes));
  sim.spawn(note_after(sim.timers(), 1h, 20, notes));
  sim.spawn(note_after(sim.timers(), -1h, 0, notes));
  const auto start = sim.clock().now();
  const auto wall = sim.clock().wall_ms();
  sim.run_for(2h);
  EXPECT_EQ(notes, (std::vector{0, 1, 2, 20}));
  EXPECT_EQ(sim.clock().now() - start, 2h);
  sim.run_until_idle();
  EXPECT_EQ(notes.size(), 5u);
  EXPECT_EQ(sim.clock().wall_ms() - wall, 24 * 3600 * 1000);
}

TEST(SimExecutor, MayBeDestroyedWhileTasksWait) {
  std::vector<int> notes;
  SimExecutor sim;
  sim.spawn(note_after(sim.timers(), 1h, 1, notes));
  sim.run_for(1s);
  EXPECT_TRUE(notes.empty());
}

TEST(SimClock, WallTimeMayJump) {
  SimClock clock;
  const auto before = clock.now();
  clock.set_wall_ms(1000);
  EXPECT_EQ(clock.wall_ms(), 1000);
  EXPECT_EQ(clock.now(), before);
  clock.advance(5s);
  EXPECT_EQ(clock.wall_ms(), 6000);
}

Task<> wait_once(Timer& timer, TimePoint deadline, std::vector<int>& notes) {
  notes.push_back(co_await timer.wait_until(deadline) ? 1 : 0);
}

TEST(SimTimer, CancelWakesTheWaiterOnly) {
  SimExecutor sim;
  std::vector<int> notes;
  const auto timer = sim.timers().make_timer();
  timer->cancel();  // nobody waits
  sim.spawn(wait_once(*timer, sim.clock().now() + 1h, notes));
  sim.run_for(1min);
  timer->cancel();
  timer->cancel();
  EXPECT_TRUE(notes.empty());  // in a later turn, not from inside cancel()
  sim.run_for(1s);
  EXPECT_EQ(notes, std::vector{0});
  sim.spawn(wait_once(*timer, sim.clock().now() + 1h, notes));
  sim.run_until_idle();
  EXPECT_EQ(notes, (std::vector{0, 1}));
}

TEST(SimTimer, DestructionWakesTheWaiter) {
  SimExecutor sim;
  std::vector<int> notes;
  auto timer = sim.timers().make_timer();
  sim.spawn(wait_once(*timer, sim.clock().now() + 1h, notes));
  sim.run_for(1s);
  timer.reset();
  sim.run_until_idle();
  EXPECT_EQ(notes, std::vector{0});
}

Task<std::size_t> first_of(Timers& timers, Duration one, Duration two) {
  using namespace asio::experimental::awaitable_operators;
  Task<bool> left = timers.wait_for(one);
  Task<bool> right = timers.wait_for(two);
  const auto winner = co_await (std::move(left) || std::move(right));
  co_return winner.index();
}

TEST(SimTimer, LosesTheRaceThatOrCancels) {
  SimExecutor sim;
  const auto start = sim.clock().now();
  EXPECT_EQ(sim.run(first_of(sim.timers(), 1s, 1h)), 0u);
  EXPECT_EQ(sim.run(first_of(sim.timers(), 1h, 1s)), 1u);
  EXPECT_EQ(sim.clock().now() - start, 2s);
  EXPECT_TRUE(sim.schedule().empty());
}

TEST(Timers, RealTimePassesAndCancels) {
  asio::io_context io{1};
  const auto timers = make_timers(io.get_executor());
  const auto start = timers->now();
  EXPECT_TRUE(run_task(io, timers->wait_for(2ms)));
  EXPECT_GE(timers->now() - start, 2ms);
  EXPECT_EQ(run_task(io, first_of(*timers, 1ms, 1h)), 0u);
  std::vector<int> notes;
  const auto timer = timers->make_timer();
  timer->cancel();
  asio::co_spawn(io, wait_once(*timer, timers->now() + 1h, notes), asio::detached);
  io.restart();
  io.poll();
  timer->cancel();
  io.restart();
  io.run();
  EXPECT_EQ(notes, std::vector{0});
}

struct Box {
  Completion<int> waiter;
};

Task<> take_from(Box& box, std::vector<int>& notes) {
  const int value = co_await suspend<int>(
      [](Completion<int> done, Box* where) { where->waiter = std::move(done); }, &box);
  notes.push_back(value);
}

TEST(Completion, ResumesWithAValue) {
  asio::io_context io{1};
  std::vector<int> notes;
  Box box;
  for (const bool post : {false, true}) {
    asio::co_spawn(io, take_from(box, notes), asio::detached);
    io.restart();
    io.poll();
    ASSERT_TRUE(box.waiter);
    if (post) {
      box.waiter.post(7);
      EXPECT_EQ(notes.size(), 1u);
      io.restart();
      io.poll();
    } else {
      box.waiter(7);
    }
    EXPECT_FALSE(box.waiter);
  }
  EXPECT_EQ(notes, (std::vector{7, 7}));
}

TEST(Completion, DroppedDestroysTheCoroutine) {
  asio::io_context io{1};
  std::vector<int> notes;
  Box box;
  asio::co_spawn(io, take_from(box, notes), asio::detached);
  io.poll();
  box.waiter = {};
  io.restart();
  io.run();  // nothing waits any more
  EXPECT_TRUE(notes.empty());
}

}  // namespace
}  // namespace sluice
