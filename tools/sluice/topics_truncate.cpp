// `sluice topics truncate`: deletes the first records of partitions, after showing how many.
#include "sluice/admin.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/text.hpp"
#include "tools/sluice/topic_names.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace sluice::cli {
namespace {

struct Cut {
  TopicPartition where;
  Offset first = 0;
  Offset before = 0;  // what lies before it goes
};

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

// Where each partition is cut: at an offset, at the end, or at the first record of a time.
Result<Admin::FoundOffsets> cuts_at(Admin& admin, const std::string& text,
                                    const Admin::FoundOffsets& ends) {
  Admin::FoundOffsets cuts = ends;
  if (text == "end") return cuts;
  if (text.starts_with('@')) {
    const auto time = parse_time(std::string_view(text).substr(1), now_ms());
    if (!time) return fail(Errc::invalid_argument, "'" + text + "' is no time");
    std::map<TopicPartition, std::int64_t> at;
    for (const auto& [where, end] : ends) at[where] = *time;
    const auto found = admin.offsets(at);
    if (!found) return std::unexpected(found.error());
    for (auto& [where, cut] : cuts)
      if (found->at(where).offset >= 0) cut = found->at(where);
    return cuts;
  }
  Offset offset = -1;
  const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), offset);
  if (failed != std::errc{} || stop != text.data() + text.size() || offset < 0)
    return fail(Errc::invalid_argument, "'" + text + "' is no offset, 'end' or @TIME");
  for (auto& [where, cut] : cuts) cut.offset = std::min(cut.offset, offset);
  return cuts;
}

Result<std::vector<Cut>> plan(Admin& admin, const TopicsTruncateOptions& options,
                              const TopicInfo& topic) {
  auto first = every_partition({topic}, OffsetSpec::earliest);
  auto last = every_partition({topic}, OffsetSpec::latest);
  for (const auto partition : options.partitions)
    if (static_cast<std::size_t>(partition) >= topic.partitions.size())
      return fail(Errc::unknown_topic,
                  no_partition_text(topic.name, partition, topic.partitions.size()));
  const auto unwanted = [&](const auto& row) {
    const auto& chosen = options.partitions;
    return !chosen.empty() &&
           std::find(chosen.begin(), chosen.end(), row.first.partition) == chosen.end();
  };
  std::erase_if(first, unwanted);
  std::erase_if(last, unwanted);
  const auto starts = admin.offsets(first);
  if (!starts) return std::unexpected(starts.error());
  const auto ends = admin.offsets(last);
  if (!ends) return std::unexpected(ends.error());
  const auto cuts = cuts_at(admin, options.before, *ends);
  if (!cuts) return std::unexpected(cuts.error());
  std::vector<Cut> planned;
  for (const auto& [where, start] : *starts)
    planned.push_back({where, start.offset, std::max(start.offset, cuts->at(where).offset)});
  return planned;
}

std::uint64_t records_of(const std::vector<Cut>& cuts) {
  std::uint64_t records = 0;
  for (const auto& cut : cuts) records += static_cast<std::uint64_t>(cut.before - cut.first);
  return records;
}

std::string cuts_text(const std::vector<Cut>& cuts, Style style) {
  Table table({{"PARTITION", Align::right},
               {"FIRST NOW", Align::right},
               {"FIRST THEN", Align::right},
               {"DELETED", Align::right}});
  for (const auto& cut : cuts)
    table.add({std::to_string(cut.where.partition), std::to_string(cut.first),
               std::to_string(cut.before), std::to_string(cut.before - cut.first)});
  return table.to_string(style);
}

void print(const Global& global, const TopicsTruncateOptions& options,
           const std::vector<Cut>& cuts) {
  Output out;
  if (!global.json) {
    out.write(cuts_text(cuts, style_for(1)));
    return;
  }
  JsonWriter json(out.buffer());
  json.begin_object().field("topic", options.topic).field("executed", !options.dry_run);
  json.key("partitions").begin_array();
  for (const auto& cut : cuts) {
    json.begin_object().field("partition", cut.where.partition);
    json.field("start_offset", cut.first).field("new_start_offset", cut.before);
    json.field("deleted", cut.before - cut.first).end_object();
  }
  json.end_array().end_object();
  out.write("\n");
}

// Carries the cuts out; each is then what the broker said.
Result<> carry_out(Admin& admin, std::vector<Cut>& cuts) {
  Admin::Offsets before;
  for (const auto& cut : cuts)
    if (cut.before > cut.first) before[cut.where] = cut.before;
  const auto done = admin.delete_records(before);
  if (!done) return std::unexpected(done.error());
  for (auto& cut : cuts)
    if (const auto at = done->find(cut.where); at != done->end()) cut.before = at->second;
  return {};
}

}  // namespace

Exit topics_truncate(const Global& global, const TopicsTruncateOptions& options) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  const auto topics = admin->topics({options.topic});
  if (!topics) return complain(global, topics.error());
  if (topics->empty() || topics->front().error == ErrorCode::unknown_topic_or_partition)
    return no_such_topic(*admin, options.topic);
  auto cuts = plan(*admin, options, topics->front());
  if (!cuts && cuts.error().is(Errc::invalid_argument))
    return complain(Exit::usage, cuts.error().context);
  if (!cuts) return complain(global, cuts.error());
  const std::string what =
      "deleting " + records_text(records_of(*cuts)) + " of topic '" + options.topic + "'";
  if (!options.dry_run && records_of(*cuts) > 0) {
    if (!global.no_input && interactive()) say(global, cuts_text(*cuts, style_for(2)));
    const Exit confirmed = confirm(global, what, options.topic, options.confirmation);
    if (confirmed != Exit::ok) return confirmed;
    if (const auto done = carry_out(*admin, *cuts); !done) return complain(global, done.error());
  }
  print(global, options, *cuts);
  if (options.dry_run) say(global, "nothing was changed; without --dry-run it is done");
  return Exit::ok;
}

}  // namespace sluice::cli
