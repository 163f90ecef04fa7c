#include "tests/simulation/machine.hpp"

#include <boost/asio/co_spawn.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>

namespace sluice::simulation {

// The broker stands on the machine: its loop is turned beside everything else.
class Machine::Platform final : public broker::Platform {
 public:
  explicit Platform(Machine& machine) : machine_(machine) {}
  ~Platform() override { machine_.loop_ = nullptr; }

  Result<> claim(const std::string&) override { return {}; }
  void release() override {}
  std::unique_ptr<Timers> make_timers(Executor executor) override {
    machine_.loop_ = &executor.context();
    return std::make_unique<SimTimers>(machine_.sim_.clock(), machine_.sim_.schedule());
  }
  std::unique_ptr<Random> make_random() override {
    return std::make_unique<SeededRandom>(machine_.random_.next());
  }
  Task<Result<std::unique_ptr<storage::FileSystem>>> open_files(
      std::string, storage::FileSystemOptions) override {
    co_return machine_.disk_.mount(machine_.sim_);
  }
  broker::MemoryState memory() override {
    constexpr std::int64_t plenty = std::int64_t{8} << 30;
    return {.total = plenty, .available = plenty};
  }
  void run_some(asio::io_context&) override { SLUICE_CHECK(machine_.step()); }

 private:
  Machine& machine_;
};

void Machine::Log::write(LogLevel level, std::string_view message, Fields fields) {
  std::string line(message);
  for (const auto& field : fields) line += " " + std::string(field.name) + "=" + field.value;
  if (verbose)
    std::fprintf(stderr, "%12.6f %d %s\n",
                 static_cast<double>(clock->now().time_since_epoch().count()) / 1e9,
                 static_cast<int>(level), line.c_str());
  if (level >= LogLevel::error) errors.push_back(std::move(line));
}

Machine::Machine(std::uint64_t seed, SimDiskOptions disk) : random_(seed), disk_(disk) {
  logger_.clock = &sim_.clock();
  logger_.verbose = std::getenv("SLUICE_VERBOSE") != nullptr;
  disk_.observe([this](SimOps kind, const std::string& path) {
    trace_.add(kind);
    trace_.add(path);
    trace_.add(static_cast<std::uint64_t>(sim_.clock().now().time_since_epoch().count()));
  });
}

Machine::~Machine() { take_down(); }

Result<> Machine::start(broker::Options options) {
  SLUICE_CHECK(!broker_);
  crashes_ = disk_.crashes();
  auto started = broker::Broker::start(std::move(options), sim_.clock(), logger_,
                                       broker::Driving::caller, std::make_unique<Platform>(*this));
  if (!started) return std::unexpected(started.error());
  broker_ = std::move(*started);
  return {};
}

Result<> Machine::stop() {
  auto stopped = broker_->stop();
  broker_.reset();
  return stopped;
}

void Machine::crash() {
  if (!went_down()) disk_.crash();
  take_down();
}

void Machine::kill() {
  if (!went_down()) disk_.kill();
  take_down();
}

void Machine::take_down() {
  trace_.add(disk_.crashes());
  broker_.reset();
}

bool Machine::step() {
  if (loop_ != nullptr) {
    if (loop_->stopped()) loop_->restart();
    if (loop_->poll() > 0) return true;
  }
  return sim_.step();
}

void Machine::run_for(Duration duration) {
  bool reached = false;
  const auto id =
      sim_.schedule().call_at(sim_.clock().now() + duration, [&reached] { reached = true; });
  while (!reached && !went_down()) step();
  sim_.schedule().cancel(id);
}

void Machine::sim_run(Task<> task) {
  bool ended = false;
  asio::co_spawn(sim_.executor(), std::move(task), [&ended](std::exception_ptr failed) {
    if (failed) std::rethrow_exception(failed);
    ended = true;
  });
  while (!ended) SLUICE_CHECK(step());
}

}  // namespace sluice::simulation
