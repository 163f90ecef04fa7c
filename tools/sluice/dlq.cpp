#include "tools/sluice/dlq.hpp"

#include "sluice/admin.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/dlq_print.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/text.hpp"
#include "tools/sluice/topic_names.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::cli {
namespace {

using Befores = std::map<PartitionIndex, Offset>;

Exit complain_about(const Global& global, const std::string& topic, const Error& error) {
  if (error.is(Errc::unknown_topic) && error.context == topic) return no_such_topic(global, topic);
  return complain(global, error);
}

// PARTITION:OFFSET.
std::optional<std::pair<PartitionIndex, Offset>> parse_before(std::string_view text) {
  std::pair<PartitionIndex, Offset> before;
  const char* const end = text.data() + text.size();
  const auto partition = std::from_chars(text.data(), end, before.first);
  if (partition.ec != std::errc{} || partition.ptr == end || *partition.ptr != ':')
    return std::nullopt;
  const auto offset = std::from_chars(partition.ptr + 1, end, before.second);
  if (offset.ec != std::errc{} || offset.ptr != end || before.first < 0 || before.second < 0)
    return std::nullopt;
  return before;
}

// First and end offsets of a topic.
struct Bounds {
  std::map<TopicPartition, Offset> first;
  std::map<TopicPartition, Offset> end;
};

Result<Bounds> bounds_of(const Global& global, const std::string& topic) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return std::unexpected(admin.error());
  const auto infos = admin->topics({topic});
  if (!infos) return std::unexpected(infos.error());
  if (infos->front().error == ErrorCode::unknown_topic_or_partition)
    return fail(Errc::unknown_topic, topic);
  std::map<TopicPartition, std::int64_t> earliest;
  std::map<TopicPartition, std::int64_t> latest;
  for (const auto& partition : infos->front().partitions) {
    const TopicPartition where{topic, partition.partition};
    earliest[where] = static_cast<std::int64_t>(OffsetSpec::earliest);
    latest[where] = static_cast<std::int64_t>(OffsetSpec::latest);
  }
  const auto first = admin->offsets(earliest);
  if (!first) return std::unexpected(first.error());
  const auto end = admin->offsets(latest);
  if (!end) return std::unexpected(end.error());
  Bounds bounds;
  for (const auto& [where, found] : *first) bounds.first[where] = found.offset;
  for (const auto& [where, found] : *end) bounds.end[where] = found.offset;
  return bounds;
}

// How many offsets lie before these; those beyond the end are taken back to it.
std::uint64_t clamp_and_count(const std::string& topic, const Bounds& bounds, Befores& before) {
  std::uint64_t count = 0;
  for (auto& [partition, offset] : before) {
    const TopicPartition where{topic, partition};
    const auto first = bounds.first.at(where);
    offset = std::clamp(offset, first, bounds.end.at(where));
    count += static_cast<std::uint64_t>(offset - first);
  }
  return count;
}

}  // namespace

Result<std::optional<RedriveReport>> unfinished_redrive(DeadLetters& letters,
                                                        const std::string& topic) {
  const auto redrives = letters.redrives();
  if (!redrives) return std::unexpected(redrives.error());
  for (const auto& report : *redrives)
    if (report.topic == topic && report.state == RedriveState::running) return report;
  return std::nullopt;
}

std::string how_to_go_on(const std::string& id) {
  return "'sluice dlq redrive --resume " + id + "' goes on, '--abandon " + id + "' ends it";
}

Exit dlq_list(const Global& global, const DlqListOptions& options) {
  auto letters = DeadLetters::create(global.client_options());
  if (!letters) return complain(global, letters.error());
  auto names = options.topics;
  if (names.empty()) {
    auto marked = letters->topics();
    if (!marked) return complain(global, marked.error());
    names = std::move(*marked);
  }
  std::vector<DlqListing> topics;
  for (const auto& name : names) {
    auto summary = letters->describe(name);
    if (!summary) return complain_about(global, name, summary.error());
    const auto unfinished = unfinished_redrive(*letters, name);
    if (!unfinished) return complain(global, unfinished.error());
    topics.push_back(
        {std::move(*summary), *unfinished ? std::optional((*unfinished)->id) : std::nullopt});
  }
  Output out;
  if (global.json) {
    out.write(list_json(topics));
    return Exit::ok;
  }
  if (topics.empty()) {
    say(global,
        "no dead-letter topics; one has errors.deadletterqueue.group.enable=true, or is named "
        "here");
    return Exit::ok;
  }
  out.write(list_text(topics, style_for(1)));
  out.flush();
  for (const auto& topic : topics)
    if (topic.unfinished)
      say(global, "redrive " + *topic.unfinished + " of " + topic.summary.topic +
                      " is unfinished: " + how_to_go_on(*topic.unfinished));
  return Exit::ok;
}

Exit dlq_show(const Global& global, const DlqShowOptions& options) {
  const auto selection = parse_selection(options.selection, SystemClock{}.wall_ms());
  if (!selection) return complain(Exit::usage, selection.error());
  auto letters = DeadLetters::create(global.client_options());
  if (!letters) return complain(global, letters.error());
  catch_interrupts();
  Output out;
  std::int64_t shown = 0;
  const auto print = [&](const DeadLetter& letter) {
    if (shown == options.count || interrupted() || out.broken()) return false;
    if (global.json) {
      append_letter_json(out.buffer(), letter);
      out.buffer() += '\n';
    } else {
      if (shown > 0) out.buffer() += '\n';
      append_letter_text(out.buffer(), letter);
    }
    ++shown;
    out.maybe_flush();
    return true;
  };
  const auto read = letters->read(*selection, print);
  if (!read) return complain_about(global, selection->topic, read.error());
  out.flush();
  if (interrupted()) return complain_of_interrupt("not everything was shown");
  if (shown > 0 || options.count == 0) return Exit::ok;
  if (!selection->offsets.empty())
    return complain(Exit::not_found,
                    "no dead letter there that matches; --redriven shows those "
                    "that were redriven");
  say(global, "no dead letters match");
  return Exit::ok;
}

Exit dlq_purge(const Global& global, const DlqPurgeOptions& options) {
  const int ways =
      (options.all ? 1 : 0) + (options.until ? 1 : 0) + (options.before.empty() ? 0 : 1);
  if (ways != 1)
    return complain(Exit::usage, "say what to purge by one of --all, --until, --before");
  Befores before;
  for (const auto& text : options.before) {
    const auto parsed = parse_before(text);
    if (!parsed) return complain(Exit::usage, "--before '" + text + "' is not PARTITION:OFFSET");
    before.insert_or_assign(parsed->first, parsed->second);
  }
  std::optional<std::int64_t> until_ms;
  if (options.until) {
    until_ms = parse_time(*options.until, SystemClock{}.wall_ms());
    if (!until_ms)
      return complain(Exit::usage,
                      "--until '" + *options.until + "' is no time like 2015-01-01T12:00 or -15m");
  }
  const auto bounds = bounds_of(global, options.topic);
  if (!bounds) return complain_about(global, options.topic, bounds.error());
  auto letters = DeadLetters::create(global.client_options());
  if (!letters) return complain(global, letters.error());
  const auto unfinished = unfinished_redrive(*letters, options.topic);
  if (!unfinished) return complain(global, unfinished.error());
  if (*unfinished)
    return complain(Exit::failed, "redrive " + (*unfinished)->id + " of " + options.topic +
                                      " is unfinished: " + how_to_go_on((*unfinished)->id));
  if (options.all)
    for (const auto& [where, end] : bounds->end) before[where.partition] = end;
  if (until_ms) {
    auto since = letters->offsets_since(options.topic, *until_ms);
    if (!since) return complain(global, since.error());
    before = std::move(*since);
  }
  for (const auto& [partition, offset] : before)
    if (!bounds->end.contains({options.topic, partition}))
      return complain(Exit::not_found,
                      no_partition_text(options.topic, partition, bounds->end.size()));
  const auto count = clamp_and_count(options.topic, *bounds, before);
  const std::string what = records_text(count) + " of " + options.topic;
  if (!options.dry_run && count > 0) {
    const Exit confirmed = confirm(global, "purging " + what, options.topic, options.confirmation);
    if (confirmed != Exit::ok) return confirmed;
    const auto purged = letters->purge(options.topic, before);
    if (!purged) return complain(global, purged.error());
  }
  if (global.json) {
    Output out;
    JsonWriter json(out.buffer());
    json.begin_object().field("topic", options.topic).field("dry_run", options.dry_run);
    json.field("purged", count).end_object();
    out.write("\n");
    return Exit::ok;
  }
  say(global, (options.dry_run ? "would purge " : "purged ") + what);
  return Exit::ok;
}

}  // namespace sluice::cli
