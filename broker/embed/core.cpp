#include "broker/embed/core.hpp"

#include "broker/options.hpp"

#include <csignal>
#include <pthread.h>
#include <time.h>
#include <utility>

namespace sluice::embed {
namespace {

std::unexpected<Error> bad(std::string what) {
  return fail(std::make_error_code(std::errc::invalid_argument), std::move(what));
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

Result<broker::Options> broker_options(const BrokerOptions& given) {
  if (given.directory.empty()) return bad("BrokerOptions::directory is empty");
  if (given.shards < 1) return bad("BrokerOptions::shards is below 1");
  broker::Options options;
  options.log_dir = given.directory;
  options.shards = given.drive == Drive::caller ? 1 : given.shards;
  options.cache_bytes = static_cast<std::int64_t>(given.cache_bytes);
  options.log_cleaner_dedupe_buffer_size = 16 << 20;
  options.group_initial_rebalance_delay_ms = 0;  // members are here already
  options.offsets_topic_segment_bytes = 16 << 20;
  for (const auto& [name, text] : given.settings)
    if (auto set = broker::set_option(options, name, text, "BrokerOptions::settings"); !set)
      return bad(set.error().context);
  if (!given.listeners.empty())
    if (auto set = broker::set_option(options, "listeners", joined(given.listeners),
                                      "BrokerOptions::listeners");
        !set)
      return bad(set.error().context);
  if (auto good = broker::check_options(options); !good) return bad(good.error().context);
  if (given.listeners.empty() && !given.settings.contains("listeners")) options.listeners.clear();
  return options;
}

// A socket whose peer is gone must not kill the host, which may not ignore SIGPIPE: sendfile(2)
// has no flag for it. What was pending before stays pending.
class SigpipeHeld {
 public:
  explicit SigpipeHeld(bool wanted) : wanted_(wanted) {
    if (!wanted_) return;
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigpipeHeld() {
    if (!wanted_) return;
    const timespec at_once{};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeHeld(const SigpipeHeld&) = delete;
  SigpipeHeld& operator=(const SigpipeHeld&) = delete;

 private:
  bool wanted_;
  bool was_pending_ = false;
  sigset_t pipe_{};
  sigset_t before_{};
};

Logger& null_logger(std::shared_ptr<Logger>& logger) {
  if (!logger) logger = std::make_shared<NullLogger>();
  return *logger;
}

}  // namespace

Core::Core(BrokerOptions options)
    : options_(std::move(options)), clock_(options_.clock), owner_(std::this_thread::get_id()) {}

Result<std::shared_ptr<Core>> Core::open(BrokerOptions options) {
  auto wanted = broker_options(options);
  if (!wanted) return std::unexpected(wanted.error());
  std::shared_ptr<Core> core{new Core(std::move(options))};
  const auto driving =
      core->options_.drive == Drive::caller ? broker::Driving::caller : broker::Driving::threads;
  Logger& logger = null_logger(core->options_.logger);
  auto started = broker::Broker::start(std::move(*wanted), core->clock_, logger, driving);
  if (!started) return std::unexpected(started.error());
  core->broker_ = std::move(*started);
  for (const broker::Endpoint& at : core->broker_->addresses()) {
    const bool v6 = at.host.contains(':');
    core->addresses_.push_back((v6 ? "[" + at.host + "]" : at.host) + ":" +
                               std::to_string(at.port));
  }
  return core;
}

// Its Broker has closed it, or could not.
Core::~Core() = default;

void Core::run_some(TimePoint deadline) {
  const SigpipeHeld held{!addresses_.empty()};
  auto& io = broker_->shard(0).io();
  if (io.stopped()) io.restart();
  if (deadline == TimePoint::max())
    io.run_one();
  else
    io.run_one_until(deadline);
}

void Core::poll() {
  const SigpipeHeld held{!addresses_.empty()};
  auto& io = broker_->shard(0).io();
  if (io.stopped()) io.restart();
  io.poll();
}

Result<> Core::close() {
  if (driven() && !here())
    return fail(std::make_error_code(std::errc::operation_not_permitted),
                "a broker with Drive::caller is closed by the thread that opened it");
  if (closed_.exchange(true)) return {};
  Result<> stopped;
  {
    const SigpipeHeld held{driven() && !addresses_.empty()};
    stopped = broker_->stop();
  }
  // Calls that were let in and came to their shard too late: answered here.
  while (visits_ != 0) run_leftovers();
  return stopped;
}

void Core::run_leftovers() {
  for (int id = 0; id < broker_->shard_count(); ++id) {
    auto& io = broker_->shard(id).io();
    io.restart();
    io.poll();
    io.stop();
  }
  std::this_thread::yield();
}

}  // namespace sluice::embed
