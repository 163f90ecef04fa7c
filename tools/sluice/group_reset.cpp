#include "tools/sluice/group_reset.hpp"

#include "tools/sluice/commands.hpp"
#include "tools/sluice/group_details.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/reading.hpp"
#include "tools/sluice/text.hpp"
#include "tools/sluice/topic_names.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace sluice::cli {
namespace {

using Wanted = std::map<TopicPartition, std::int64_t>;

Wanted at_all(const std::vector<ResetInput>& inputs, std::int64_t spec) {
  Wanted wanted;
  for (const auto& input : inputs) wanted[input.where] = spec;
  return wanted;
}

// The partitions that the command line names.
Result<std::vector<TopicPartition>> select(Admin& admin, const GroupsResetOptions& options,
                                           const Admin::GroupOffsets& committed) {
  std::vector<TopicPartition> chosen;
  if (options.all_topics)
    for (const auto& [where, offset] : committed) chosen.push_back(where);
  for (const auto& text : options.topics) {
    const auto selection = parse_topic_selection(text);
    if (!selection)
      return fail(Errc::invalid_argument, "'" + text + "' is not TOPIC or TOPIC:0,2-4");
    const auto topics = admin.topics({selection->topic});
    if (!topics) return std::unexpected(topics.error());
    if (topics->empty() || topics->front().error != ErrorCode::none)
      return fail(make_error_code(Errc::unknown_topic), selection->topic);
    const auto count = static_cast<std::int32_t>(topics->front().partitions.size());
    for (const auto partition : selection->partitions) {
      if (partition >= count)
        return fail(Errc::unknown_topic, no_partition_text(selection->topic, partition,
                                                           topics->front().partitions.size()));
      chosen.push_back({selection->topic, partition});
    }
    for (std::int32_t p = 0; selection->partitions.empty() && p < count; ++p)
      chosen.push_back({selection->topic, p});
  }
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

// Fills in where each partition begins and ends.
Result<> add_ranges(Admin& admin, std::vector<ResetInput>& inputs) {
  const auto first = admin.offsets(at_all(inputs, static_cast<std::int64_t>(OffsetSpec::earliest)));
  if (!first) return std::unexpected(first.error());
  const auto last = admin.offsets(at_all(inputs, static_cast<std::int64_t>(OffsetSpec::latest)));
  if (!last) return std::unexpected(last.error());
  for (auto& input : inputs) {
    input.start = first->at(input.where).offset;
    input.end = last->at(input.where).offset;
  }
  return {};
}

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

Result<> want_times(Admin& admin, const std::string& text, std::vector<ResetInput>& inputs) {
  const auto time = parse_time(text, now_ms());
  if (!time)
    return fail(Errc::invalid_argument,
                "'" + text + "' is no time: 2026-01-31, 2026-01-31T12:30:00Z, -2h, or ms");
  const auto found = admin.offsets(at_all(inputs, *time));
  if (!found) return std::unexpected(found.error());
  for (auto& input : inputs) {
    const auto offset = found->at(input.where).offset;
    input.wanted = offset < 0 ? input.end : offset;  // nothing so young: the end
  }
  return {};
}

Result<> want_like(Admin& admin, const std::string& other, std::vector<ResetInput>& inputs) {
  const auto offsets = admin.group_offsets(other);
  if (!offsets) return std::unexpected(offsets.error());
  if (offsets->empty()) return fail(make_error_code(ErrorCode::group_id_not_found), other);
  for (auto& input : inputs)
    if (const auto at = offsets->find(input.where); at != offsets->end())
      input.wanted = at->second.offset;
  return {};
}

Result<> add_wanted(Admin& admin, const GroupsResetOptions& options,
                    std::vector<ResetInput>& inputs) {
  if (options.to_time) return want_times(admin, *options.to_time, inputs);
  if (options.like) return want_like(admin, *options.like, inputs);
  for (auto& input : inputs) {
    if (options.to_earliest) input.wanted = input.start;
    if (options.to_latest) input.wanted = input.end;
    if (options.to_offset) input.wanted = *options.to_offset;
    if (options.shift && input.committed) input.wanted = shifted(*input.committed, *options.shift);
  }
  return {};
}

void print(const Global& global, const GroupsResetOptions& options,
           const std::vector<ResetStep>& steps) {
  Output out;
  if (global.json) {
    JsonWriter json(out.buffer());
    json.begin_object().field("group", options.group).field("executed", options.execute);
    json.key("partitions").begin_array();
    for (const auto& step : steps) {
      json.begin_object().field("topic", step.where.topic);
      json.field("partition", step.where.partition).field("from", step.from);
      json.field("to", step.to).field("lag", step.end - step.to);
      json.field("clamped", step.clamped).end_object();
    }
    json.end_array().end_object();
    out.write("\n");
    return;
  }
  Table table({{"TOPIC"},
               {"PARTITION", Align::right},
               {"FROM", Align::right},
               {"TO", Align::right},
               {"LAG THEN", Align::right},
               {"NOTE"}});
  for (const auto& step : steps)
    table.add({step.where.topic, std::to_string(step.where.partition),
               step.from ? std::to_string(*step.from) : "-", std::to_string(step.to),
               std::to_string(step.end - step.to),
               step.clamped ? "nearest offset that exists" : ""});
  out.write(table.to_string(style_for(1)));
}

// A name that was mistyped would be a new group.
void say_when_new(const Global& global, Admin& admin, const std::string& group) {
  const auto groups = admin.groups();
  if (!groups) return;
  std::vector<std::string> ids;
  for (const auto& one : *groups) ids.push_back(one.id);
  if (std::ranges::find(ids, group) == ids.end())
    say(global, with_suggestion("there is no group '" + group + "' yet", group, ids));
}

// Whether nobody reads with the group: a reset under readers would be overwritten by their commits.
Exit refuse_members(const Global& global, Admin& admin, const std::string& group) {
  const auto description = admin.describe_group(group);
  if (!description && exit_for(description.error()) == Exit::not_found) return Exit::ok;
  if (!description) return complain(global, description.error());
  const auto& state = description->state;
  if (state == "Empty" || state == "Dead" || state.empty()) return Exit::ok;
  return complain(Exit::failed, "group '" + group + "' is in use (" + state + ", " +
                                    std::to_string(description->members.size()) +
                                    " members); stop its members first");
}

int modes_of(const GroupsResetOptions& options) {
  return options.to_earliest + options.to_latest + options.to_offset.has_value() +
         options.to_time.has_value() + options.shift.has_value() + options.like.has_value();
}

Exit complain_of(const Global& global, Admin& admin, const Error& error,
                 const GroupsResetOptions& options) {
  if (error.is(ErrorCode::group_id_not_found)) return no_such_group(admin, *options.like);
  if (error.is(Errc::unknown_topic) && !is_sentence(error))
    return no_such_topic(admin, error.context);
  if (error.is(Errc::invalid_argument)) return complain(Exit::usage, error.context);
  return complain(global, error);
}

}  // namespace

std::vector<ResetStep> plan_reset(const std::vector<ResetInput>& inputs) {
  std::vector<ResetStep> steps;
  for (const auto& input : inputs) {
    if (!input.wanted) continue;
    const Offset to = std::clamp(*input.wanted, input.start, std::max(input.start, input.end));
    steps.push_back({.where = input.where,
                     .from = input.committed,
                     .to = to,
                     .end = input.end,
                     .clamped = to != *input.wanted});
  }
  return steps;
}

std::optional<TopicSelection> parse_topic_selection(std::string_view text) {
  constexpr std::size_t partitions_max = 1'000'000;
  const auto colon = text.find(':');
  TopicSelection selection{.topic = std::string(text.substr(0, colon)), .partitions = {}};
  if (selection.topic.empty()) return std::nullopt;
  if (colon == std::string_view::npos) return selection;
  const auto number = [](std::string_view digits) -> std::optional<std::int32_t> {
    std::int32_t value = -1;
    const auto* end = digits.data() + digits.size();
    const auto [stop, failed] = std::from_chars(digits.data(), end, value);
    return failed == std::errc{} && stop == end && value >= 0 && value < 1'000'000
               ? std::optional(value)
               : std::nullopt;
  };
  for (auto rest = text.substr(colon + 1);;) {
    const auto item = rest.substr(0, rest.find(','));
    const auto dash = item.find('-');
    const auto first = number(item.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number(item.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    const auto count = static_cast<std::size_t>(*last - *first) + 1;
    if (count > partitions_max - selection.partitions.size()) return std::nullopt;
    for (auto p = *first; p <= *last; ++p) selection.partitions.push_back(p);
    if (item.size() == rest.size()) return selection;
    rest.remove_prefix(item.size() + 1);
  }
}

Exit groups_reset(const Global& global, const GroupsResetOptions& options) {
  if (modes_of(options) != 1)
    return complain(Exit::usage,
                    "say where to, once: --to-earliest, --to-latest, --to-offset, --to-time, "
                    "--shift or --like");
  if (options.topics.empty() && !options.all_topics)
    return complain(Exit::usage, "say of what: --topic TOPIC[:PARTITIONS] or --all-topics");
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  if (const Exit free = refuse_members(global, *admin, options.group); free != Exit::ok)
    return free;
  const auto committed = admin->group_offsets(options.group);
  if (!committed) return complain(global, committed.error());
  if (committed->empty() && options.topics.empty()) return no_such_group(*admin, options.group);
  if (committed->empty()) say_when_new(global, *admin, options.group);
  const auto chosen = select(*admin, options, *committed);
  if (!chosen) return complain_of(global, *admin, chosen.error(), options);
  std::vector<ResetInput> inputs;
  for (const auto& where : *chosen) {
    const auto at = committed->find(where);
    auto& input = inputs.emplace_back();
    input.where = where;
    if (at != committed->end()) input.committed = at->second.offset;
  }
  if (const auto ranges = add_ranges(*admin, inputs); !ranges)
    return complain_of(global, *admin, ranges.error(), options);
  if (const auto wanted = add_wanted(*admin, options, inputs); !wanted)
    return complain_of(global, *admin, wanted.error(), options);
  const auto steps = plan_reset(inputs);
  if (steps.empty()) return complain(Exit::failed, "there is no offset to move");
  if (options.execute) {
    Admin::GroupOffsets offsets;
    for (const auto& step : steps) offsets[step.where].offset = step.to;
    if (const auto done = admin->alter_group_offsets(options.group, offsets); !done)
      return complain(global, done.error());
  }
  print(global, options, steps);
  say(global, options.execute ? "reset " + std::to_string(steps.size()) + " offsets of group '" +
                                    options.group + "'"
                              : "nothing was changed; --execute does it");
  return Exit::ok;
}

}  // namespace sluice::cli
