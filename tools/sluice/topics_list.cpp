// `sluice topics list`: every topic with how much is in it and when it was last written.
#include "sluice/admin.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/text.hpp"
#include "tools/sluice/topic_names.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace sluice::cli {
namespace {

struct TopicTotals {
  std::optional<std::int64_t> records;
  std::optional<std::int64_t> bytes;
  std::optional<std::int64_t> last_write_ms;
};

void add(std::optional<std::int64_t>& sum, std::int64_t more) { sum = sum.value_or(0) + more; }

// What a broker does not tell stays empty; the rest is worth showing all the same.
std::map<std::string, TopicTotals> totals_of(Admin& admin, const std::vector<TopicInfo>& topics) {
  std::map<std::string, TopicTotals> totals;
  for (const auto& topic : topics) totals[topic.name];
  if (topics.empty()) return totals;
  const auto first = admin.offsets(every_partition(topics, OffsetSpec::earliest));
  const auto last = admin.offsets(every_partition(topics, OffsetSpec::latest));
  if (first && last)
    for (const auto& [where, end] : *last)
      if (const auto start = first->find(where); start != first->end())
        add(totals[where.topic].records, end.offset - start->second.offset);
  if (const auto newest = admin.offsets(every_partition(topics, OffsetSpec::max_timestamp)))
    for (const auto& [where, at] : *newest)
      if (auto& time = totals[where.topic].last_write_ms; at.timestamp_ms >= 0)
        time = std::max(time.value_or(0), at.timestamp_ms);
  if (const auto sizes = admin.sizes())
    for (const auto& [where, bytes] : *sizes)
      if (const auto at = totals.find(where.topic); at != totals.end())
        add(at->second.bytes, bytes);
  return totals;
}

std::size_t replicas_of(const TopicInfo& topic) {
  return topic.partitions.empty() ? 0 : topic.partitions.front().replicas.size();
}

std::string list_json(const std::vector<TopicInfo>& topics,
                      const std::map<std::string, TopicTotals>& totals) {
  std::string text;
  JsonWriter json(text);
  json.begin_array();
  for (const auto& topic : topics) {
    const auto& total = totals.at(topic.name);
    json.begin_object();
    json.field("name", topic.name).field("id", topic.id.to_string());
    json.field("partitions", topic.partitions.size()).field("replicas", replicas_of(topic));
    json.field("internal", topic.internal).field("records", total.records);
    json.field("bytes", total.bytes).field("last_write_ms", total.last_write_ms);
    json.end_object();
  }
  json.end_array();
  return text + "\n";
}

std::string list_text(const std::vector<TopicInfo>& topics,
                      const std::map<std::string, TopicTotals>& totals) {
  Table table({{"TOPIC"},
               {"PARTITIONS", Align::right},
               {"REPLICAS", Align::right},
               {"RECORDS", Align::right},
               {"SIZE", Align::right},
               {"LAST WRITE"}});
  for (const auto& topic : topics) {
    const auto& total = totals.at(topic.name);
    table.add({topic.name, std::to_string(topic.partitions.size()),
               std::to_string(replicas_of(topic)),
               total.records ? with_commas(static_cast<std::uint64_t>(*total.records)) : "-",
               total.bytes ? human_bytes(static_cast<std::uint64_t>(*total.bytes)) : "-",
               total.last_write_ms ? iso_time(*total.last_write_ms) : "-"});
  }
  return table.to_string(style_for(1));
}

}  // namespace

std::map<TopicPartition, std::int64_t> every_partition(const std::vector<TopicInfo>& topics,
                                                       OffsetSpec spec) {
  std::map<TopicPartition, std::int64_t> at;
  for (const auto& topic : topics)
    for (const auto& partition : topic.partitions)
      if (partition.leader >= 0)  // one without a leader answers nobody
        at[{topic.name, partition.partition}] = static_cast<std::int64_t>(spec);
  return at;
}

Exit topics_list(const Global& global, const TopicsListOptions& options) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  auto topics = admin->topics();
  if (!topics) return complain(global, topics.error());
  if (!options.internal)
    std::erase_if(*topics, [](const TopicInfo& topic) { return topic.internal; });
  if (topics->empty() && !global.json) {
    say(global, "no topics; make one: sluice topics create NAME");
    return Exit::ok;
  }
  const auto totals = totals_of(*admin, *topics);
  Output out;
  out.write(global.json ? list_json(*topics, totals) : list_text(*topics, totals));
  return Exit::ok;
}

}  // namespace sluice::cli
