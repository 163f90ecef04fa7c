#include "tools/sluice/schedule.hpp"

#include "broker/queue/schedule_records.hpp"
#include "sluice/error.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/text.hpp"
#include "tools/sluice/topic_names.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace sluice::cli {
namespace {

constexpr std::int32_t page_size = 1000;

Exit complain_about(const Global& global, const std::string& topic, const Error& error) {
  if (error.is(Errc::unsupported))
    return complain(Exit::failed, "the broker is no sluiced that can tell of schedules");
  if (error.is(ErrorCode::unknown_topic_or_partition)) return no_such_topic(global, topic);
  return complain(global, error);
}

ScheduleFilter filter_of(const std::string& topic, const std::optional<std::string>& key) {
  ScheduleFilter filter{.topic = topic, .key = {}};
  if (key) filter.key = unescape(*key);
  return filter;
}

std::string key_text(const std::optional<std::string>& key) {
  if (!key) return "-";
  return is_utf8(*key) ? *key : "base64:" + base64_encode(*key);
}

std::string size_text(std::int64_t size) { return size < 0 ? "null" : std::to_string(size); }

std::string topic_text(const Schedule& schedule) {
  return schedule.where.topic.empty() ? "(deleted)" : schedule.where.topic;
}

}  // namespace

std::string schedules_text(const std::vector<Schedule>& schedules, Style style) {
  Table table({{"ID"},
               {"TOPIC"},
               {"PARTITION", Align::right},
               {"DELIVERED AT"},
               {"KEY"},
               {"BYTES", Align::right}});
  for (const Schedule& schedule : schedules)
    table.add({schedule.id, topic_text(schedule), std::to_string(schedule.where.partition),
               iso_time(schedule.deliver_at_ms), key_text(schedule.key),
               size_text(schedule.value_size)});
  return table.to_string(style);
}

std::string schedules_json(const std::vector<Schedule>& schedules, std::int64_t pending,
                           bool more) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("pending", pending).field("more", more);
  json.key("schedules").begin_array();
  for (const Schedule& schedule : schedules) {
    json.begin_object().field("id", schedule.id).field("topic", schedule.where.topic);
    json.field("partition", schedule.where.partition);
    json.field("deliver_at_ms", schedule.deliver_at_ms);
    if (schedule.key && !is_utf8(*schedule.key))
      json.field("key_base64", base64_encode(*schedule.key));
    else
      json.field("key", schedule.key);
    json.field("value_size",
               schedule.value_size < 0 ? std::nullopt : std::optional(schedule.value_size));
    json.end_object();
  }
  json.end_array().end_object();
  return out + "\n";
}

Exit schedule_list(const Global& global, const ScheduleListOptions& options) {
  if (options.key && options.topic.empty()) return complain(Exit::usage, "--key needs its --topic");
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  const ScheduleFilter filter = filter_of(options.topic, options.key);
  std::vector<Schedule> found;
  std::optional<std::string> cursor;
  std::int64_t pending = 0;
  do {
    const auto wanted = options.limit - static_cast<std::int64_t>(found.size());
    const auto page = admin->schedules(
        filter, static_cast<std::int32_t>(std::min<std::int64_t>(wanted, page_size)), cursor);
    if (!page) return complain_about(global, options.topic, page.error());
    found.insert(found.end(), page->schedules.begin(), page->schedules.end());
    pending = page->pending;
    cursor = page->next;
  } while (cursor && static_cast<std::int64_t>(found.size()) < options.limit);
  Output out;
  if (global.json) {
    out.write(schedules_json(found, pending, cursor.has_value()));
    return Exit::ok;
  }
  if (!found.empty()) out.write(schedules_text(found, style_for(1)));
  out.flush();
  say(global, with_commas(static_cast<std::uint64_t>(pending)) + " records wait in all" +
                  (cursor ? "; --limit N shows more of them" : ""));
  return Exit::ok;
}

Exit schedule_cancel(const Global& global, const ScheduleCancelOptions& options) {
  const bool by_topic = !options.topic.empty();
  if (by_topic != options.ids.empty() || by_topic != (options.all || options.key.has_value()) ||
      (options.all && options.key))
    return complain(Exit::usage, "give ids, or --topic with --key or --all");
  for (const auto& id : options.ids)
    if (!broker::parse_schedule_id(id))
      return complain(Exit::usage, "'" + id + "' is no id as 'sluice schedule list' shows them");
  if (options.all) {
    const Exit confirmed =
        confirm(global, "cancelling all schedules of topic '" + options.topic + "'", options.topic,
                options.confirmation);
    if (confirmed != Exit::ok) return confirmed;
  }
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  const auto cancelled = by_topic ? admin->cancel_schedules(filter_of(options.topic, options.key))
                                  : admin->cancel_schedules(options.ids);
  if (!cancelled) return complain_about(global, options.topic, cancelled.error());
  if (global.json) {
    Output out;
    JsonWriter json(out.buffer());
    json.begin_object().field("cancelled", *cancelled).end_object();
    out.write("\n");
  } else if (*cancelled > 0) {
    say(global, "cancelled " + records_text(static_cast<std::uint64_t>(*cancelled)));
  }
  if (*cancelled > 0) return Exit::ok;
  return complain(Exit::not_found, "nothing to cancel: no such record waits");
}

void add_schedule_list_options(CLI::App& command, ScheduleListOptions& options) {
  command.add_option("-t,--topic", options.topic, "Only those of this topic")->type_name("TOPIC");
  command.add_option("-k,--key", options.key, "Only those of this key (\\xHH for other bytes)");
  command.add_option("-n,--limit", options.limit, "Show at most so many")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  command.footer("Examples:\n  sluice schedule list --topic reminders --key 42");
}

void add_schedule_cancel_options(CLI::App& command, ScheduleCancelOptions& options) {
  command.add_option("ID", options.ids, "Ids as `sluice schedule list` shows them");
  command.add_option("-t,--topic", options.topic, "Those of this topic, with --key or --all")
      ->type_name("TOPIC");
  command.add_option("-k,--key", options.key, "Those of this key (\\xHH for other bytes)");
  command.add_flag("--all", options.all, "All of the topic");
  add_confirmation(command, options.confirmation);
  command.footer(
      "Examples:\n"
      "  sluice schedule cancel 0-17\n"
      "  sluice schedule cancel --topic reminders --key 42 --yes");
}

}  // namespace sluice::cli
