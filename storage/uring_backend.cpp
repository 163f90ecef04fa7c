#include "storage/uring_backend.hpp"

#include "base/check.hpp"
#include "base/completion.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <liburing.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sluice::storage {
namespace {

// Linux 6.9; not in the headers of older systems.
constexpr std::uint8_t opcode_ftruncate = 55;

// An entry's length has 32 bits; the rest goes in the next step.
constexpr std::size_t step_bytes_max = std::size_t{1} << 30;

// Deferred task work that Linux runs in one call (IO_LOCAL_TW_DEFAULT_MAX, since 6.13).
constexpr unsigned task_work_at_once = 20;

struct Operation {
  IoRequest request;
  Completion<IoAnswer> done;
  Operation* next = nullptr;
};

// First in, first out, threaded through the operations.
class OperationQueue {
 public:
  bool empty() const { return head_ == nullptr; }
  void push(Operation* operation) {
    operation->next = nullptr;
    if (tail_ == nullptr) {
      head_ = operation;
    } else {
      tail_->next = operation;
    }
    tail_ = operation;
  }
  Operation* pop() {
    Operation* operation = head_;
    head_ = operation->next;
    if (head_ == nullptr) tail_ = nullptr;
    return operation;
  }

 private:
  Operation* head_ = nullptr;
  Operation* tail_ = nullptr;
};

// The best set of flags that this kernel knows. DEFER_TASKRUN (6.1) completes only when we ask, in
// our own time; COOP_TASKRUN (5.19) at least does not interrupt us.
int set_up(io_uring* ring, unsigned entries) {
  const unsigned choices[] = {
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
      IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
      0,
  };
  int error = -ENOSYS;
  for (const unsigned flags : choices) {
    error = io_uring_queue_init(entries, ring, flags);
    if (error != -EINVAL) return error;
  }
  return error;
}

}  // namespace

struct UringBackend::Core : std::enable_shared_from_this<UringBackend::Core> {
  Core(Executor executor, unsigned capacity) : capacity_(capacity), event_(executor) {}
  ~Core();

  Result<> start();
  void begin(IoRequest request, Completion<IoAnswer> done);
  void when_idle(Completion<bool> done);
  void shut_down();

 private:
  Result<> probe();
  Operation* take_operation();
  void enter(Operation* operation);
  void prepare(Operation* operation);
  void submit_later();
  void turn();
  void submit_prepared();
  bool answers_wait();
  void watch();
  bool collect(OperationQueue& finished);  // true if there was anything
  void resume(OperationQueue& finished);
  int call_inline(const IoRequest& request);

  unsigned capacity_;
  asio::posix::basic_stream_descriptor<Executor> event_;
  std::uint64_t event_count_ = 0;
  io_uring ring_{};
  bool ring_open_ = false;
  bool submit_posted_ = false;
  bool watching_ = false;
  bool has_ftruncate_ = false;
  bool has_unlinkat_ = false;
  unsigned at_kernel_ = 0;      // prepared or submitted, not yet collected
  std::size_t in_flight_ = 0;   // begun, not yet resumed
  OperationQueue waiting_;      // for room at the kernel
  OperationQueue inline_done_;  // finished without the kernel's ring
  std::vector<std::unique_ptr<Operation>> operations_;
  std::vector<Operation*> free_;
  std::vector<Completion<bool>> idle_waiters_;
};

UringBackend::Core::~Core() {
  if (ring_open_) io_uring_queue_exit(&ring_);
}

Result<> UringBackend::Core::start() {
  const int error = set_up(&ring_, capacity_);
  if (error < 0) return fail_errno(-error, "io_uring_setup");
  ring_open_ = true;
  const auto probed = probe();
  if (!probed) return probed;
  const int event = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (event < 0) return fail_errno(errno, "eventfd");
  boost::system::error_code assigned;
  event_.assign(event, assigned);
  if (assigned) {
    ::close(event);
    return fail(assigned, "watch eventfd");
  }
  const int registered = io_uring_register_eventfd(&ring_, event);
  if (registered < 0) return fail_errno(-registered, "io_uring_register_eventfd");
  return {};
}

// Opcodes that are needed exist, and an operation really goes through.
Result<> UringBackend::Core::probe() {
  io_uring_probe* known = io_uring_get_probe_ring(&ring_);
  if (known == nullptr) return fail_errno(ENOSYS, "io_uring probe");
  bool complete = true;
  for (const int opcode : {IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_READ, IORING_OP_WRITE,
                           IORING_OP_FSYNC, IORING_OP_FALLOCATE}) {
    complete = complete && io_uring_opcode_supported(known, opcode) != 0;
  }
  has_unlinkat_ = io_uring_opcode_supported(known, IORING_OP_UNLINKAT) != 0;
  has_ftruncate_ = io_uring_opcode_supported(known, opcode_ftruncate) != 0;
  io_uring_free_probe(known);
  if (!complete) return fail_errno(ENOSYS, "io_uring: an operation is missing");
  io_uring_prep_nop(io_uring_get_sqe(&ring_));
  const int submitted = io_uring_submit(&ring_);
  if (submitted < 0) return fail_errno(-submitted, "io_uring_enter");
  io_uring_cqe* entry = nullptr;
  const int waited = io_uring_wait_cqe(&ring_, &entry);
  if (waited < 0) return fail_errno(-waited, "io_uring_enter");
  io_uring_cqe_seen(&ring_, entry);
  return {};
}

Operation* UringBackend::Core::take_operation() {
  if (free_.empty()) {
    operations_.push_back(std::make_unique<Operation>());
    return operations_.back().get();
  }
  Operation* operation = free_.back();
  free_.pop_back();
  return operation;
}

void UringBackend::Core::begin(IoRequest request, Completion<IoAnswer> done) {
  SLUICE_CHECK(ring_open_);
  Operation* operation = take_operation();
  operation->request = std::move(request);
  operation->done = std::move(done);
  ++in_flight_;
  enter(operation);
}

void UringBackend::Core::enter(Operation* operation) {
  const bool by_call = (operation->request.kind == IoKind::truncate && !has_ftruncate_) ||
                       (operation->request.kind == IoKind::remove_file && !has_unlinkat_);
  if (by_call) {
    int answer = 0;
    do answer = call_inline(operation->request);
    while (operation->request.advance(answer));
    inline_done_.push(operation);
    submit_later();
  } else if (at_kernel_ < capacity_) {
    prepare(operation);
  } else {
    waiting_.push(operation);
  }
}

int UringBackend::Core::call_inline(const IoRequest& request) {
  const int status = request.kind == IoKind::truncate
                         ? ::ftruncate(request.descriptor, static_cast<off_t>(request.length))
                         : ::unlinkat(request.descriptor, request.name.c_str(), 0);
  return status == 0 ? 0 : -errno;
}

void UringBackend::Core::prepare(Operation* operation) {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  SLUICE_CHECK(entry != nullptr);  // the queue holds capacity_, and at_kernel_ was below it
  IoRequest& request = operation->request;
  const int fd = request.descriptor;
  const auto vectors = request.vectors();
  const auto count = static_cast<unsigned>(vectors.size());
  switch (request.kind) {
    case IoKind::read:
      if (count == 1) {
        const auto length = static_cast<unsigned>(std::min(vectors[0].iov_len, step_bytes_max));
        io_uring_prep_read(entry, fd, vectors[0].iov_base, length, request.position);
      } else {
        io_uring_prep_readv(entry, fd, vectors.data(), count, request.position);
      }
      break;
    case IoKind::write:
      if (count == 1) {
        const auto length = static_cast<unsigned>(std::min(vectors[0].iov_len, step_bytes_max));
        io_uring_prep_write(entry, fd, vectors[0].iov_base, length, request.position);
      } else {
        io_uring_prep_writev(entry, fd, vectors.data(), count, request.position);
      }
      if (request.durable) entry->rw_flags = RWF_DSYNC;
      break;
    case IoKind::sync_data:
      io_uring_prep_fsync(entry, fd, IORING_FSYNC_DATASYNC);
      break;
    case IoKind::sync_all:
      io_uring_prep_fsync(entry, fd, 0);
      break;
    case IoKind::allocate:
      io_uring_prep_fallocate(entry, fd, request.mode, static_cast<off_t>(request.position),
                              static_cast<off_t>(request.length));
      break;
    case IoKind::truncate:
      io_uring_prep_rw(opcode_ftruncate, entry, fd, nullptr, 0, request.length);
      break;
    case IoKind::remove_file:
      io_uring_prep_unlinkat(entry, fd, request.name.c_str(), 0);
      break;
    case IoKind::will_need:
      io_uring_prep_fadvise(entry, fd, request.position, static_cast<unsigned>(request.length),
                            POSIX_FADV_WILLNEED);
      break;
    case IoKind::nothing:
      io_uring_prep_nop(entry);
      break;
  }
  io_uring_sqe_set_data(entry, operation);
  ++at_kernel_;
  submit_later();
}

void UringBackend::Core::submit_later() {
  if (submit_posted_) return;
  submit_posted_ = true;
  asio::post(event_.get_executor(), [self = shared_from_this()] {
    self->submit_posted_ = false;
    if (self->ring_open_) self->turn();
  });
}

// Gives the kernel what is prepared, collects what it has finished, then resumes the coroutines.
// The eventfd is silenced meanwhile: what we are about to see needs no second wake-up.
void UringBackend::Core::turn() {
  const auto self = shared_from_this();  // a resumed coroutine may destroy the backend
  OperationQueue finished = std::exchange(inline_done_, OperationQueue());
  io_uring_cq_eventfd_toggle(&ring_, false);
  submit_prepared();
  if (answers_wait()) collect(finished);
  io_uring_cq_eventfd_toggle(&ring_, true);
  // What came in before the eventfd was heard again must be seen here: its store and the loads of
  // answers_wait() keep their order. The kernel hands out a part at a time, and what it keeps back
  // rings no eventfd: so on until the flags are clear. But a worker of the kernel may raise TASKRUN
  // just after we have taken what it was raised for, and then it stays, with nothing behind it,
  // until the next completion, which may wait for the coroutines below: so not for ever.
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  const unsigned tries = 1 + capacity_ / task_work_at_once;
  for (unsigned in_vain = 0; in_vain < tries && answers_wait();)
    in_vain = collect(finished) ? 0 : in_vain + 1;
  while (!waiting_.empty() && at_kernel_ < capacity_) prepare(waiting_.pop());
  watch();
  resume(finished);
}

void UringBackend::Core::submit_prepared() {
  if (io_uring_sq_ready(&ring_) == 0) return;
  const int submitted = io_uring_submit(&ring_);
  // Out of memory or interrupted: the entries are still queued, the next turn tries again.
  const bool later =
      submitted == -EAGAIN || submitted == -EBUSY || submitted == -EINTR || submitted == -ENOMEM;
  SLUICE_CHECK(submitted >= 0 || later);
  if (io_uring_sq_ready(&ring_) > 0) submit_later();
}

// Completions are in the ring, or the kernel has some to put there when asked (DEFER_TASKRUN).
bool UringBackend::Core::answers_wait() {
  const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
  return io_uring_cq_ready(&ring_) > 0 ||
         (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

// Waits for the eventfd only while something is at the kernel, so that an io_context with nothing
// else to do comes to its end.
void UringBackend::Core::watch() {
  if (watching_ || at_kernel_ == 0) return;
  watching_ = true;
  event_.async_read_some(asio::buffer(&event_count_, sizeof event_count_),
                         [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                           self->watching_ = false;
                           if (!error && self->ring_open_) self->turn();
                         });
}

bool UringBackend::Core::collect(OperationQueue& finished) {
  bool any = false;
  io_uring_get_events(&ring_);  // DEFER_TASKRUN: completions come in when asked for
  io_uring_cqe* entry = nullptr;
  while (io_uring_peek_cqe(&ring_, &entry) == 0) {
    auto* operation = static_cast<Operation*>(io_uring_cqe_get_data(entry));
    const int answer = entry->res;
    io_uring_cqe_seen(&ring_, entry);
    any = true;
    --at_kernel_;
    if (operation->request.advance(answer)) {
      prepare(operation);
    } else {
      finished.push(operation);
    }
  }
  return any;
}

void UringBackend::Core::resume(OperationQueue& finished) {
  while (!finished.empty()) {
    Operation* operation = finished.pop();
    Completion<IoAnswer> done = std::move(operation->done);
    const IoAnswer answer{operation->request.result(), operation->request.write_zeroes_refused()};
    free_.push_back(operation);
    --in_flight_;
    done(answer);
    if (!ring_open_) return;  // it destroyed the backend
  }
  if (in_flight_ > 0) return;
  auto waiters = std::exchange(idle_waiters_, {});
  for (auto& waiter : waiters) waiter(true);
}

void UringBackend::Core::when_idle(Completion<bool> done) {
  if (in_flight_ == 0) return done.post(true);
  idle_waiters_.push_back(std::move(done));
}

// The kernel still writes to the memory of what is in flight: wait for it. Coroutines that nobody
// awaited to their end are destroyed with their operations, after that.
void UringBackend::Core::shut_down() {
  OperationQueue finished;
  while (at_kernel_ > 0) {
    const int waited = io_uring_submit_and_wait(&ring_, 1);
    SLUICE_CHECK(waited >= 0 || waited == -EINTR || waited == -EAGAIN || waited == -EBUSY);
    collect(finished);
  }
  boost::system::error_code ignored;
  event_.close(ignored);
  io_uring_queue_exit(&ring_);
  ring_open_ = false;
  idle_waiters_.clear();
  operations_.clear();
  free_.clear();
}

UringBackend::UringBackend(std::shared_ptr<Core> core) : core_(std::move(core)) {}

Result<std::unique_ptr<UringBackend>> UringBackend::create(Executor executor, unsigned entries) {
  auto core = std::make_shared<Core>(executor, entries);
  const auto started = core->start();
  if (!started) return std::unexpected(started.error());
  return std::make_unique<UringBackend>(std::move(core));
}

UringBackend::~UringBackend() { core_->shut_down(); }

Task<IoAnswer> UringBackend::run(IoRequest request) {
  return suspend<IoAnswer>([](Completion<IoAnswer> done, Core* core,
                              IoRequest what) { core->begin(std::move(what), std::move(done)); },
                           core_.get(), std::move(request));
}

Task<> UringBackend::drain() {
  co_await suspend<bool>(
      [](Completion<bool> done, Core* core) { core->when_idle(std::move(done)); }, core_.get());
}

}  // namespace sluice::storage
