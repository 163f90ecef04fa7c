// Durable sequential writes by how their blocks came to be. Writes up to 8 GiB.
#include "bench/limit/limit.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

namespace sluice::limit {
namespace {

constexpr std::size_t space = std::size_t{8} << 30;
constexpr std::size_t written_space = std::size_t{2} << 30;
constexpr std::size_t step = std::size_t{1} << 20;  // zeros at a time
constexpr std::size_t steps_ahead = 2;
constexpr std::uint64_t sync_tag = 1000;
constexpr std::uint64_t zeros_tag = 2000;

class BlockWriter {
 public:
  explicit BlockWriter(const Run& run)
      : run_(run), way_(run.mode.substr(7)), ring_(256), zeros_(aligned(step, 0)) {
    ::unlink(path_of(run).c_str());
    fd_ = ::open(path_of(run).c_str(), O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0644);
    if (fd_ < 0) die("limit.dat");
    end_ = way_ == "over" ? written_space : space;
    for (std::size_t at = 0; way_ == "over" && at < end_; at += step)
      if (::pwrite(fd_, zeros_.get(), step, static_cast<off_t>(at)) < 0) die("writing limit.dat");
    if (way_ == "falloc" || way_ == "fgroup" || way_ == "step")
      if (::posix_fallocate(fd_, 0, static_cast<off_t>(end_)) != 0) die("fallocate");
    if (::fsync(fd_) != 0) die("fsync");
    grouped_ = way_ == "fgroup" || way_ == "agroup";
    for (int i = 0; i < run.in_flight; ++i) {
      buffers_.push_back(aligned(run.bytes, 'x'));
      free_.push_back(static_cast<std::size_t>(i));
    }
    begun_.resize(buffers_.size());
  }
  ~BlockWriter() { ::close(fd_); }

  Found run() {
    const double start = now();
    for (;;) {
      const bool going = now() - start < run_.seconds;
      if (going) begin();
      if (ring_.in_flight() == 0) break;
      std::uint64_t tag = 0;
      auto wait = Ring::Wait::yes;
      while (ring_.in_flight() > 0 && ring_.reap(tag, wait)) {
        wait = Ring::Wait::no;
        end(tag);
      }
    }
    found_.seconds = now() - start;
    return std::move(found_);
  }

 private:
  void begin() {
    if (way_ == "step" && !zeroing_ && prepared_ < at_ + steps_ahead * step) {
      ring_.write(fd_, zeros_.get(), step, prepared_, 0, zeros_tag);
      zeroing_ = true;
    }
    while (!free_.empty() && (way_ != "step" || at_ + run_.bytes <= prepared_)) {
      const auto slot = free_.back();
      free_.pop_back();
      if (at_ + run_.bytes > end_) at_ = 0;
      begun_[slot] = now();
      ring_.write(fd_, buffers_[slot].get(), run_.bytes, at_, grouped_ ? 0 : RWF_DSYNC, slot);
      at_ += run_.bytes;
    }
    sync_group();
  }

  void sync_group() {
    if (!grouped_ || !syncing_.empty() || written_.empty()) return;
    syncing_.swap(written_);
    ring_.sync(fd_, sync_tag);
  }

  void end(std::uint64_t tag) {
    if (tag == zeros_tag) {
      zeroing_ = false;
      prepared_ += step;
    } else if (tag == sync_tag) {
      for (const auto slot : syncing_) durable(slot);
      syncing_.clear();
      sync_group();
    } else if (grouped_) {
      written_.push_back(tag);
      sync_group();
    } else {
      durable(tag);
    }
  }

  void durable(std::size_t slot) {
    found_.latency.record(static_cast<std::int64_t>((now() - begun_[slot]) * 1e9));
    ++found_.requests;
    free_.push_back(slot);
  }

  const Run& run_;
  std::string way_;
  Ring ring_;
  Buffer zeros_;
  int fd_ = -1;
  bool grouped_ = false;
  std::size_t end_ = 0;
  std::vector<Buffer> buffers_;
  std::vector<std::size_t> free_, written_, syncing_;  // slots
  std::vector<double> begun_;
  std::size_t at_ = 0;
  std::size_t prepared_ = 0;
  bool zeroing_ = false;
  Found found_;
};

}  // namespace

Found by_blocks(const Run& run) { return BlockWriter(run).run(); }

}  // namespace sluice::limit
