// What a broker stands on: time, randomness, memory, the data directory and what turns its loop.
// This machine, or one that is made up, where all of it repeats from a seed (tests/simulation/).
#pragma once

#include "base/random.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "base/timer.hpp"
#include "broker/memory_pressure.hpp"
#include "storage/directory_lock.hpp"
#include "storage/open_file_system.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>
#include <string>

namespace sluice::broker {

// Of one broker, which owns it. The clock is given to the broker apart: hosts supply theirs.
class Platform {
 public:
  virtual ~Platform() = default;

  // Makes the data directory if it is missing, and keeps other brokers out until release().
  // Errors: EBUSY when one has it; those of mkdir(2) and open(2).
  virtual Result<> claim(const std::string& directory) = 0;
  virtual void release() = 0;

  // For one shard, whose loop is behind `executor`.
  virtual std::unique_ptr<Timers> make_timers(Executor executor) = 0;
  virtual std::unique_ptr<Random> make_random() = 0;
  // On the shard. Errors: as storage::open_file_system().
  virtual Task<Result<std::unique_ptr<storage::FileSystem>>> open_files(
      std::string root, storage::FileSystemOptions options) = 0;

  virtual MemoryState memory() = 0;

  // Where the caller drives: runs something that `loop` has to do, after waiting for it.
  virtual void run_some(asio::io_context& loop) = 0;
};

class ThisMachine final : public Platform {
 public:
  Result<> claim(const std::string& directory) override;
  void release() override { lock_.reset(); }
  std::unique_ptr<Timers> make_timers(Executor executor) override;
  std::unique_ptr<Random> make_random() override;
  Task<Result<std::unique_ptr<storage::FileSystem>>> open_files(
      std::string root, storage::FileSystemOptions options) override;
  MemoryState memory() override { return memory_state(); }
  void run_some(asio::io_context& loop) override { loop.run_one(); }

 private:
  std::optional<storage::DirectoryLock> lock_;
};

}  // namespace sluice::broker
