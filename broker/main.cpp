// sluiced: the broker server. Options, signals and exit codes live here; everything else in
// broker/.
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/standard_streams.hpp"
#include "broker/broker.hpp"
#include "broker/command_line.hpp"
#include "broker/options_reload.hpp"
#include "broker/service_manager.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace {

using namespace sluice;

LogLevel level_of(std::string_view name) {
  if (name == "debug") return LogLevel::debug;
  if (name == "warn") return LogLevel::warn;
  if (name == "error") return LogLevel::error;
  return LogLevel::info;
}

LogReader reader_of_stderr() {
  return broker::is_journal(broker::process_environment(), STDERR_FILENO) ? LogReader::journal
                                                                          : LogReader::anyone;
}

// In front of a line on stderr that a human must act on (sd-daemon(3)).
const char* error_mark(LogReader reader) { return reader == LogReader::journal ? "<3>" : ""; }

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

// Reads all sources again. What is wrong with them changes nothing.
void reload(broker::Broker& broker, broker::Options& running,
            std::span<const char* const> arguments, Logger& logger) {
  const auto line = broker::parse_command_line(static_cast<int>(arguments.size()), arguments.data(),
                                               broker::process_environment());
  if (line.action == broker::CommandLine::Action::exit) {
    std::string_view why = line.output;
    if (why.ends_with('\n')) why.remove_suffix(1);
    logger.error("the configuration was not reloaded; the running one stays", {{"error", why}});
    return;
  }
  broker::Reload plan = broker::plan_reload(running, line.options);
  broker.reload(plan.options);
  running = std::move(plan.options);
  for (const broker::OptionChange& change : plan.changes)
    logger.write(change.live ? LogLevel::info : LogLevel::warn,
                 change.live ? "option changed" : "option changed in the file; needs a restart",
                 {{"key", change.name}, {"before", change.before}, {"after", change.after}});
  logger.info("configuration reloaded", {{"changes", plan.changes.size()}});
}

// Until SIGINT or SIGTERM, whose number it returns.
int serve_until_told(broker::Broker& broker, broker::Options running,
                     std::span<const char* const> arguments, const sigset_t& signals,
                     const broker::ServiceManager& manager, Logger& logger) {
  int number = 0;
  while (sigwait(&signals, &number) == 0 && number == SIGHUP) {
    manager.tell_reloading();
    reload(broker, running, arguments, logger);
    manager.tell("READY=1");
  }
  return number;
}

// A broker that was killed a moment ago may not be gone yet: while somebody else has the directory
// it is tried again for a second, or until a signal comes.
Result<std::unique_ptr<broker::Broker>> start(const broker::Options& options, Clock& clock,
                                              Logger& logger, const sigset_t& signals) {
  constexpr int attempts = 20;
  constexpr timespec pause{.tv_sec = 0, .tv_nsec = 50'000'000};
  auto started = broker::Broker::start(options, clock, logger);
  for (int i = 0; i < attempts && !started; ++i) {
    if (started.error().code != std::errc::device_or_resource_busy) break;
    if (sigtimedwait(&signals, nullptr, &pause) > 0) break;
    started = broker::Broker::start(options, clock, logger);
  }
  return started;
}

int serve(const broker::Options& options, std::span<const char* const> arguments,
          const sigset_t& signals) {
  SystemClock clock;
  const broker::ServiceManager manager(broker::process_environment());
  const LogReader reader = reader_of_stderr();
  const auto logger =
      make_stderr_logger(level_of(options.log_level),
                         options.log_format == "json" ? LogFormat::json : LogFormat::text, reader);
  manager.tell("STATUS=opening logs");
  auto started = start(options, clock, *logger, signals);
  if (!started) {
    put(stderr, fmt::format("{}sluiced: {}\n", error_mark(reader), started.error().message()));
    manager.tell("STATUS=" + started.error().message());
    return 1;
  }
  // For people and for scripts: the real addresses, also of port 0.
  std::string serving = "READY=1\nSTATUS=serving";
  for (const broker::Endpoint& address : (*started)->addresses()) {
    const std::string text = fmt::format("{}:{}", address.host, address.port);
    put(stdout, fmt::format("listening on {}\n", text));
    serving.append(" ").append(text);
  }
  if (const auto& http = (*started)->http_address())
    put(stdout, fmt::format("http on {}:{}\n", http->host, http->port));
  manager.tell(serving);
  const int number = serve_until_told(**started, options, arguments, signals, manager, *logger);
  manager.tell("STOPPING=1\nSTATUS=stopping");
  logger->info("stopping", {{"signal", sigabbrev_np(number)}});
  if (const auto stopped = (*started)->stop(); !stopped) {
    put(stderr, fmt::format("{}sluiced: stopped, but not cleanly: {}\n", error_mark(reader),
                            stopped.error().message()));
    return 1;
  }
  logger->info("stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  keep_standard_streams();
  const std::span<const char* const> arguments(argv, static_cast<std::size_t>(argc));
  const auto line = broker::parse_command_line(argc, argv, broker::process_environment());
  if (line.action == broker::CommandLine::Action::exit) {
    if (line.exit_code == 0)
      put(stdout, line.output);
    else
      put(stderr, error_mark(reader_of_stderr()) + line.output);
    return line.exit_code;
  }
  // Every thread inherits the mask, so the signals wait for sigwait().
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  return serve(line.options, arguments, signals);
}
