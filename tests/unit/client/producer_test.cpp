// What a Producer refuses before it connects to anything.
#include "sluice/producer.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

std::error_code refusal(ProducerOptions options) {
  options.client.brokers = {"127.0.0.1:1"};
  const auto producer = Producer::create(std::move(options));
  return producer ? std::error_code() : producer.error().code;
}

TEST(Producer, RequestsInFlightAreBoundedByWhatKeepsOrder) {
  EXPECT_EQ(refusal({.max_in_flight = 0}), Errc::invalid_argument);
  EXPECT_EQ(refusal({.max_in_flight = 6}), Errc::invalid_argument);
  EXPECT_FALSE(refusal({.max_in_flight = 5}));
  EXPECT_FALSE(refusal({.idempotent = false, .max_in_flight = 100}));
  EXPECT_FALSE(refusal({.acks = Acks::leader, .max_in_flight = 100}));
}

}  // namespace
}  // namespace sluice
