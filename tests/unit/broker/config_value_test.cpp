#include "broker/config_value.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::broker {
namespace {

struct Sample {
  bool flag = false;
  std::int32_t count = 1;
  std::int64_t age = 5;
  double ratio = 0.5;
  std::string codec = "gzip";
  std::vector<std::string> policies{"delete"};
  std::optional<std::int64_t> limit;
};

constexpr auto rows = std::to_array<ConfigRow<Sample>>({
    {"age", &Sample::age, {.min = -1}},
    {"codec", &Sample::codec, {.allowed = "gzip,zstd"}},
    {"count", &Sample::count, {.min = 1, .max = 10}},
    {"flag", &Sample::flag, {}},
    {"limit", &Sample::limit, {.min = 0}},
    {"policies", &Sample::policies, {.allowed = "delete,compact"}},
    {"ratio", &Sample::ratio, {.min = 0, .max = 1}},
});

std::string refusal(std::string_view name, std::string_view text) {
  Sample sample;
  auto set = set_config(*find_row<Sample>(rows, name), text, sample);
  return set ? "" : set.error().context;
}

std::optional<std::string> stored(std::string_view name, std::string_view text) {
  Sample sample;
  auto set = set_config(*find_row<Sample>(rows, name), text, sample);
  if (!set) return std::nullopt;
  return config_text(*find_row<Sample>(rows, name), sample);
}

TEST(ConfigValue, ReadsEachTypeAndSpellsItAsKafkaDoes) {
  EXPECT_EQ(stored("flag", "TRUE"), "true");
  EXPECT_EQ(stored("count", " 7 "), "7");
  EXPECT_EQ(stored("age", "-1"), "-1");
  EXPECT_EQ(stored("ratio", "1"), "1.0");
  EXPECT_EQ(stored("ratio", "0.25"), "0.25");
  EXPECT_EQ(stored("codec", "zstd"), "zstd");
  EXPECT_EQ(stored("policies", "compact, delete"), "compact,delete");
  EXPECT_EQ(stored("policies", ""), "");
  EXPECT_EQ(stored("limit", "3"), "3");
  EXPECT_EQ(config_text(rows[4], Sample{}), std::nullopt);
}

TEST(ConfigValue, RefusesInKafkasWords) {
  EXPECT_EQ(refusal("count", "x"),
            "Invalid value x for configuration count: Not a number of type INT");
  EXPECT_EQ(refusal("count", "99999999999"),
            "Invalid value 99999999999 for configuration count: Not a number of type INT");
  EXPECT_EQ(refusal("count", "0"),
            "Invalid value 0 for configuration count: Value must be at least 1");
  EXPECT_EQ(refusal("count", "11"),
            "Invalid value 11 for configuration count: Value must be no more than 10");
  EXPECT_EQ(refusal("age", "1.5"),
            "Invalid value 1.5 for configuration age: Not a number of type LONG");
  EXPECT_EQ(refusal("flag", "yes"),
            "Invalid value yes for configuration flag: Expected value to be either true or false");
  EXPECT_EQ(refusal("codec", "lzma"),
            "Invalid value lzma for configuration codec: String must be one of: gzip,zstd");
  EXPECT_FALSE(refusal("policies", "delete,shred").empty());
  EXPECT_FALSE(refusal("ratio", "1.5").empty());
  EXPECT_FALSE(refusal("ratio", "nan").empty());
  EXPECT_FALSE(refusal("count", "+-3").empty());
  EXPECT_FALSE(refusal("count", "").empty());
}

TEST(ConfigValue, ARefusedValueChangesNothing) {
  Sample sample;
  EXPECT_FALSE(set_config(rows[2], "0", sample));
  EXPECT_EQ(sample.count, 1);
}

TEST(ConfigValue, TypesCarryKafkasNumbers) {
  EXPECT_EQ(config_type(rows[0]), ConfigType::int64);
  EXPECT_EQ(config_type(rows[1]), ConfigType::string);
  EXPECT_EQ(config_type(rows[2]), ConfigType::int32);
  EXPECT_EQ(config_type(rows[3]), ConfigType::boolean);
  EXPECT_EQ(config_type(rows[4]), ConfigType::int64);
  EXPECT_EQ(config_type(rows[5]), ConfigType::list);
  EXPECT_EQ(config_type(rows[6]), ConfigType::real);
}

TEST(ConfigValue, SuggestsTheNearestKeyOnlyWhenItIsNear) {
  constexpr std::array<std::string_view, 3> known{"retention.ms", "retention.bytes", "segment.ms"};
  EXPECT_EQ(nearest("retentoin.ms", known), "retention.ms");
  EXPECT_EQ(nearest("retention_bytes", known), "retention.bytes");
  EXPECT_EQ(nearest("colour", known), "");
}

}  // namespace
}  // namespace sluice::broker
