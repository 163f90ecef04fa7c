#include "broker/config_value.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace sluice::broker {
namespace {

class ConfigCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "config"; }
  std::string message(int code) const override {
    switch (static_cast<ConfigErrc>(code)) {
      case ConfigErrc::unknown_key:
        return "unknown key";
      case ConfigErrc::bad_value:
        return "value refused";
      case ConfigErrc::bad_file:
        return "configuration file refused";
      case ConfigErrc::bad_usage:
        return "wrong usage";
    }
    return "configuration error";
  }
};

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::unexpected<Error> refuse(std::string_view name, std::string_view text, std::string_view why) {
  std::string context = "Invalid value ";
  context.append(text).append(" for configuration ").append(name).append(": ").append(why);
  return fail(ConfigErrc::bad_value, std::move(context));
}

template <class T>
constexpr std::string_view kafka_type() {
  if constexpr (std::is_same_v<T, std::int16_t>) return "SHORT";
  if constexpr (std::is_same_v<T, std::int32_t>) return "INT";
  if constexpr (std::is_same_v<T, std::int64_t>) return "LONG";
  return "DOUBLE";
}

template <class T>
Result<T> parse_number(std::string_view name, const ConfigDetails& details, std::string_view text) {
  using Wide = std::conditional_t<std::is_integral_v<T>, std::int64_t, double>;
  T value{};
  const bool plus = text.starts_with('+') && !text.starts_with("+-");
  const std::string_view digits = plus ? text.substr(1) : text;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  bool good = error == std::errc{} && end == digits.data() + digits.size();
  if constexpr (std::is_floating_point_v<T>) good = good && std::isfinite(value);
  if (!good)
    return refuse(name, text, std::string("Not a number of type ").append(kafka_type<T>()));
  if (static_cast<Wide>(value) < static_cast<Wide>(details.min))
    return refuse(name, text, "Value must be at least " + std::to_string(details.min));
  if (static_cast<Wide>(value) > static_cast<Wide>(details.max))
    return refuse(name, text, "Value must be no more than " + std::to_string(details.max));
  return value;
}

bool is_allowed(std::string_view allowed, std::string_view text) {
  const auto values = split_list(allowed);
  return values.empty() || std::ranges::find(values, text) != values.end();
}

Result<> check_allowed(std::string_view name, const ConfigDetails& details, std::string_view text,
                       std::string_view element) {
  if (is_allowed(details.allowed, element)) return {};
  return refuse(name, text, "String must be one of: " + join_list(split_list(details.allowed)));
}

template <class T>
Result<> parse_into(std::string_view name, const ConfigDetails& details, std::string_view text,
                    T& into) {
  if constexpr (std::is_same_v<T, bool>) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (lower != "true" && lower != "false")
      return refuse(name, text, "Expected value to be either true or false");
    into = lower == "true";
  } else if constexpr (std::is_arithmetic_v<T>) {
    auto number = parse_number<T>(name, details, text);
    if (!number) return std::unexpected(number.error());
    into = *number;
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (auto ok = check_allowed(name, details, text, text); !ok) return ok;
    into = text;
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    auto items = split_list(text);
    for (const auto& item : items)
      if (auto ok = check_allowed(name, details, text, item); !ok) return ok;
    into = std::move(items);
  } else {  // an optional: text sets it
    typename T::value_type value{};
    if (auto ok = parse_into(name, details, text, value); !ok) return ok;
    into = std::move(value);
  }
  return {};
}

std::string real_text(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  std::string text(buffer, end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";  // as Java prints a double
  return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

const std::error_category& config_category() {
  static const ConfigCategory category;
  return category;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto item = trim(text.substr(0, comma));
    if (!item.empty()) items.emplace_back(item);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return items;
}

std::string join_list(std::span<const std::string> items) {
  std::string text;
  for (const auto& item : items) {
    if (!text.empty()) text += ',';
    text += item;
  }
  return text;
}

Result<> parse_config(std::string_view name, const ConfigDetails& details, std::string_view text,
                      ConfigValue& into) {
  const auto trimmed = trim(text);
  auto parsed =
      std::visit([&](auto& value) { return parse_into(name, details, trimmed, value); }, into);
  if (!parsed) return parsed;
  if (details.check != nullptr)
    if (const auto why = details.check(trimmed); !why.empty()) return refuse(name, trimmed, why);
  return {};
}

std::optional<std::string> config_text(const ConfigValue& value) {
  return std::visit(
      [](const auto& held) -> std::optional<std::string> {
        using T = std::remove_cvref_t<decltype(held)>;
        if constexpr (std::is_same_v<T, bool>)
          return held ? "true" : "false";
        else if constexpr (std::is_same_v<T, double>)
          return real_text(held);
        else if constexpr (std::is_integral_v<T>)
          return std::to_string(held);
        else if constexpr (std::is_same_v<T, std::string>)
          return held;
        else if constexpr (std::is_same_v<T, std::vector<std::string>>)
          return join_list(held);
        else if (!held)
          return std::nullopt;
        else if constexpr (std::is_same_v<T, std::optional<std::int64_t>>)
          return std::to_string(*held);
        else
          return *held;
      },
      value);
}

ConfigType config_type(const ConfigValue& value) {
  return std::visit(
      [](const auto& held) {
        using T = std::remove_cvref_t<decltype(held)>;
        if constexpr (std::is_same_v<T, bool>) return ConfigType::boolean;
        if constexpr (std::is_same_v<T, std::int16_t>) return ConfigType::int16;
        if constexpr (std::is_same_v<T, std::int32_t>) return ConfigType::int32;
        if constexpr (std::is_same_v<T, double>) return ConfigType::real;
        if constexpr (std::is_same_v<T, std::vector<std::string>>) return ConfigType::list;
        if constexpr (std::is_same_v<T, std::int64_t> ||
                      std::is_same_v<T, std::optional<std::int64_t>>)
          return ConfigType::int64;
        return ConfigType::string;
      },
      value);
}

std::string_view nearest(std::string_view name, std::span<const std::string_view> known) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 4) + 1;
  for (const auto candidate : known) {
    const auto distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace sluice::broker
