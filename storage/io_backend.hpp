// Carries out I/O requests for one shard: by io_uring (uring_backend.hpp) or by worker threads
// (thread_backend.hpp).
#pragma once

#include "base/task.hpp"
#include "storage/io_request.hpp"

#include <cstdint>

namespace sluice::storage {

// What a finished request was answered.
struct IoAnswer {
  std::int64_t result = 0;  // bytes, 0, or -errno
  bool write_zeroes_refused = false;
};

// Used on the shard it was made on.
class IoBackend {
 public:
  // Waits for what is in flight at the kernel, then drops the coroutines that still wait; drain()
  // is the orderly way.
  virtual ~IoBackend() = default;

  // Requests in flight together may be carried out in any order. Not cancellable; memory that the
  // request points to stays alive until this returns.
  virtual Task<IoAnswer> run(IoRequest request) = 0;

  // Waits until nothing is in flight.
  virtual Task<> drain() = 0;
};

}  // namespace sluice::storage
