// Configuration as a table: one row a key, which parsing, bounds, DescribeConfigs, documentation
// and tests all read. The value lives in a typed member of a plain struct; its default is the
// member's initialiser. Broker options (options.hpp), topic and group configs (topic_config.hpp,
// group_config.hpp) are three such tables.
//
// Values are text on the wire, in files and in the environment, spelled as Kafka spells them: lists
// joined with commas, booleans "true" and "false", durations and sizes as plain numbers in the unit
// of the key's name.
#pragma once

#include "base/result.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace sluice::broker {

// Key and value in Kafka's spelling, sorted by key.
using ConfigMap = std::map<std::string, std::string, std::less<>>;

// Wire values of DescribeConfigs (Kafka: DescribeConfigsResponse.ConfigType).
enum class ConfigType : std::int8_t {
  unknown = 0,
  boolean = 1,
  string = 2,
  int32 = 3,
  int16 = 4,
  int64 = 5,
  real = 6,
  list = 7,
  class_name = 8,
  password = 9
};
// Where a value comes from; wire values (Kafka: DescribeConfigsResponse.ConfigSource).
enum class ConfigSource : std::int8_t {
  unknown = 0,
  topic = 1,
  dynamic_broker = 2,
  dynamic_default_broker = 3,
  static_broker = 4,
  default_value = 5,
  broker_logger = 6,
  client_metrics = 7,
  group = 8
};

// The error codes of configuration; Error::context tells key, value, place and reason.
enum class ConfigErrc { unknown_key = 1, bad_value = 2, bad_file = 3, bad_usage = 4 };
const std::error_category& config_category();
inline std::error_code make_error_code(ConfigErrc code) {
  return {static_cast<int>(code), config_category()};
}

enum class Change : std::uint8_t { needs_restart, dynamic };

// What a row says beside its name and member.
struct ConfigDetails {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  std::string_view allowed = {};  // comma-joined values of an enumeration; empty: any text
  std::string_view unit = {};     // "ms", "bytes", …; empty: none
  Change change = Change::needs_restart;
  std::string_view about = {};
  // Broker keys that give a topic key its default, the first that is set wins; comma-joined.
  // "NAME*F" multiplies the broker's number by F (hours to milliseconds).
  std::string_view synonyms = {};
  // Rules beyond bounds: returns why the value is refused, or an empty text.
  std::string_view (*check)(std::string_view text) = nullptr;
};

template <class S>
using ConfigMember =
    std::variant<bool S::*, std::int16_t S::*, std::int32_t S::*, std::int64_t S::*, double S::*,
                 std::string S::*, std::vector<std::string> S::*, std::optional<std::int64_t> S::*,
                 std::optional<std::string> S::*>;

template <class S>
struct ConfigRow {
  std::string_view name;
  ConfigMember<S> member;
  ConfigDetails details;
};

using ConfigValue =
    std::variant<bool, std::int16_t, std::int32_t, std::int64_t, double, std::string,
                 std::vector<std::string>, std::optional<std::int64_t>, std::optional<std::string>>;

// Comma-joined text as its trimmed elements; empty text gives none.
std::vector<std::string> split_list(std::string_view text);
std::string join_list(std::span<const std::string> items);

// Parses `text` into the alternative that `into` holds. The refusal reads as Kafka's:
// "Invalid value abc for configuration retention.ms: Not a number of type LONG".
Result<> parse_config(std::string_view name, const ConfigDetails& details, std::string_view text,
                      ConfigValue& into);
// Kafka's spelling of a value; nullopt for an unset optional.
std::optional<std::string> config_text(const ConfigValue& value);
ConfigType config_type(const ConfigValue& value);

// The key of `known` nearest to `name` by edit distance, or empty when none is near.
std::string_view nearest(std::string_view name, std::span<const std::string_view> known);

// Requires: `rows` sorted by name, as every table is. Null when there is no such key.
template <class S>
const ConfigRow<S>* find_row(std::span<const ConfigRow<S>> rows, std::string_view name) {
  const auto at = std::ranges::lower_bound(rows, name, {}, &ConfigRow<S>::name);
  return at != rows.end() && at->name == name ? &*at : nullptr;
}

template <class S>
ConfigValue config_value(const ConfigRow<S>& row, const S& values) {
  return std::visit([&](auto member) { return ConfigValue{values.*member}; }, row.member);
}

template <class S>
ConfigType config_type(const ConfigRow<S>& row) {
  return config_type(std::visit(
      [](auto member) {
        return ConfigValue{std::remove_cvref_t<decltype(std::declval<S&>().*member)>{}};
      },
      row.member));
}

// Kafka's spelling of the row's value in `values`; nullopt when unset.
template <class S>
std::optional<std::string> config_text(const ConfigRow<S>& row, const S& values) {
  return config_text(config_value(row, values));
}

// Parses, checks and stores. `values` is unchanged on an error (ConfigErrc::bad_value).
template <class S>
Result<> set_config(const ConfigRow<S>& row, std::string_view text, S& values) {
  ConfigValue value = config_value(row, values);
  if (auto parsed = parse_config(row.name, row.details, text, value); !parsed) return parsed;
  std::visit(
      [&](auto member) {
        using T = std::remove_cvref_t<decltype(values.*member)>;
        values.*member = std::get<T>(std::move(value));
      },
      row.member);
  return {};
}

}  // namespace sluice::broker

template <>
struct std::is_error_code_enum<sluice::broker::ConfigErrc> : std::true_type {};
