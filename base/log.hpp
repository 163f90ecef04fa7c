// Loggers of sluiced and the tools: text or JSON lines on stderr. What a logger is says
// sluice/log.hpp.
#pragma once

#include "sluice/log.hpp"

#include <memory>

namespace sluice {

enum class LogFormat : std::uint8_t { text, json };
// What reads stderr. journal: systemd's, to which each line tells its priority ("<4>") and which
// keeps the time itself.
enum class LogReader : std::uint8_t { anyone, journal };
// Lines on stderr: "2026-01-31T12:00:00.123Z warn  message name=value …", or one JSON object each.
// Of one warning at most 20 in 10 s; the next says how many were left out.
std::unique_ptr<Logger> make_stderr_logger(LogLevel minimum, LogFormat format,
                                           LogReader reader = LogReader::anyone);

}  // namespace sluice
