// Error codes against Kafka's own list (tests/golden/errors).
#include "protocol/error_code.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace sluice::protocol {
namespace {

TEST(ErrorCode, NamesAndRetriesAreThoseOfKafka) {
  std::ifstream list(SLUICE_GOLDEN_DIR "/errors/errors.txt");
  int number = 0;
  int seen = 0;
  std::string name;
  bool retriable = false;
  while (list >> number >> name >> std::boolalpha >> retriable) {
    const auto code = static_cast<ErrorCode>(number);
    EXPECT_EQ(to_string(code), name) << number;
    EXPECT_EQ(is_retriable(code), retriable) << name;
    ++seen;
  }
  EXPECT_EQ(seen, 135);
}

TEST(ErrorCode, OneThatIsNotKnownHasNoNameAndIsNotRetried) {
  const auto code = static_cast<ErrorCode>(4711);
  EXPECT_EQ(to_string(code), "UNKNOWN");
  EXPECT_FALSE(is_retriable(code));
}

}  // namespace
}  // namespace sluice::protocol
