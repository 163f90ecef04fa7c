#include "tools/sluice/byte_progress.hpp"

#include "tools/sluice/text.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <unistd.h>

namespace sluice::cli {

ByteProgress::ByteProgress(const Global& global, std::int64_t total)
    : total_(total), shown_(!global.quiet && isatty(STDERR_FILENO) == 1) {
  thread_ = std::jthread([this](const std::stop_token& ended) { run(ended); });
}

ByteProgress::~ByteProgress() {
  thread_.request_stop();
  thread_.join();
  clear();
}

void ByteProgress::clear() const {
  if (shown_) std::fprintf(stderr, "\r\x1b[K");
}

void ByteProgress::run(const std::stop_token& ended) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!wake.wait_for(lock, ended, std::chrono::milliseconds(200),
                        [&] { return ended.stop_requested(); })) {
    if (interrupted()) stop = true;
    if (shown_) draw();
  }
}

void ByteProgress::draw() const {
  constexpr int width = 30;
  const auto read = std::min(done.load(), total_);
  const int filled = total_ == 0 ? width : static_cast<int>(read * width / total_);
  std::string line = "[" + std::string(static_cast<std::size_t>(filled), '#') +
                     std::string(static_cast<std::size_t>(width - filled), ' ') + "] ";
  std::string numbers = human_bytes(static_cast<std::uint64_t>(read)) + " of " +
                        human_bytes(static_cast<std::uint64_t>(total_));
  const std::size_t room = terminal_columns() - 1;
  if (line.size() + numbers.size() > room) line.clear();  // one line can be drawn over
  line += numbers;
  line.resize(std::min(line.size(), room));
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
}

}  // namespace sluice::cli
