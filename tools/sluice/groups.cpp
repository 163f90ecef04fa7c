#include "sluice/admin.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/group_details.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/outcome.hpp"
#include "tools/sluice/text.hpp"

#include <map>
#include <optional>
#include <poll.h>

namespace sluice::cli {
namespace {

// Ends early when the program is to end.
void wait_seconds(double seconds) {
  ::poll(nullptr, 0, static_cast<int>(whole_units(seconds * 1000, pause_ms_max)));
}

Result<std::vector<std::string>> ids_of(Admin& admin, const GroupsDescribeOptions& options) {
  if (!options.ids.empty()) return options.ids;
  const auto groups = admin.groups();
  if (!groups) return std::unexpected(groups.error());
  std::vector<std::string> ids;
  for (const auto& group : *groups)
    if (group.type != "share") ids.push_back(group.id);
  return ids;
}

// One look at all groups; `before` holds the last one and takes this one.
Exit look(Admin& admin, const Global& global, const std::vector<std::string>& ids,
          std::map<std::string, GroupDetails>& before, std::string& out) {
  std::vector<std::string> pieces;
  for (const auto& id : ids) {
    auto details = group_details(admin, global, id, LagSeconds::find);
    if (!details && exit_for(details.error()) == Exit::not_found) return no_such_group(admin, id);
    if (!details) return complain(global, details.error());
    const auto last = before.find(id);
    const auto moved = last == before.end() ? std::nullopt : trend(last->second, *details);
    auto& piece = pieces.emplace_back();
    if (global.json)
      append_json(piece, *details, moved);
    else
      piece = group_text(*details, moved, style_for(1));
    before.insert_or_assign(id, std::move(*details));
  }
  for (std::size_t i = 0; i < pieces.size(); ++i)
    out += (i == 0 ? "" : global.json ? "," : "\n") + pieces[i];
  if (global.json) out = "[" + out + "]\n";
  return Exit::ok;
}

}  // namespace

Exit groups_list(const Global& global) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  const auto groups = admin->groups();
  if (!groups) return complain(global, groups.error());
  Output out;
  if (global.json) {
    JsonWriter json(out.buffer());
    json.begin_array();
    for (const auto& group : *groups) {
      json.begin_object();
      json.field("group", group.id).field("state", group.state).field("type", group.type);
      json.field("protocol_type", group.protocol_type);
      json.end_object();
    }
    json.end_array();
    out.write("\n");
    return Exit::ok;
  }
  if (groups->empty()) {
    say(global,
        "no groups; one appears when somebody reads with it: sluice consume TOPIC -g GROUP");
    return Exit::ok;
  }
  Table table({{"GROUP"}, {"STATE"}, {"TYPE"}});
  for (const auto& group : *groups)
    table.add(
        {group.id, group.state.empty() ? "-" : group.state, group.type.empty() ? "-" : group.type});
  out.write(table.to_string(style_for(1)));
  return Exit::ok;
}

Exit groups_describe(const Global& global, const GroupsDescribeOptions& options) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  const auto ids = ids_of(*admin, options);
  if (!ids) return complain(global, ids.error());
  std::map<std::string, GroupDetails> before;
  std::string first;  // with --trend only its numbers count
  if (options.watch > 0) catch_interrupts();
  if (options.trend > 0 && options.watch <= 0) {
    if (const Exit seen = look(*admin, global, *ids, before, first); seen != Exit::ok) return seen;
    wait_seconds(options.trend);
  }
  Output out;
  while (!interrupted() && !out.broken()) {
    std::string text;
    const Exit seen = look(*admin, global, *ids, before, text);
    if (seen != Exit::ok) return seen;
    if (options.watch > 0 && !global.json && style_for(1) == Style::colour)
      text = "\x1b[H\x1b[2J" + text;
    out.write(text);
    if (options.watch <= 0) break;
    if (!global.json && style_for(1) == Style::plain) out.write("\n");
    out.flush();
    wait_seconds(options.watch);
  }
  return Exit::ok;
}

namespace {

Exit delete_all(const Global& global, const GroupsDeleteOptions& options, Admin& admin,
                Outcome& outcome) {
  for (const auto& id : options.ids) {
    const Exit confirmed =
        confirm(global, "deleting group '" + id + "' with its offsets", id, options.confirmation);
    if (confirmed != Exit::ok) return confirmed;
  }
  for (const auto& id : options.ids) {
    const auto deleted = admin.delete_group(id);
    if (!deleted && exit_for(deleted.error()) == Exit::not_found) return no_such_group(admin, id);
    if (!deleted) return complain(global, deleted.error());
    outcome.add(id, "deleted", "deleted group '" + id + "'");
  }
  return Exit::ok;
}

}  // namespace

Exit groups_delete(const Global& global, const GroupsDeleteOptions& options) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  Outcome outcome(global, "group");
  return outcome.end(delete_all(global, options, *admin, outcome));
}

}  // namespace sluice::cli
