// A machine that is made up: one thread, simulated time, a treacherous disk (SimDisk), and the real
// broker on it, which is started, crashed and stopped. Everything repeats from a seed.
//
// A crash. The disk is cut off first: what was not durable is lost as SimDisk tells, and from then
// on every operation of the old broker fails, those on their way too. The network drops what the
// old broker still says (Network). So nothing that it does any more has an effect that anybody
// could see, and it may be taken down in the orderly way, Broker::stop(), which leaves no coroutine
// and no memory behind, and which must come to its end with a dead disk as well.
#pragma once

#include "base/log.hpp"
#include "broker/broker.hpp"
#include "tests/simulation/trace.hpp"
#include "tests/support/sim_disk.hpp"
#include "tests/support/sim_executor.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sluice::simulation {

class Machine {
 public:
  Machine(std::uint64_t seed, SimDiskOptions disk);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // Errors: those of Broker::start(); then there is none, and the next try may succeed.
  Result<> start(broker::Options options);
  // The orderly way. Errors: as Broker::stop().
  Result<> stop();
  // The power goes.
  void crash();
  // The process dies, the system goes on.
  void kill();
  // Whether the disk was cut off by itself (SimDisk::crash_at) since the broker began to start: it
  // is to be taken down by crash(), which then cuts nothing more.
  bool went_down() const { return disk_.crashes() != crashes_; }
  // The broker serves, as far as anybody outside can tell.
  bool is_up() const { return broker_ != nullptr && !went_down(); }
  // Null: none.
  broker::Broker* broker() { return broker_.get(); }

  // One turn: of the broker's loop, of what else runs here, or of the clock. False: nothing left.
  bool step();
  // Until the time has passed, or the disk went down.
  void run_for(Duration duration);
  // Until `task` has ended; everything else goes on.
  void sim_run(Task<> task);

  SimExecutor& sim() { return sim_; }
  SimDisk& disk() { return disk_; }
  Random& random() { return random_; }
  Trace& trace() { return trace_; }
  // What the broker logged as errors since the start of the run.
  const std::vector<std::string>& errors() const { return logger_.errors; }

 private:
  class Platform;
  struct Log final : Logger {
    bool enabled(LogLevel level) const override { return verbose || level >= LogLevel::error; }
    void write(LogLevel level, std::string_view message, Fields fields) override;
    const SimClock* clock = nullptr;
    bool verbose = false;  // SLUICE_VERBOSE is set: all of it on stderr
    std::vector<std::string> errors;
  };

  void take_down();

  SeededRandom random_;
  SimDisk disk_;
  Log logger_;
  Trace trace_;
  SimExecutor sim_;
  asio::io_context* loop_ = nullptr;  // of the broker, while there is one
  std::uint64_t crashes_ = 0;
  std::unique_ptr<broker::Broker> broker_;
};

}  // namespace sluice::simulation
