#include "tools/sluice/progress.hpp"

#include "tools/sluice/text.hpp"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace sluice::cli {
namespace {

constexpr std::chrono::milliseconds interval{200};

std::uint64_t rate_of(std::uint64_t done, std::chrono::nanoseconds time) {
  const double seconds = std::max(1e-6, std::chrono::duration<double>(time).count());
  return static_cast<std::uint64_t>(static_cast<double>(done) / seconds);
}

}  // namespace

Progress::Progress(const Global& global, std::string_view what, std::uint64_t total)
    : on_(!global.quiet && isatty(STDERR_FILENO) == 1),
      what_(what),
      total_(total),
      began_(std::chrono::steady_clock::now()),
      next_(began_ + interval) {}

void Progress::show(std::uint64_t done, std::string_view more) {
  if (!on_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + interval;
  const std::uint64_t rate = rate_of(done, now - began_);
  std::string line = what_ + " " + with_commas(done);
  if (total_ > 0)
    line += " of " + with_commas(total_) + " (" +
            std::to_string(std::min<std::uint64_t>(100, done * 100 / total_)) + " %)";
  if (!more.empty()) line += ", " + std::string(more);
  line += ", " + with_commas(rate) + "/s";
  if (total_ > done && rate > 0)
    line += ", " + human_seconds(std::chrono::seconds((total_ - done) / rate)) + " left";
  line.resize(std::min(line.size(), terminal_columns() - 1));  // one line can be drawn over
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
  visible_ = true;
}

void Progress::clear() {
  if (!visible_) return;
  std::fputs("\r\x1b[K", stderr);
  visible_ = false;
}

std::string records_and_rate(std::uint64_t records, std::chrono::nanoseconds time) {
  return records_text(records) + " in " + human_seconds(time) + " (" +
         with_commas(rate_of(records, time)) + "/s)";
}

}  // namespace sluice::cli
