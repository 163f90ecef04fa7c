// The options of `sluice log`, and the directory that they name.
#include "sluice/error.hpp"
#include "tools/sluice/log.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>

namespace sluice::cli {
namespace {

bool is_asked_for(const inspect::PartitionLog& log, const std::vector<std::string>& topics) {
  return topics.empty() || std::ranges::find(topics, log.topic) != topics.end() ||
         std::ranges::find(topics, log.directory) != topics.end();
}

void add_change_options(CLI::App& command, LogOptions& options) {
  command.add_flag("-n,--dry-run", options.dry_run, "Only say what would be done");
  command.add_flag("-y,--yes,--confirm", options.confirm, "Do not ask");
}

}  // namespace

Exit complain_of_file(const Error& error) {
  if (error.code == std::errc::invalid_argument) return complain(Exit::usage, error.context);
  if (error.is(Errc::cancelled)) return complain_of_interrupt(error.context);
  if (error.code == std::errc::device_or_resource_busy)
    return complain(Exit::failed, error.context + "; stop the broker first");
  return complain(exit_for(error), error.message());
}

std::expected<inspect::DataDirectory, Exit> open_directory(const std::string& path,
                                                           const std::vector<std::string>& topics) {
  auto directory = inspect::look_at(path);
  if (!directory) return std::unexpected(complain_of_file(directory.error()));
  const auto names = names_in(*directory);
  for (const auto& topic : topics) {
    if (std::ranges::find(names, topic) != names.end()) continue;
    return std::unexpected(complain(
        Exit::not_found,
        with_suggestion("no topic or partition '" + topic + "' in " + path, topic, names)));
  }
  keep_asked_for(*directory, topics);
  return std::move(*directory);
}

std::vector<std::string> names_in(const inspect::DataDirectory& directory) {
  std::vector<std::string> names;
  for (const auto& log : directory.partitions) {
    names.push_back(log.topic);
    names.push_back(log.directory);
  }
  return names;
}

void keep_asked_for(inspect::DataDirectory& directory, const std::vector<std::string>& topics) {
  std::erase_if(directory.partitions,
                [&](const inspect::PartitionLog& log) { return !is_asked_for(log, topics); });
}

std::int64_t size_of(const inspect::DataDirectory& directory) {
  std::int64_t sum = 0;
  for (const auto& log : directory.partitions)
    for (const auto& segment : log.segments) sum += segment.size;
  return sum;
}

void add_log_options(CLI::App& command, LogCommand which, LogOptions& options) {
  command.add_option("DIRECTORY", options.path, "A data directory, a partition or a .log in it")
      ->required();
  if (which != LogCommand::cut)
    command.add_option("--topic", options.topics, "TOPIC or TOPIC-PARTITION; may repeat");
  switch (which) {
    case LogCommand::ls:
      command.footer(
          "Examples:\n  sluice log ls /var/lib/sluice\n  sluice log ls data --topic orders --json");
      break;
    case LogCommand::verify:
      command
          .add_option("--threads", options.threads, "Segments side by side (default: one a core)")
          ->check(CLI::Range(1, 1024));
      command.footer("Examples:\n  sluice log verify /var/lib/sluice --json");
      break;
    case LogCommand::dump:
      command.add_option("-o,--offset", options.offsets, "Only these offsets: FIRST or FIRST-LAST");
      command.add_option("--position", options.position, "From this byte of the segment on")
          ->check(CLI::NonNegativeNumber);
      command.add_option("-n,--count", options.count, "Stop after so many batches")
          ->check(CLI::NonNegativeNumber);
      command.add_flag("--batches", options.headers_only, "Batches without their records");
      command.footer(
          "Examples:\n"
          "  sluice log dump data/orders-0 --offset 100-120\n"
          "  sluice log dump data --topic __consumer_offsets --json");
      break;
    case LogCommand::repair:
      add_change_options(command, options);
      command.footer(
          "Examples:\n"
          "  sluice log repair /var/lib/sluice --dry-run\n"
          "  sluice log repair /var/lib/sluice --confirm");
      break;
    case LogCommand::index:
      add_change_options(command, options);
      command.footer("Examples:\n  sluice log index /var/lib/sluice --topic orders --dry-run");
      break;
    case LogCommand::cut:
      command.add_option("PARTITION", options.partition, "TOPIC-PARTITION")->required();
      command.add_option("OFFSET", options.to_offset, "The first offset that goes")
          ->required()
          ->check(CLI::NonNegativeNumber);
      add_change_options(command, options);
      command.footer("Examples:\n  sluice log cut /var/lib/sluice orders-0 1000 --dry-run");
      break;
  }
}

void add_log_stat_options(CLI::App& command, LogStatOptions& options) {
  command.add_option("PATH", options.paths, "Data directories, partitions or .log files")
      ->required()
      ->expected(1, -1);
  command.add_option("--topic", options.topics, "TOPIC or TOPIC-PARTITION; may repeat");
  command.add_option("--top", options.top, "Keys and records that are listed")
      ->check(CLI::Range(0, 10'000))
      ->capture_default_str();
  command.add_option("--threads", options.threads,
                     "Partitions side by side (default: one a core, at most 8)");
  command
      .add_option("--sample", options.sample_bytes,
                  "Bytes of batches to try the codecs on; 0: do not (32MiB)")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE");
  command.footer(
      "Examples:\n"
      "  sluice log stat /var/lib/sluice\n"
      "  sluice log stat data --topic orders --top 20\n"
      "  sluice log stat data/orders-0 --json");
}

void add_log_diff_options(CLI::App& command, LogDiffOptions& options) {
  command.add_option("A", options.a, "A data directory, a partition or a .log in it")->required();
  command.add_option("B", options.b, "Another one")->required();
  command.add_option("--topic", options.topics, "TOPIC or TOPIC-PARTITION; may repeat");
  command.add_flag("--batches", options.batches, "Batching, codecs and producers count as well");
  command.add_option("-n,--count", options.count, "Stop after so many differences")
      ->check(CLI::PositiveNumber);
  command.footer(
      "Examples:\n"
      "  sluice log diff /var/lib/sluice /mnt/copy\n"
      "  sluice log diff data/orders-0 other/orders-copy-0 --json");
}

}  // namespace sluice::cli
