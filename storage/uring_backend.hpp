// io_uring driven by the shard's io_context (liburing; io_uring(7)). One thread makes it, uses it
// and destroys it.
//
// Requests of one turn of the loop go to the kernel in one io_uring_submit, posted as the last
// thing of the turn. Completions raise an eventfd that Asio watches; all of them are collected
// before the first coroutine is resumed, so that what they start goes out together as well. Short
// transfers are continued here (io_request.hpp), without waking the coroutine.
#pragma once

#include "base/result.hpp"
#include "storage/io_backend.hpp"

#include <memory>

namespace sluice::storage {

class UringBackend final : public IoBackend {
 public:
  // At most `entries` (a power of two) requests are at the kernel; others wait their turn.
  // Runs a first operation through the ring. Errors: what the kernel says to io_uring_setup or
  // io_uring_enter (EPERM, ENOSYS: refused by seccomp or sysctl; ENOMEM: RLIMIT_MEMLOCK).
  static Result<std::unique_ptr<UringBackend>> create(Executor executor, unsigned entries);

  ~UringBackend() override;
  Task<IoAnswer> run(IoRequest request) override;
  Task<> drain() override;

  struct Core;  // shared with the handlers that Asio holds
  explicit UringBackend(std::shared_ptr<Core> core);

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace sluice::storage
