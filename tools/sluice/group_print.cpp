// What `sluice groups describe` prints.
#include "tools/sluice/group_details.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace sluice::cli {
namespace {

void print_members(JsonWriter& json, const std::vector<GroupMemberDescription>& members) {
  json.key("members").begin_array();
  for (const auto& member : members) {
    json.begin_object();
    json.field("member_id", member.member_id).field("instance_id", member.instance_id);
    json.field("client_id", member.client_id).field("host", member.host);
    json.field("partitions", member.assignment.size());
    json.key("assignment").begin_array();
    for (const auto& where : member.assignment)
      json.begin_object()
          .field("topic", where.topic)
          .field("partition", where.partition)
          .end_object();
    json.end_array();
    json.end_object();
  }
  json.end_array();
}

void print_rows(JsonWriter& json, const std::vector<GroupRow>& rows) {
  json.key("partitions").begin_array();
  for (const auto& row : rows) {
    json.begin_object();
    json.field("topic", row.where.topic).field("partition", row.where.partition);
    json.field("committed", row.committed).field("end", row.end).field("lag", row.lag());
    json.field("lag_seconds", row.lag_seconds).field("member_id", row.member_id);
    json.end_object();
  }
  json.end_array();
}

std::string seconds_text(const std::optional<double>& seconds) {
  if (!seconds) return "-";
  const auto whole = static_cast<std::int64_t>(std::llround(*seconds));
  char text[48];
  if (whole < 60)
    std::snprintf(text, sizeof text, "%.1f s", *seconds);
  else if (whole < 3600)
    std::snprintf(text, sizeof text, "%d m %02d s", static_cast<int>(whole / 60),
                  static_cast<int>(whole % 60));
  else if (whole < 86'400)
    std::snprintf(text, sizeof text, "%d h %02d m", static_cast<int>(whole / 3600),
                  static_cast<int>(whole / 60 % 60));
  else
    std::snprintf(text, sizeof text, "%lld d %02d h", static_cast<long long>(whole / 86'400),
                  static_cast<int>(whole / 3600 % 24));
  return text;
}

std::string commas(std::int64_t number) { return with_commas(static_cast<std::uint64_t>(number)); }

std::string rate_text(double per_second) {
  char text[48];
  std::snprintf(text, sizeof text, "%.1f/s", per_second);
  return text;
}

std::string summary(const GroupDetails& group, const std::optional<GroupTrend>& moved) {
  const auto& d = group.description;
  const auto total = group.total();
  std::string text = "group        " + printable(d.id, Lines::escape) + "\nstate        " + d.state;
  if (!d.protocol.empty()) text += "\nassignor     " + d.protocol;
  text += "\nmembers      " + std::to_string(d.members.size());
  text += "\ncoordinator  " + std::to_string(d.coordinator);
  text += "\nlag          " + commas(total.records);
  if (total.records > 0) text += " records, " + seconds_text(total.seconds);
  if (total.without_offset > 0)
    text += "; " + std::to_string(total.without_offset) +
            (total.without_offset == 1 ? " partition has" : " partitions have") +
            " records and no offset";
  if (moved) {
    text += "\ntrend        " + std::string(moved->direction()) + ": " +
            rate_text(moved->consumed_per_second) + " consumed, " +
            rate_text(moved->produced_per_second) + " produced";
    text += "\ncaught up    " +
            (moved->eta_seconds ? "in " + seconds_text(moved->eta_seconds) : "not at these rates");
  }
  return text + "\n";
}

std::string topics_table(const std::map<std::string, LagTotal>& topics, Style style) {
  Table table(
      {{"TOPIC"}, {"PARTITIONS", Align::right}, {"LAG", Align::right}, {"BEHIND", Align::right}});
  for (const auto& [topic, total] : topics)
    table.add({topic, std::to_string(total.partitions), commas(total.records),
               seconds_text(total.seconds)});
  return table.to_string(style);
}

std::string rows_table(const std::vector<GroupRow>& rows, Style style) {
  const auto number = [](const std::optional<std::int64_t>& value) {
    return value ? std::to_string(*value) : std::string("-");
  };
  Table table({{"TOPIC"},
               {"PARTITION", Align::right},
               {"COMMITTED", Align::right},
               {"END", Align::right},
               {"LAG", Align::right},
               {"BEHIND", Align::right},
               {"MEMBER"},
               {"HOST"}});
  for (const auto& row : rows)
    table.add({row.where.topic, std::to_string(row.where.partition), number(row.committed),
               number(row.end), number(row.lag()), seconds_text(row.lag_seconds),
               row.member_id.value_or("-"), row.host.empty() ? "-" : row.host});
  return table.to_string(style);
}

std::string members_table(const std::vector<GroupMemberDescription>& members, Style style) {
  Table table({{"MEMBER"}, {"CLIENT"}, {"HOST"}, {"HOLDS"}});
  for (const auto& member : members)
    table.add({member.instance_id.value_or(member.member_id), member.client_id, member.host,
               member.assignment.empty() ? "-" : short_assignment(member.assignment)});
  return table.to_string(style);
}

}  // namespace

std::string short_assignment(std::vector<TopicPartition> partitions) {
  std::sort(partitions.begin(), partitions.end());
  std::string text;
  for (std::size_t i = 0; i < partitions.size();) {
    const auto& first = partitions[i];
    const bool same_topic = i > 0 && partitions[i - 1].topic == first.topic;
    text += same_topic ? "," : (i > 0 ? " " : "") + first.topic + ":";
    std::size_t next = i + 1;
    while (next < partitions.size() && partitions[next].topic == first.topic &&
           partitions[next].partition == partitions[next - 1].partition + 1)
      ++next;
    text += std::to_string(first.partition);
    if (next - i > 1) text += "-" + std::to_string(partitions[next - 1].partition);
    i = next;
  }
  return text;
}

void append_json(std::string& out, const GroupDetails& group,
                 const std::optional<GroupTrend>& moved) {
  const auto& d = group.description;
  const auto total = group.total();
  JsonWriter json(out);
  json.begin_object();
  json.field("group", d.id).field("state", d.state).field("type", d.type);
  json.field("protocol_type", d.protocol_type).field("assignor", d.protocol);
  json.field("coordinator", d.coordinator).field("total_lag", total.records);
  json.field("lag_seconds", total.seconds).field("time_ms", group.taken_ms);
  json.key("trend");
  if (moved) {
    json.begin_object().field("direction", moved->direction());
    json.field("consumed_per_second", moved->consumed_per_second);
    json.field("produced_per_second", moved->produced_per_second);
    json.field("eta_seconds", moved->eta_seconds).end_object();
  } else {
    json.value(std::optional<double>{});
  }
  json.key("topics").begin_array();
  for (const auto& [topic, sum] : group.by_topic()) {
    json.begin_object().field("topic", topic).field("partitions", sum.partitions);
    json.field("lag", sum.records).field("lag_seconds", sum.seconds).end_object();
  }
  json.end_array();
  print_members(json, d.members);
  print_rows(json, group.rows);
  json.end_object();
}

std::string group_text(const GroupDetails& group, const std::optional<GroupTrend>& moved,
                       Style style) {
  std::string text = summary(group, moved);
  if (const auto topics = group.by_topic(); topics.size() > 1)
    text += "\n" + topics_table(topics, style);
  if (!group.rows.empty()) text += "\n" + rows_table(group.rows, style);
  if (!group.description.members.empty())
    text += "\n" + members_table(group.description.members, style);
  return text;
}

}  // namespace sluice::cli
