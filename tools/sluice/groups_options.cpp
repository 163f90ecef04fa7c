#include "tools/sluice/commands.hpp"
#include "tools/sluice/families.hpp"
#include "tools/sluice/group_reset.hpp"

namespace sluice::cli {
namespace {

void add_describe(CLI::App& groups, CommandLine& line) {
  const auto describe = line.command<GroupsDescribeOptions>(
      groups, "describe", "Members, offsets, lag in records and in seconds", groups_describe);
  auto& o = describe.options;
  describe->add_option("GROUP", o.ids, "Groups to describe (default: all)");
  describe
      ->add_option("--trend", o.trend,
                   "Look twice, so many SECONDS apart: rates, and when it is caught up")
      ->check(CLI::PositiveNumber);
  describe->add_option("-w,--watch", o.watch, "Look again every so many SECONDS, until Ctrl-C")
      ->check(CLI::PositiveNumber);
  describe->footer(
      "Examples:\n"
      "  sluice groups describe billing\n"
      "  sluice groups describe billing --trend 5\n"
      "  sluice groups describe billing --watch 2 --json\n"
      "The lag in seconds is the age of the oldest record that was not consumed.");
}

void add_reset(CLI::App& groups, CommandLine& line) {
  const auto reset = line.command<GroupsResetOptions>(
      groups, "reset", "Other offsets for a group; shows them, and with --execute sets them",
      groups_reset);
  auto& o = reset.options;
  reset->add_option("GROUP", o.group, "Group without members; it need not exist yet")->required();
  reset->add_option("-t,--topic", o.topics, "TOPIC or TOPIC:0,2-4; may repeat")->type_name("TOPIC");
  reset->add_flag("--all-topics", o.all_topics, "All that the group has offsets for");
  reset->add_flag("--to-earliest", o.to_earliest, "To the first record");
  reset->add_flag("--to-latest", o.to_latest, "To the end");
  reset->add_option("--to-offset", o.to_offset, "To this offset")->check(CLI::NonNegativeNumber);
  reset->add_option("--to-time", o.to_time,
                    "To the first record of this time or later: 2026-01-31T12:30:00Z (UTC), -2h, "
                    "or ms since the epoch");
  reset->add_option("--shift", o.shift, "By so many records; negative: back");
  reset->add_option("--like", o.like, "To where this other GROUP is")->type_name("GROUP");
  auto* execute = reset->add_flag("--execute", o.execute, "Do it; without, only show it");
  reset->add_flag("-n,--dry-run", o.dry_run, "Only show it, as without --execute")
      ->excludes(execute);
  reset->footer(
      "Examples:\n"
      "  sluice groups reset billing --all-topics --to-time -2h\n"
      "  sluice groups reset billing --all-topics --to-time -2h --execute\n"
      "  sluice groups reset billing -t orders:0,2 --shift -100 --execute\n"
      "As with kafka-consumer-groups, nothing changes without --execute. An offset that does not\n"
      "exist becomes the nearest that does.");
}

}  // namespace

void add_groups(CLI::App& app, CommandLine& line) {
  CLI::App& groups =
      CommandLine::family(app, "groups", "List, describe, reset and delete consumer groups");
  line.command(groups, "list", "All groups", groups_list)
      .footer("Examples:\n  sluice groups list\nWho is behind: sluice groups describe");
  add_describe(groups, line);
  add_reset(groups, line);
  const auto remove = line.command<GroupsDeleteOptions>(
      groups, "delete", "Delete groups with their offsets", groups_delete);
  remove->add_option("GROUP", remove.options.ids, "Groups to delete")->required();
  add_confirmation(remove.app, remove.options.confirmation);
  remove->footer("Examples:\n  sluice groups delete billing --confirm=billing");
}

}  // namespace sluice::cli
