// The options of `sluice dlq`, and the selection they make.
#include "tools/sluice/commands.hpp"
#include "tools/sluice/dlq.hpp"
#include "tools/sluice/text.hpp"

#include <CLI/CLI.hpp>

#include <charconv>

namespace sluice::cli {
namespace {

using Pairs = std::vector<DeadLetterFilter::Pair>;

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  return ec == std::errc{} && end == text.data() + text.size() && number >= 0;
}

// PARTITION:OFFSET or PARTITION:FIRST-LAST.
bool read_offsets(std::string_view text, DeadLetterSelection& selection) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  PartitionIndex partition = 0;
  OffsetRange range;
  const auto offsets = text.substr(colon + 1);
  const auto dash = std::min(offsets.find('-'), offsets.size());
  if (!read_number(text.substr(0, colon), partition) ||
      !read_number(offsets.substr(0, dash), range.first))
    return false;
  range.last = range.first;
  if (dash < offsets.size() && !read_number(offsets.substr(dash + 1), range.last)) return false;
  selection.offsets[partition].push_back(range);
  return range.first <= range.last;
}

std::optional<std::string> read_pairs(const std::vector<std::string>& texts, std::string_view what,
                                      Pairs& pairs) {
  for (const auto& text : texts) {
    auto parts = name_and_value(text);
    if (!parts) return std::string(what) + " '" + text + "' is not NAME=VALUE";
    pairs.push_back(std::move(*parts));
  }
  return std::nullopt;
}

std::optional<std::string> read_time(const std::optional<std::string>& text, std::string_view what,
                                     std::int64_t now_ms, std::optional<std::int64_t>& time) {
  if (!text) return std::nullopt;
  time = parse_time(*text, now_ms);
  if (time) return std::nullopt;
  return std::string(what) + " '" + *text + "' is no time like 2015-01-01T12:00 or -15m";
}

void add_selection(CLI::App& command, DlqSelectionOptions& options) {
  command.add_option("--offset", options.offsets,
                     "PARTITION:OFFSET or PARTITION:FIRST-LAST; may repeat");
  command.add_option("--source", options.sources, "Topic that the record came from; may repeat")
      ->type_name("TOPIC");
  command.add_option("-g,--group", options.groups, "Group that failed on it; may repeat")
      ->type_name("GROUP");
  command.add_option("--reason", options.reasons,
                     "rejected, delivery-limit, lock-timeout, retry-limit; may repeat");
  command.add_option("--since", options.since, "Last failed at this time or later (-2h, ISO 8601)");
  command.add_option("--until", options.until, "Last failed before this time");
  command.add_option("-k,--key", options.key, "Key of the record");
  command.add_option("-H,--header", options.headers, "NAME=VALUE among its headers; may repeat");
  command.add_option("--field", options.fields,
                     "PATH=VALUE in its JSON value, e.g. order.items[0].sku=7; may repeat");
}

}  // namespace

bool DlqSelectionOptions::narrowed() const {
  return !offsets.empty() || !sources.empty() || !groups.empty() || !reasons.empty() || since ||
         until || key || !headers.empty() || !fields.empty();
}

std::expected<DeadLetterSelection, std::string> parse_selection(const DlqSelectionOptions& options,
                                                                std::int64_t now_ms) {
  DeadLetterSelection selection{
      .topic = options.topic, .offsets = {}, .filter = {}, .again = options.again};
  for (const auto& text : options.offsets)
    if (!read_offsets(text, selection))
      return std::unexpected("--offset '" + text +
                             "' is not PARTITION:OFFSET or PARTITION:FIRST-LAST");
  auto& filter = selection.filter;
  filter.sources = options.sources;
  filter.groups = options.groups;
  filter.reasons = options.reasons;
  filter.key = options.key;
  if (auto bad = read_time(options.since, "--since", now_ms, filter.since_ms))
    return std::unexpected(*bad);
  if (auto bad = read_time(options.until, "--until", now_ms, filter.until_ms))
    return std::unexpected(*bad);
  if (auto bad = read_pairs(options.headers, "--header", filter.headers))
    return std::unexpected(*bad);
  if (auto bad = read_pairs(options.fields, "--field", filter.fields)) return std::unexpected(*bad);
  if (const auto good = filter.check(); !good)
    return std::unexpected("--field " + good.error().context);
  return selection;
}

void add_dlq_list_options(CLI::App& command, DlqListOptions& options) {
  command.add_option("TOPIC", options.topics,
                     "Dead-letter topics (default: those with "
                     "errors.deadletterqueue.group.enable=true)");
  command.footer("Examples:\n  sluice dlq list\n  sluice dlq list dlq.orders --json");
}

void add_dlq_show_options(CLI::App& command, DlqShowOptions& options) {
  command.add_option("TOPIC", options.selection.topic, "Dead-letter topic")->required();
  add_selection(command, options.selection);
  command.add_flag("--redriven", options.selection.again, "What was redriven, too");
  command.add_option("-n,--count", options.count, "Stop after so many records")
      ->check(CLI::NonNegativeNumber);
  command.footer(
      "Examples:\n"
      "  sluice dlq show dlq.orders --reason rejected -n 5\n"
      "  sluice dlq show dlq.orders --field order.id=42 --json");
}

void add_dlq_redrive_options(CLI::App& command, DlqRedriveOptions& options) {
  command.add_option("TOPIC", options.selection.topic, "Dead-letter topic");
  add_selection(command, options.selection);
  command.add_flag("--all", options.all, "Every record");
  command.add_flag("--again", options.selection.again, "What was redriven before, too");
  command.add_option("--to", options.to, "Topic to send to (default: each record's source)")
      ->type_name("TOPIC");
  command.add_option("--rate", options.rate, "At most so many records a second, e.g. 100/s");
  command
      .add_option("--max-redrives", options.redrive.max_redrives,
                  "Leave records that were redriven so often")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command.add_flag("-n,--dry-run", options.redrive.dry_run, "Only count");
  command.add_option("--resume", options.resume, "Go on with this redrive, which was interrupted");
  command.add_option("--abandon", options.abandon, "End this redrive where it is");
  command.footer(
      "Examples:\n"
      "  sluice dlq redrive dlq.orders --offset 0:17 --offset 2:100-200\n"
      "  sluice dlq redrive dlq.orders --reason lock-timeout --since -2h --dry-run\n"
      "  sluice dlq redrive dlq.orders --all --rate 500/s --to orders-fixed");
}

void add_dlq_purge_options(CLI::App& command, DlqPurgeOptions& options) {
  command.add_option("TOPIC", options.topic, "Dead-letter topic")->required();
  command.add_option("--before", options.before,
                     "PARTITION:OFFSET: what lies before it; may repeat");
  command.add_option("--until", options.until,
                     "What last failed before this time, up to the first that did not");
  command.add_flag("--all", options.all, "Every record");
  command.add_flag("-n,--dry-run", options.dry_run, "Only count");
  add_confirmation(command, options.confirmation);
  command.footer(
      "Examples:\n"
      "  sluice dlq purge dlq.orders --until -7d --dry-run\n"
      "  sluice dlq purge dlq.orders --before 0:1000 --confirm=dlq.orders");
}

}  // namespace sluice::cli
