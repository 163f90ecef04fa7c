// The options of `sluice log`, and the directory that they name.
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
  if (error.code == std::errc::device_or_resource_busy)
    return complain(Exit::failed, error.context + "; stop the broker first");
  return complain(exit_for(error), error.message());
}

std::expected<inspect::DataDirectory, Exit> open_directory(const LogOptions& options) {
  auto directory = inspect::look_at(options.path);
  if (!directory) return std::unexpected(complain_of_file(directory.error()));
  std::vector<std::string> names;
  for (const auto& log : directory->partitions) {
    names.push_back(log.topic);
    names.push_back(log.directory);
  }
  for (const auto& topic : options.topics) {
    if (std::ranges::find(names, topic) != names.end()) continue;
    return std::unexpected(complain(
        Exit::not_found,
        with_suggestion("no topic or partition '" + topic + "' in " + options.path, topic, names)));
  }
  std::erase_if(directory->partitions, [&](const inspect::PartitionLog& log) {
    return !is_asked_for(log, options.topics);
  });
  return std::move(*directory);
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

}  // namespace sluice::cli
