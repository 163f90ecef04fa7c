#include "storage/thread_backend.hpp"

#include "base/completion.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <fcntl.h>
#include <mutex>
#include <sys/uio.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sluice::storage {
namespace {

struct Operation {
  IoRequest request;
  Completion<IoAnswer> done;
};

// Workers take no signals: those belong to the host program's threads.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

int answer_of(std::int64_t status) { return status < 0 ? -errno : static_cast<int>(status); }

}  // namespace

int execute(IoRequest& request) {
  const int fd = request.descriptor;
  const auto position = static_cast<off_t>(request.position);
  const auto length = static_cast<off_t>(request.length);
  const auto vectors = request.vectors();
  const int count = static_cast<int>(vectors.size());
  switch (request.kind) {
    case IoKind::nothing:
      return 0;
    case IoKind::read:
      return answer_of(::preadv(fd, vectors.data(), count, position));
    case IoKind::write:
      return answer_of(
          ::pwritev2(fd, vectors.data(), count, position, request.durable ? RWF_DSYNC : 0));
    case IoKind::sync_data:
      return answer_of(::fdatasync(fd));
    case IoKind::sync_all:
      return answer_of(::fsync(fd));
    case IoKind::allocate:
      return answer_of(::fallocate(fd, request.mode, position, length));
    case IoKind::truncate:
      return answer_of(::ftruncate(fd, length));
    case IoKind::remove_file:
      return answer_of(::unlinkat(fd, request.name.c_str(), 0));
    case IoKind::will_need:
      return -::posix_fadvise(fd, position, length, POSIX_FADV_WILLNEED);
  }
  return -EINVAL;
}

struct ThreadBackend::Core : std::enable_shared_from_this<ThreadBackend::Core> {
  explicit Core(Executor where) : executor(where) {}

  void begin(IoRequest request, Completion<IoAnswer> done);
  void work();
  void finish(std::unique_ptr<Operation> operation);
  void stop();

  Executor executor;
  std::vector<std::thread> workers;
  std::size_t in_flight = 0;                   // of the shard's thread only
  std::vector<Completion<bool>> idle_waiters;  // of the shard's thread only

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::deque<std::unique_ptr<Operation>> queue;
  bool stopping = false;
};

void ThreadBackend::Core::begin(IoRequest request, Completion<IoAnswer> done) {
  auto operation = std::make_unique<Operation>(std::move(request), std::move(done));
  ++in_flight;
  {
    const std::scoped_lock lock(mutex);
    queue.push_back(std::move(operation));
  }
  changed.notify_one();
}

void ThreadBackend::Core::work() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return stopping || !queue.empty(); });
    if (queue.empty()) return;
    auto operation = std::move(queue.front());
    queue.pop_front();
    lock.unlock();
    IoRequest& request = operation->request;
    while (request.advance(execute(request))) {
    }
    asio::post(executor, [self = shared_from_this(), o = std::move(operation)]() mutable {
      self->finish(std::move(o));
    });
    lock.lock();
  }
}

void ThreadBackend::Core::finish(std::unique_ptr<Operation> operation) {
  --in_flight;
  const IoRequest& request = operation->request;
  const IoAnswer answer{request.result(), request.write_zeroes_refused()};
  operation->done(answer);
  if (in_flight > 0) return;
  auto waiters = std::exchange(idle_waiters, {});
  for (auto& waiter : waiters) waiter(true);
}

void ThreadBackend::Core::stop() {
  {
    const std::scoped_lock lock(mutex);
    stopping = true;
  }
  changed.notify_all();
  for (auto& worker : workers) worker.join();
  workers.clear();
  idle_waiters.clear();
}

ThreadBackend::ThreadBackend(Executor executor, unsigned threads)
    : core_(std::make_shared<Core>(executor)) {
  const SignalsBlocked blocked;
  try {
    for (unsigned i = 0; i < std::max(threads, 1u); ++i) {
      core_->workers.emplace_back([core = core_.get()] { core->work(); });
    }
  } catch (const std::system_error&) {
    core_->stop();
    throw;
  }
}

ThreadBackend::~ThreadBackend() { core_->stop(); }

Task<IoAnswer> ThreadBackend::run(IoRequest request) {
  return suspend<IoAnswer>([](Completion<IoAnswer> done, Core* core,
                              IoRequest what) { core->begin(std::move(what), std::move(done)); },
                           core_.get(), std::move(request));
}

Task<> ThreadBackend::drain() {
  co_await suspend<bool>(
      [](Completion<bool> done, Core* core) {
        if (core->in_flight == 0) return done.post(true);
        core->idle_waiters.push_back(std::move(done));
      },
      core_.get());
}

}  // namespace sluice::storage
