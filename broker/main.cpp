// sluiced: the broker server. Options, signals and exit codes live here; everything else in
// broker/.
#include "base/clock.hpp"
#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/command_line.hpp"

#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <fmt/format.h>

namespace {

using namespace sluice;

LogLevel level_of(std::string_view name) {
  if (name == "debug") return LogLevel::debug;
  if (name == "warn") return LogLevel::warn;
  if (name == "error") return LogLevel::error;
  return LogLevel::info;
}

void put(std::FILE* to, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), to);
  std::fflush(to);
}

// Descriptors are cheap, connections and segments need them: ask for what the hard limit allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // may be refused: then the soft limit stays
}

int serve(broker::Options options, const sigset_t& ends) {
  SystemClock clock;
  const auto logger = make_stderr_logger(
      level_of(options.log_level),
      options.log_format == "json" ? LogFormat::json : LogFormat::text);
  auto started = broker::Broker::start(std::move(options), clock, *logger);
  if (!started) {
    put(stderr, fmt::format("sluiced: {}\n", started.error().message()));
    return 1;
  }
  // For people and for scripts: the real addresses, also of port 0.
  for (const broker::Endpoint& address : (*started)->addresses())
    put(stdout, fmt::format("listening on {}:{}\n", address.host, address.port));
  if (const auto& http = (*started)->http_address())
    put(stdout, fmt::format("http on {}:{}\n", http->host, http->port));
  int number = 0;
  sigwait(&ends, &number);
  logger->info("stopping", {{"signal", sigabbrev_np(number)}});
  if (const auto stopped = (*started)->stop(); !stopped) {
    put(stderr, fmt::format("sluiced: stopped, but not cleanly: {}\n", stopped.error().message()));
    return 1;
  }
  logger->info("stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto line = broker::parse_command_line(argc, argv, broker::process_environment());
  if (line.action == broker::CommandLine::Action::exit) {
    put(line.exit_code == 0 ? stdout : stderr, line.output);
    return line.exit_code;
  }
  // Every thread inherits the mask, so the signals wait for sigwait() below.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  return serve(line.options, ends);
}
