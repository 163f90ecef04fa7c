#include "sluice/runtime.hpp"

#include "base/check.hpp"
#include "client/host.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <cerrno>
#include <functional>
#include <mutex>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sluice {
namespace client {
namespace {

// Run by one thread of its own, on which nothing may block.
class ThreadLoop final : public Loop {
 public:
  explicit ThreadLoop(asio::io_context& io) : io_(io), timers_(make_timers(io.get_executor())) {}

  Executor executor() override { return io_.get_executor(); }
  Timers& timers() override { return *timers_; }
  const Clock& clock() const override { return clock_; }
  bool runs_here() const override { return io_.get_executor().running_in_this_thread(); }
  void run_some(TimePoint) override { SLUICE_CHECK(false); }  // run() refuses
  void poll() override {}                                     // it is running

 private:
  SystemClock clock_;
  asio::io_context& io_;
  std::unique_ptr<Timers> timers_;
};

// Completions on their way to the thread that polls. The one place where two threads meet in a
// client: one hands over, the other takes all at once.
class CompletionQueue {
 public:
  explicit CompletionQueue(int descriptor) : descriptor_(descriptor) {}
  CompletionQueue(const CompletionQueue&) = delete;
  CompletionQueue& operator=(const CompletionQueue&) = delete;
  ~CompletionQueue() { ::close(descriptor_); }

  int descriptor() const { return descriptor_; }
  void push(std::move_only_function<void()> completion) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(completion));
    if (waiting_.size() > 1) return;
    const std::uint64_t one = 1;
    static_cast<void>(::write(descriptor_, &one, sizeof one));
  }
  std::size_t run() {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) return 0;
      running_.swap(waiting_);
      std::uint64_t count = 0;
      static_cast<void>(::read(descriptor_, &count, sizeof count));
    }
    for (auto& completion : running_) completion();
    const std::size_t count = running_.size();
    running_.clear();
    return count;
  }

 private:
  int descriptor_;
  std::mutex mutex_;
  std::vector<std::move_only_function<void()>> waiting_;
  std::vector<std::move_only_function<void()>> running_;  // of the polling thread
};

}  // namespace

class RuntimeHost final : public Host {
 public:
  explicit RuntimeHost(std::unique_ptr<CompletionQueue> queue)
      : loop_(*io_), queue_(std::move(queue)), work_(io_->get_executor()) {
    // The thread keeps its io_context: the last reference to *this may be dropped by a completion.
    thread_ = std::thread([io = io_] { io->run(); });
  }
  ~RuntimeHost() override {
    work_.reset();
    if (thread_.get_id() == std::this_thread::get_id())
      thread_.detach();
    else
      thread_.join();
  }

  Loop& loop() override { return loop_; }
  void complete(std::move_only_function<void()> completion) override {
    if (queue_)
      queue_->push(std::move(completion));
    else
      loop_.post(std::move(completion));
  }
  int descriptor() const { return queue_ ? queue_->descriptor() : -1; }
  std::size_t poll() { return queue_ ? queue_->run() : 0; }

 private:
  std::shared_ptr<asio::io_context> io_ = std::make_shared<asio::io_context>(1);
  ThreadLoop loop_;
  std::unique_ptr<CompletionQueue> queue_;
  asio::executor_work_guard<Executor> work_;
  std::thread thread_;
};

}  // namespace client

Runtime::Runtime(std::shared_ptr<client::RuntimeHost> host) : host_(std::move(host)) {}

Result<Runtime> Runtime::create(RuntimeOptions options) {
  std::unique_ptr<client::CompletionQueue> queue;
  if (options.deliver == Deliver::on_poll) {
    const int descriptor = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0) return fail_errno(errno, "eventfd");
    queue = std::make_unique<client::CompletionQueue>(descriptor);
  }
  return Runtime(std::make_shared<client::RuntimeHost>(std::move(queue)));
}

std::shared_ptr<client::Host> Runtime::host() const { return host_; }
int Runtime::descriptor() const { return host_->descriptor(); }
std::size_t Runtime::poll() { return host_->poll(); }

}  // namespace sluice
