// `sluice log stat`: what takes the space in a data directory.
#include "tools/sluice/log_stat.hpp"

#include "tools/sluice/byte_progress.hpp"
#include "tools/sluice/log.hpp"
#include "tools/sluice/text.hpp"

#include <unistd.h>

namespace sluice::cli {
namespace {

std::int64_t size_of_all(const std::vector<inspect::DataDirectory>& directories) {
  std::int64_t sum = 0;
  for (const auto& directory : directories) sum += size_of(directory);
  return sum;
}

Result<> read(const Global& global, const LogStatOptions& options, LogStatReport& report) {
  ByteProgress progress(global, size_of_all(report.directories));
  auto found = inspect::take_statistics(report.directories, {.top = options.top,
                                                             .threads = options.threads,
                                                             .progress = &progress.done,
                                                             .stop = &progress.stop});
  if (!found) return std::unexpected(found.error());
  report.statistics = std::move(*found);
  if (options.sample_bytes > 0 && !progress.stop) {
    auto trial =
        inspect::try_codecs(report.statistics.sample, options.sample_bytes, &progress.stop);
    if (!trial) return std::unexpected(trial.error());
    report.trial = std::move(*trial);
  }
  report.complete = !progress.stop;
  return {};
}

void remarks(const Global& global, const LogStatReport& report) {
  for (const auto& directory : report.directories)
    if (directory.holder)
      say(global, "open by process " + *directory.holder + ": " + directory.root +
                      "; what is being written may not show");
  if (!report.statistics.keys_exact)
    say(global, "more keys than counters: BYTES of a key is the least, AT MOST the most it can be");
}

}  // namespace

Exit log_stat(const Global& global, const LogStatOptions& options) {
  catch_interrupts();
  LogStatReport report;
  for (const auto& path : options.paths) {
    auto directory = open_directory(path, options.topics);
    if (!directory) return directory.error();
    report.directories.push_back(std::move(*directory));
  }
  const auto start = std::chrono::steady_clock::now();
  const auto done = read(global, options, report);
  if (!done) return complain_of_file(done.error());
  Output out;
  out.write(global.json ? stat_json(report) : stat_tables(report, style_for(STDOUT_FILENO)));
  out.flush();
  remarks(global, report);
  if (!report.complete) return complain_of_interrupt("not everything was read");
  say(global, "read in " + human_seconds(std::chrono::steady_clock::now() - start));
  if (report.damaged())
    return complain(Exit::failed, "damage was left out; 'sluice log verify' tells where");
  return Exit::ok;
}

}  // namespace sluice::cli
