#include "tools/sluice/json.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace sluice::cli {
namespace {

std::string written(double number) {
  std::string out;
  JsonWriter(out).value(number);
  return out;
}

TEST(JsonWriter, NumbersKeepTenDigits) {
  EXPECT_EQ(written(375658739.4), "375658739.4");
  EXPECT_EQ(written(1234567.25), "1234567.25");
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(3), "3");
}

TEST(JsonWriter, WhatIsNoNumberIsNull) {
  EXPECT_EQ(written(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(written(std::numeric_limits<double>::quiet_NaN()), "null");
}

}  // namespace
}  // namespace sluice::cli
