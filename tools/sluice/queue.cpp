#include "tools/sluice/queue.hpp"

#include "sluice/error.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>

namespace sluice::cli {
namespace {

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  return ec == std::errc{} && end == text.data() + text.size() && number >= 0;
}

Exit complain_about(const Global& global, const std::string& group, const Error& error) {
  if (error.is(Errc::unsupported))
    return complain(Exit::failed, "the broker is no sluiced that can tell of queues");
  if (exit_for(error) == Exit::not_found && error.is(ErrorCode::group_id_not_found))
    return complain(Exit::not_found, "no share group '" + group + "'");
  return complain(global, error);
}

std::string time_or_dash(std::int64_t ms) { return ms < 0 ? "-" : iso_time(ms); }

std::string offsets_text(const QueueRange& range) {
  const auto first = std::to_string(range.first);
  return range.first == range.last ? first : first + "-" + std::to_string(range.last);
}

std::optional<std::int64_t> known(std::int64_t value) {
  return value < 0 ? std::nullopt : std::optional(value);
}

}  // namespace

std::optional<QueueChange> parse_queue_records(std::string_view text) {
  const auto second = text.rfind(':');
  if (second == std::string_view::npos || second == 0) return std::nullopt;
  const auto first = text.rfind(':', second - 1);
  if (first == std::string_view::npos || first == 0) return std::nullopt;
  QueueChange change;
  change.where.topic = text.substr(0, first);
  const auto offsets = text.substr(second + 1);
  const auto dash = std::min(offsets.find('-'), offsets.size());
  if (!read_number(text.substr(first + 1, second - first - 1), change.where.partition) ||
      !read_number(offsets.substr(0, dash), change.first))
    return std::nullopt;
  change.last = change.first;
  if (dash < offsets.size() && !read_number(offsets.substr(dash + 1), change.last))
    return std::nullopt;
  if (change.last < change.first) return std::nullopt;
  return change;
}

std::string queue_text(const std::vector<QueuePartition>& partitions, Style style) {
  Table table({{"TOPIC"},
               {"PARTITION", Align::right},
               {"OFFSETS", Align::right},
               {"STATE"},
               {"ATTEMPTS", Align::right},
               {"UNTIL"},
               {"MEMBER"},
               {"REASON"}});
  Table totals({{"TOPIC"},
                {"PARTITION", Align::right},
                {"FINISHED TO", Align::right},
                {"OFFERED TO", Align::right},
                {"END", Align::right},
                {"IN FLIGHT", Align::right},
                {"WAITING", Align::right},
                {"DEAD-LETTERING", Align::right}});
  for (const auto& partition : partitions) {
    const auto& topic = partition.where.topic;
    const auto number = std::to_string(partition.where.partition);
    totals.add({topic, number, std::to_string(partition.start), std::to_string(partition.end),
                std::to_string(partition.high_watermark),
                with_commas(static_cast<std::uint64_t>(partition.acquired + partition.settling)),
                with_commas(static_cast<std::uint64_t>(partition.waiting)),
                with_commas(static_cast<std::uint64_t>(partition.dead_lettering))});
    for (const auto& range : partition.ranges)
      table.add({topic, number, offsets_text(range), range.state,
                 std::to_string(range.delivery_count), time_or_dash(range.until_ms),
                 range.member_id.value_or("-"), range.reason.value_or("-")});
  }
  std::string text = totals.to_string(style);
  if (!table.empty()) text += "\n" + table.to_string(style);
  return text;
}

std::string queue_json(const std::string& group, const std::vector<QueuePartition>& partitions) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("group", group).key("partitions").begin_array();
  for (const auto& partition : partitions) {
    json.begin_object().field("topic", partition.where.topic);
    json.field("partition", partition.where.partition).field("start_offset", partition.start);
    json.field("end_offset", partition.end).field("high_watermark", partition.high_watermark);
    json.field("acquired", partition.acquired).field("waiting", partition.waiting);
    json.field("settling", partition.settling);
    json.field("dead_lettering", partition.dead_lettering);
    json.field("finished", partition.finished).field("more_ranges", partition.more_ranges);
    json.key("ranges").begin_array();
    for (const auto& range : partition.ranges) {
      json.begin_object().field("first_offset", range.first).field("last_offset", range.last);
      json.field("state", range.state).field("delivery_count", range.delivery_count);
      json.field("member_id", range.member_id).field("until_ms", known(range.until_ms));
      json.field("first_failure_ms", known(range.first_failure_ms));
      json.field("last_failure_ms", known(range.last_failure_ms));
      json.field("reason", range.reason).end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
  return out + "\n";
}

Exit queue_list(const Global& global) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  auto groups = admin->groups();
  if (!groups) return complain(global, groups.error());
  std::erase_if(*groups, [](const GroupListing& group) { return group.type != "share"; });
  Output out;
  if (global.json) {
    JsonWriter json(out.buffer());
    json.begin_array();
    for (const auto& group : *groups)
      json.begin_object().field("group", group.id).field("state", group.state).end_object();
    json.end_array();
    out.write("\n");
    return Exit::ok;
  }
  if (groups->empty()) {
    say(global, "no share groups; one appears when a share consumer joins it");
    return Exit::ok;
  }
  Table table({{"GROUP"}, {"STATE"}});
  for (const auto& group : *groups) table.add({group.id, group.state.empty() ? "-" : group.state});
  out.write(table.to_string(style_for(1)));
  return Exit::ok;
}

Exit queue_show(const Global& global, const QueueShowOptions& options) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  auto partitions = admin->describe_queue(options.group, options.topics, options.ranges_max);
  if (!partitions) return complain_about(global, options.group, partitions.error());
  bool more = false;
  for (auto& partition : *partitions) {
    if (partition.error != ErrorCode::none)
      return complain(global, {make_error_code(partition.error), partition.where.to_string()});
    more = more || partition.more_ranges;
    if (!options.all)
      std::erase_if(partition.ranges,
                    [](const QueueRange& range) { return range.state == "finished"; });
  }
  Output out;
  out.write(global.json ? queue_json(options.group, *partitions)
                        : queue_text(*partitions, style_for(1)));
  out.flush();
  if (more) say(global, "there is more; --ranges N shows more of it");
  return Exit::ok;
}

Exit queue_change(const Global& global, QueueChange::Action action,
                  const QueueChangeOptions& options) {
  std::vector<QueueChange> changes;
  for (const auto& text : options.records) {
    auto change = parse_queue_records(text);
    if (!change)
      return complain(Exit::usage, "'" + text +
                                       "' is not TOPIC:PARTITION:OFFSET or "
                                       "TOPIC:PARTITION:FIRST-LAST");
    change->action = action;
    change->reason = options.reason;
    changes.push_back(std::move(*change));
  }
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  std::int64_t changed = 0;
  for (const auto& change : changes) {
    const auto done = admin->alter_queue(options.group, change);
    if (!done) return complain_about(global, options.group, done.error());
    changed += *done;
  }
  if (global.json) {
    Output out;
    JsonWriter json(out.buffer());
    json.begin_object().field("group", options.group).field("changed", changed).end_object();
    out.write("\n");
  } else if (changed > 0) {
    const bool released = action == QueueChange::Action::release;
    say(global,
        (released ? "released " : "rejected ") + records_text(static_cast<std::uint64_t>(changed)));
  }
  if (changed > 0) return Exit::ok;
  return complain(Exit::not_found,
                  "nothing to change there: no such record, or it is finished or as it should be");
}

void add_queue_show_options(CLI::App& command, QueueShowOptions& options) {
  command.add_option("GROUP", options.group, "Share group")->required();
  command.add_option("-t,--topic", options.topics, "Only these topics; may repeat")
      ->type_name("TOPIC");
  command.add_option("--ranges", options.ranges_max, "Show at most so many ranges of offsets")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command.add_flag("-a,--all", options.all, "Finished ones too");
  command.footer(
      "Examples:\n  sluice queue show workers\n  sluice queue show workers -t jobs --json");
}

void add_queue_change_options(CLI::App& command, QueueChangeOptions& options) {
  command.add_option("GROUP", options.group, "Share group")->required();
  command
      .add_option("RECORDS", options.records,
                  "TOPIC:PARTITION:OFFSET or TOPIC:PARTITION:FIRST-LAST")
      ->required();
  command.footer("Examples:\n  sluice queue " + command.get_name() +
                 " workers jobs:0:17 jobs:2:100-200");
}

void add_queue_reject_options(CLI::App& command, QueueChangeOptions& options) {
  add_queue_change_options(command, options);
  command.add_option("--reason", options.reason, "Why, for the dead letter");
}

}  // namespace sluice::cli
