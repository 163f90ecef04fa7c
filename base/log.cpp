#include "base/log.hpp"

#include "base/log_limit.hpp"
#include "base/quoted.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <mutex>
#include <string_view>

namespace sluice {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// %*: what syslog(3) calls the level, as sd-daemon(3) wants it.
class Priority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& line, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const std::string_view priority = line.level >= spdlog::level::err    ? "<3>"
                                      : line.level == spdlog::level::warn ? "<4>"
                                      : line.level == spdlog::level::info ? "<6>"
                                                                          : "<7>";
    out.append(priority.data(), priority.data() + priority.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<Priority>();
  }
};

std::string pattern_of(LogFormat format, LogReader reader) {
  std::string pattern = reader == LogReader::journal ? "%*" : "";
  if (format == LogFormat::json)
    return pattern + R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";
  return pattern + (reader == LogReader::journal ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %-5l %v");
}

// A value with spaces, quotes or control characters is quoted, so that a line stays one line.
void append_text_value(std::string& out, std::string_view text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != '"' && c != '=' && c != '\\';
  });
  if (plain)
    out += text;
  else
    append_quoted(out, text);
}

class SpdLogger final : public Logger {
 public:
  SpdLogger(LogLevel minimum, LogFormat format, LogReader reader)
      : format_(format), logger_("sluice", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_level(level_of(minimum));
    logger_.flush_on(spdlog::level::debug);
    auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    formatter->add_flag<Priority>('*').set_pattern(pattern_of(format, reader));
    logger_.set_formatter(std::move(formatter));
  }
  bool enabled(LogLevel level) const override { return logger_.should_log(level_of(level)); }
  void write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields) override {
    std::uint64_t left_out = 0;
    if (level == LogLevel::warn) {
      const std::lock_guard lock(mutex_);
      const auto admitted = limit_.admit(message, std::chrono::steady_clock::now());
      if (!admitted) return;
      left_out = *admitted;
    }
    std::string line;
    if (format_ == LogFormat::json) {
      line += "\"message\":";
      append_quoted(line, message);
      for (const auto& field : fields) {
        line += ',';
        append_quoted(line, field.name);
        line += ':';
        append_quoted(line, field.value);
      }
      if (left_out != 0) fmt::format_to(std::back_inserter(line), ",\"left_out\":{}", left_out);
    } else {
      line += message;
      for (const auto& field : fields) {
        line += ' ';
        line += field.name;
        line += '=';
        append_text_value(line, field.value);
      }
      if (left_out != 0) fmt::format_to(std::back_inserter(line), " left_out={}", left_out);
    }
    logger_.log(level_of(level), "{}", line);
  }

 private:
  LogFormat format_;
  spdlog::logger logger_;
  std::mutex mutex_;
  LogLimit limit_;  // of warnings, which clients can cause
};

}  // namespace

std::unique_ptr<Logger> make_stderr_logger(LogLevel minimum, LogFormat format, LogReader reader) {
  return std::make_unique<SpdLogger>(minimum, format, reader);
}

}  // namespace sluice
