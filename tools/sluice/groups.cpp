#include "sluice/admin.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/text.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace sluice::cli {
namespace {

// One partition that a group has an offset for, or that one of its members holds.
struct GroupRow {
  TopicPartition where;
  std::optional<Offset> committed;
  std::optional<Offset> end;
  const GroupMemberDescription* member = nullptr;

  std::optional<std::int64_t> lag() const {
    if (!committed || !end) return std::nullopt;
    return std::max<std::int64_t>(0, *end - *committed);
  }
};

struct GroupDetails {
  GroupDescription description;
  std::vector<GroupRow> rows;

  std::int64_t total_lag() const {
    std::int64_t total = 0;
    for (const auto& row : rows) total += row.lag().value_or(0);
    return total;
  }
};

// End offsets; partitions of topics that are gone are left out.
std::map<TopicPartition, TimestampOffset> ends_of(Admin& admin, const std::vector<GroupRow>& rows) {
  std::map<std::string, std::map<TopicPartition, std::int64_t>> by_topic;
  for (const auto& row : rows)
    by_topic[row.where.topic][row.where] = static_cast<std::int64_t>(OffsetSpec::latest);
  std::map<TopicPartition, TimestampOffset> ends;
  for (const auto& [topic, wanted] : by_topic)
    if (auto found = admin.offsets(wanted)) ends.merge(*found);
  return ends;
}

Result<GroupDetails> details_of(Admin& admin, const std::string& id) {
  auto description = admin.describe_group(id);
  if (!description) return std::unexpected(description.error());
  GroupDetails details{.description = std::move(*description)};
  auto offsets = admin.group_offsets(id);
  if (!offsets) return std::unexpected(offsets.error());
  std::map<TopicPartition, GroupRow> rows;
  for (const auto& [where, committed] : *offsets) rows[where].committed = committed.offset;
  for (const auto& member : details.description.members)
    for (const auto& where : member.assignment) rows[where].member = &member;
  for (auto& [where, row] : rows) {
    row.where = where;
    details.rows.push_back(row);
  }
  const auto ends = ends_of(admin, details.rows);
  for (auto& row : details.rows)
    if (const auto end = ends.find(row.where); end != ends.end()) row.end = end->second.offset;
  return details;
}

void print_json(JsonWriter& json, const GroupDetails& group) {
  const auto& d = group.description;
  json.begin_object();
  json.field("group", d.id).field("state", d.state).field("type", d.type);
  json.field("protocol_type", d.protocol_type).field("assignor", d.protocol);
  json.field("coordinator", d.coordinator).field("total_lag", group.total_lag());
  json.key("members").begin_array();
  for (const auto& member : d.members) {
    json.begin_object();
    json.field("member_id", member.member_id).field("instance_id", member.instance_id);
    json.field("client_id", member.client_id).field("host", member.host);
    json.field("partitions", member.assignment.size());
    json.end_object();
  }
  json.end_array();
  json.key("partitions").begin_array();
  for (const auto& row : group.rows) {
    json.begin_object();
    json.field("topic", row.where.topic).field("partition", row.where.partition);
    json.field("committed", row.committed).field("end", row.end).field("lag", row.lag());
    json.field("member_id", row.member ? std::optional(row.member->member_id) : std::nullopt);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

void print_text(Output& out, const GroupDetails& group) {
  const auto& d = group.description;
  const auto number = [](const std::optional<std::int64_t>& value) {
    return value ? std::to_string(*value) : std::string("-");
  };
  std::string text = "group        " + d.id + "\nstate        " + d.state;
  if (!d.protocol.empty()) text += "\nassignor     " + d.protocol;
  text += "\nmembers      " + std::to_string(d.members.size());
  text += "\ncoordinator  " + std::to_string(d.coordinator);
  text += "\nlag          " + with_commas(static_cast<std::uint64_t>(group.total_lag())) + "\n";
  out.write(text);
  if (group.rows.empty()) return;
  Table table({{"TOPIC"},
               {"PARTITION", Align::right},
               {"COMMITTED", Align::right},
               {"END", Align::right},
               {"LAG", Align::right},
               {"MEMBER"},
               {"HOST"}});
  for (const auto& row : group.rows)
    table.add({row.where.topic, std::to_string(row.where.partition), number(row.committed),
               number(row.end), number(row.lag()), row.member ? row.member->member_id : "-",
               row.member ? row.member->host : "-"});
  out.write("\n" + table.to_string(style_for(1)));
}

Exit no_such_group(Admin& admin, const std::string& id) {
  std::string text = "no group '" + id + "'";
  std::vector<std::string> ids;
  if (const auto groups = admin.groups())
    for (const auto& group : *groups) ids.push_back(group.id);
  if (const auto near = suggestion(id, ids); !near.empty()) text += "; " + near;
  return complain(Exit::not_found, text);
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
  Output out;
  JsonWriter json(out.buffer());
  if (global.json) json.begin_array();
  bool first = true;
  for (const auto& id : options.ids) {
    const auto details = details_of(*admin, id);
    if (!details && exit_for(details.error()) == Exit::not_found) return no_such_group(*admin, id);
    if (!details) return complain(global, details.error());
    if (details->description.state == "Dead" && details->rows.empty())
      return no_such_group(*admin, id);
    if (global.json) {
      print_json(json, *details);
    } else {
      if (!first) out.write("\n");
      print_text(out, *details);
    }
    first = false;
  }
  if (global.json) {
    json.end_array();
    out.write("\n");
  }
  return Exit::ok;
}

Exit groups_delete(const Global& global, const GroupsDeleteOptions& options) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  for (const auto& id : options.ids) {
    const Exit confirmed =
        confirm(global, "deleting group '" + id + "' with its offsets", id, options.confirmation);
    if (confirmed != Exit::ok) return confirmed;
    const auto deleted = admin->delete_group(id);
    if (!deleted && exit_for(deleted.error()) == Exit::not_found) return no_such_group(*admin, id);
    if (!deleted) return complain(global, deleted.error());
    say(global, "deleted group '" + id + "'");
  }
  return Exit::ok;
}

}  // namespace sluice::cli
