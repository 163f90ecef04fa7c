#include "tools/sluice/commands.hpp"
#include "tools/sluice/families.hpp"

namespace sluice::cli {

void add_groups(CLI::App& app, CommandLine& line) {
  CLI::App& groups =
      CommandLine::family(app, "groups", "List, describe and delete consumer groups");
  line.command(groups, "list", "All groups", groups_list);
  const auto describe = line.command<GroupsDescribeOptions>(
      groups, "describe", "Members, offsets and lag of groups", groups_describe);
  describe->add_option("GROUP", describe.options.ids, "Groups to describe")->required();
  const auto remove = line.command<GroupsDeleteOptions>(
      groups, "delete", "Delete groups with their offsets", groups_delete);
  remove->add_option("GROUP", remove.options.ids, "Groups to delete")->required();
  add_confirmation(remove.app, remove.options.confirmation);
}

}  // namespace sluice::cli
