// The same requests by preadv, pwritev2 and fdatasync on a few worker threads of the shard, for
// kernels and containers that refuse io_uring. Completions are posted to the shard's executor.
#pragma once

#include "storage/io_backend.hpp"

#include <memory>

namespace sluice::storage {

// Carries out one step of a request on the calling thread: what the system call returned, or
// -errno.
int execute(IoRequest& request);

class ThreadBackend final : public IoBackend {
 public:
  // Starts `threads` workers, at least one. Throws std::system_error when a thread cannot be made.
  ThreadBackend(Executor executor, unsigned threads);

  // Waits for everything that was begun, then joins the workers.
  ~ThreadBackend() override;
  Task<IoAnswer> run(IoRequest request) override;
  Task<> drain() override;

  struct Core;  // shared with what is posted to the executor

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace sluice::storage
