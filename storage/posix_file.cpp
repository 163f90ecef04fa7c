#include "storage/posix_file.hpp"

#include "storage/page_cache.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

namespace sluice::storage {

PosixFile::PosixFile(PosixShared& shared, int descriptor, std::string path, std::size_t alignment,
                     bool direct)
    : shared_(shared),
      descriptor_(descriptor),
      path_(std::move(path)),
      alignment_(alignment),
      direct_(direct) {}

PosixFile::~PosixFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

IoRequest PosixFile::request(IoKind kind, std::uint64_t position) const {
  IoRequest made;
  made.kind = kind;
  made.descriptor = descriptor_;
  made.position = position;
  made.alignment = alignment_;
  return made;
}

Task<Result<>> PosixFile::run(IoRequest what, const char* name) {
  const IoAnswer answer = co_await shared_.backend->run(std::move(what));
  if (answer.write_zeroes_refused) shared_.try_write_zeroes = false;
  if (answer.result < 0) {
    co_return fail_errno(static_cast<int>(-answer.result), std::string(name) + " " + path_);
  }
  co_return Result<>{};
}

Task<Result<std::size_t>> PosixFile::read(MutableBytes into, std::uint64_t position) {
  IoRequest reading = request(IoKind::read, position);
  const Bytes parts[] = {into};
  reading.set_parts(parts);
  const IoAnswer answer = co_await shared_.backend->run(std::move(reading));
  if (answer.result < 0) co_return fail_errno(static_cast<int>(-answer.result), "read " + path_);
  co_return static_cast<std::size_t>(answer.result);
}

std::size_t PosixFile::read_resident(MutableBytes into, std::uint64_t position) {
  if (direct_) return 0;
  iovec vector{into.data(), into.size()};
  const auto got = ::preadv2(descriptor_, &vector, 1, static_cast<off_t>(position), RWF_NOWAIT);
  return got < 0 ? 0 : static_cast<std::size_t>(got);
}

bool PosixFile::resident(std::uint64_t position, std::uint64_t size) const {
  return !direct_ && is_resident(descriptor_, static_cast<std::int64_t>(position), size);
}

Task<> PosixFile::bring_in(std::uint64_t position, std::uint64_t size) {
  IoRequest asking = request(IoKind::will_need, position);
  asking.length = size;
  co_await shared_.backend->run(std::move(asking));
}

Task<Result<>> PosixFile::write_parts(std::span<const Bytes> parts, std::uint64_t position,
                                      Durability durability) {
  IoRequest writing = request(IoKind::write, position);
  writing.set_parts(parts);
  writing.durable = durability == Durability::durable;
  if (writing.remaining() == 0) writing.kind = IoKind::nothing;
  return run(std::move(writing), "write");
}

Task<Result<>> PosixFile::write_zeros(std::uint64_t position, std::uint64_t length,
                                      Durability durability) {
  const Bytes zeros = shared_.zeros.bytes();
  IoRequest writing = IoRequest::write_zeros(descriptor_, position, length, zeros, durability,
                                             shared_.try_write_zeroes);
  writing.alignment = alignment_;
  if (length == 0) writing.kind = IoKind::nothing;
  return run(std::move(writing), "write zeros to");
}

Task<Result<>> PosixFile::sync() { return run(request(IoKind::sync_data, 0), "sync"); }

Task<Result<>> PosixFile::truncate(std::uint64_t size) {
  IoRequest cutting = request(IoKind::truncate, 0);
  cutting.length = size;
  return run(std::move(cutting), "truncate");
}

Task<Result<>> PosixFile::allocate(std::uint64_t position, std::uint64_t length,
                                   Allocation allocation) {
  IoRequest reserving = request(IoKind::allocate, position);
  reserving.length = length;
  reserving.mode = allocation == Allocation::keep_size ? FALLOC_FL_KEEP_SIZE : 0;
  return run(std::move(reserving), "allocate");
}

Task<Result<std::uint64_t>> PosixFile::size() {
  struct stat status{};
  if (::fstat(descriptor_, &status) != 0) co_return fail_errno(errno, "stat " + path_);
  co_return static_cast<std::uint64_t>(status.st_size);
}

Task<Result<>> PosixFile::close() {
  const int descriptor = std::exchange(descriptor_, -1);
  if (descriptor < 0) co_return fail_errno(EBADF, "close " + path_);
  // EINTR: the descriptor is gone all the same (close(2)).
  if (::close(descriptor) != 0 && errno != EINTR) co_return fail_errno(errno, "close " + path_);
  co_return Result<>{};
}

}  // namespace sluice::storage
