#include "broker/send_plan.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::broker {
namespace {

protocol::GatherBuffer reply_of(std::string_view text) {
  protocol::GatherBuffer reply;
  const Bytes bytes = as_bytes(text);
  reply.owned().assign(bytes.begin(), bytes.end());
  return reply;
}

std::string text_of(const SendPlan::Step& step) {
  std::string text;
  for (const iovec& part : step.memory)
    text.append(static_cast<const char*>(part.iov_base), part.iov_len);
  return text;
}

TEST(SendPlan, RepliesGoOutTogether) {
  const auto first = reply_of("one");
  const auto second = reply_of("two");
  SendPlan plan;
  plan.add(first);
  plan.add(second);
  const SendPlan::Step step = plan.next();
  EXPECT_EQ(text_of(step), "onetwo");
  EXPECT_EQ(step.size, 6u);
  EXPECT_FALSE(step.more);
  plan.advance(6);
  EXPECT_TRUE(plan.done());
}

TEST(SendPlan, GoesOnWhereAShortSendEnded) {
  const auto first = reply_of("one");
  const auto second = reply_of("two");
  SendPlan plan;
  plan.add(first);
  plan.add(second);
  plan.advance(4);
  EXPECT_EQ(text_of(plan.next()), "wo");
  plan.advance(1);
  EXPECT_EQ(text_of(plan.next()), "o");
}

TEST(SendPlan, ARangeOfAFileIsAStepOfItsOwn) {
  protocol::GatherBuffer reply = reply_of("headtail");
  reply.splice(4, {.bytes = {}, .owner = {}, .file = {7, 100, 50}});
  EXPECT_EQ(reply.size(), 58u);
  SendPlan plan;
  plan.add(reply);
  SendPlan::Step step = plan.next();
  EXPECT_EQ(text_of(step), "head");
  EXPECT_TRUE(step.more);
  plan.advance(4);
  step = plan.next();
  EXPECT_TRUE(step.memory.empty());
  EXPECT_EQ(step.file.descriptor, 7);
  EXPECT_EQ(step.file.position, 100);
  EXPECT_EQ(step.size, 50u);
  plan.advance(20);
  step = plan.next();
  EXPECT_EQ(step.file.position, 120);
  EXPECT_EQ(step.file.size, 30u);
  EXPECT_TRUE(step.more);
  plan.advance(30);
  EXPECT_EQ(text_of(plan.next()), "tail");
}

TEST(SendPlan, AStepIsBounded) {
  const std::string large(SendPlan::step_bytes_max + 10, 'x');
  const auto reply = reply_of(large);
  SendPlan plan;
  plan.add(reply);
  SendPlan::Step step = plan.next();
  EXPECT_EQ(step.size, SendPlan::step_bytes_max);
  EXPECT_TRUE(step.more);
  plan.advance(step.size);
  step = plan.next();
  EXPECT_EQ(step.size, 10u);
  EXPECT_FALSE(step.more);
  plan.clear();

  std::vector<protocol::GatherBuffer> many(SendPlan::step_pieces_max + 5);
  for (auto& one : many) {
    one = reply_of("x");
    plan.add(one);
  }
  step = plan.next();
  EXPECT_EQ(step.size, SendPlan::step_pieces_max);
  EXPECT_TRUE(step.more);
}

}  // namespace
}  // namespace sluice::broker
