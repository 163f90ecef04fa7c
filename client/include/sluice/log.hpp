// Logging as the project sees it: a constant message and fields. A program that embeds a broker
// supplies its own Logger.
//
// error = a person must act; warn = something was refused or repaired; info = start, stop, roll;
// debug = anything more often than that. Nothing above debug on the data path.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace sluice {

enum class LogLevel : std::uint8_t { debug, info, warn, error };

struct LogField {
  std::string_view name;
  std::string value;
  LogField(std::string_view field, std::string_view text) : name(field), value(text) {}
  LogField(std::string_view field, const char* text) : name(field), value(text) {}
  LogField(std::string_view field, const std::string& text) : name(field), value(text) {}
  template <std::integral T>
  LogField(std::string_view field, T number) : name(field), value(std::to_string(number)) {}
};

// Thread-safe: shards share one.
class Logger {
 public:
  using Fields = std::initializer_list<LogField>;
  virtual ~Logger() = default;
  virtual bool enabled(LogLevel level) const = 0;
  virtual void write(LogLevel level, std::string_view message, Fields fields) = 0;

  void error(std::string_view m, Fields f = {}) { put(LogLevel::error, m, f); }
  void warn(std::string_view m, Fields f = {}) { put(LogLevel::warn, m, f); }
  void info(std::string_view m, Fields f = {}) { put(LogLevel::info, m, f); }
  void debug(std::string_view m, Fields f = {}) { put(LogLevel::debug, m, f); }

 private:
  void put(LogLevel level, std::string_view m, Fields f) {
    if (enabled(level)) write(level, m, f);
  }
};

// Drops everything: the default of the library, and of tests that do not read the log.
class NullLogger final : public Logger {
 public:
  bool enabled(LogLevel) const override { return false; }
  void write(LogLevel, std::string_view, Fields) override {}
};

}  // namespace sluice
