#include "tools/sluice/bytes_text.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/log_stat.hpp"
#include "tools/sluice/text.hpp"

#include <algorithm>
#include <cstdio>

namespace sluice::cli {
namespace {

using inspect::BatchTally;
using inspect::BigRecord;
using inspect::CodecResult;
using inspect::CodecTrial;
using inspect::HeavyHitters;
using inspect::LogStatistics;
using inspect::Tally;
using inspect::TopicStatistics;

constexpr std::size_t hours_shown = 24;
constexpr std::size_t key_width = 40;
constexpr std::int64_t hour_ms = 3'600'000;

double ratio(std::uint64_t plain, std::uint64_t stored) {
  return stored == 0 ? 1 : static_cast<double>(plain) / static_cast<double>(stored);
}

std::string ratio_text(std::uint64_t plain, std::uint64_t stored) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2fx", ratio(plain, stored));
  return text;
}

std::string share_text(std::uint64_t part, std::uint64_t whole) {
  char text[32];
  const double share = whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

std::uint64_t bytes_per_second(std::uint64_t bytes, std::uint64_t ns) {
  return static_cast<std::uint64_t>(static_cast<double>(bytes) * 1e9 /
                                    static_cast<double>(std::max<std::uint64_t>(ns, 1)));
}

std::string append(std::string text, const Table& table, Style style) {
  return table.empty() ? text : std::move(text) + "\n" + table.to_string(style);
}

std::string summary(const LogStatistics& s) {
  std::string text = "partitions  " + with_commas(s.partitions) + "\nsegments    " +
                     with_commas(s.segments) + "\nbatches     " + with_commas(s.batches.batches) +
                     "\nrecords     " + with_commas(s.batches.records) + "\nstored      " +
                     human_bytes(s.batches.stored_bytes) + "\nplain       " +
                     human_bytes(s.batches.plain_bytes) + " before compression\n";
  if (s.damaged_bytes > 0)
    text += "damaged     " + human_bytes(static_cast<std::uint64_t>(s.damaged_bytes)) + "\n";
  if (s.damaged_batches > 0) text += "unreadable  " + with_commas(s.damaged_batches) + " batches\n";
  return text;
}

// What compaction would free of the whole log, were all of it closed.
std::string frees_text(const TopicStatistics& topic) {
  if (topic.keyed_bytes == 0) return "-";
  return (topic.compaction.exact ? "" : "~") + human_bytes(topic.compaction.superseded_bytes) +
         " (" + share_text(topic.compaction.superseded_bytes, topic.batches.stored_bytes) + ")";
}

Table topic_table(const LogStatistics& s) {
  Table table({{"TOPIC"},
               {"PARTITIONS", Align::right},
               {"BATCHES", Align::right},
               {"RECORDS", Align::right},
               {"STORED", Align::right},
               {"RATIO", Align::right},
               {"KEYS", Align::right},
               {"COMPACTION FREES", Align::right}});
  for (const TopicStatistics& topic : s.topics)
    table.add({topic.topic, with_commas(topic.partitions), with_commas(topic.batches.batches),
               with_commas(topic.batches.records), human_bytes(topic.batches.stored_bytes),
               ratio_text(topic.batches.plain_bytes, topic.batches.stored_bytes),
               (topic.compaction.keys_exact ? "" : "~") + with_commas(topic.compaction.keys),
               frees_text(topic)});
  return table;
}

Table type_table(const LogStatistics& s) {
  Table table({{"TYPE"}, {"RECORDS", Align::right}, {"BYTES", Align::right}});
  const auto row = [&](const char* name, const Tally& tally) {
    if (tally.records > 0) table.add({name, with_commas(tally.records), human_bytes(tally.bytes)});
  };
  row("record", s.records);
  row("tombstone", s.tombstones);
  row("control", s.control);
  row("(without key)", s.without_key);
  return table;
}

Table codec_table(const LogStatistics& s) {
  Table table({{"STORED WITH"},
               {"BATCHES", Align::right},
               {"RECORDS", Align::right},
               {"STORED", Align::right},
               {"PLAIN", Align::right},
               {"RATIO", Align::right}});
  for (const auto& [codec, tally] : s.codecs)
    table.add({std::string(protocol::name_of(codec)), with_commas(tally.batches),
               with_commas(tally.records), human_bytes(tally.stored_bytes),
               human_bytes(tally.plain_bytes), ratio_text(tally.plain_bytes, tally.stored_bytes)});
  return table;
}

Table trial_table(const CodecTrial& trial) {
  Table table({{"TRIED WITH"},
               {"RATIO", Align::right},
               {"COMPRESS", Align::right},
               {"DECOMPRESS", Align::right}});
  if (trial.batches == 0) return table;
  for (const CodecResult& result : trial.results)
    table.add({std::string(protocol::name_of(result.codec)),
               ratio_text(trial.plain_bytes, result.compressed_bytes),
               human_bytes(bytes_per_second(trial.plain_bytes, result.compress_ns)) + "/s",
               human_bytes(bytes_per_second(trial.plain_bytes, result.decompress_ns)) + "/s"});
  return table;
}

// The newest hours; the rest in one row.
Table hour_table(const LogStatistics& s) {
  Table table({{"HOUR"}, {"RECORDS", Align::right}, {"BYTES", Align::right}});
  const std::size_t earlier = s.hours.size() - std::min(s.hours.size(), hours_shown);
  Tally rest = s.other_hours;
  std::size_t number = 0;
  for (const auto& [hour, tally] : s.hours) {
    if (number++ < earlier) {
      rest.records += tally.records;
      rest.bytes += tally.bytes;
      continue;
    }
    if (rest.records > 0 && number == earlier + 1)
      table.add({"earlier", with_commas(rest.records), human_bytes(rest.bytes)});
    table.add({iso_time(hour * hour_ms).substr(0, 16) + "Z", with_commas(tally.records),
               human_bytes(tally.bytes)});
  }
  return table;
}

Bytes shown_part(const HeavyHitters::Counter& counter) {
  const bool cut = counter.key_size > counter.key.size();
  return as_bytes(cut ? whole_characters(counter.key) : std::string_view(counter.key));
}

Table key_table(const LogStatistics& s) {
  std::vector<Column> columns{
      {"KEY"}, {"TOPIC"}, {"RECORDS", Align::right}, {"BYTES", Align::right}};
  if (!s.keys_exact) columns.push_back({"AT MOST", Align::right});
  columns.push_back({"SHARE", Align::right});
  Table table(columns);
  const std::uint64_t all = s.records.bytes + s.tombstones.bytes;
  for (const auto& counter : s.top_keys) {
    const std::uint64_t least = counter.bytes - counter.overcount;
    std::vector<std::string> row{shown_bytes(shown_part(counter), key_width),
                                 s.topics[counter.topic].topic, with_commas(counter.records),
                                 human_bytes(least)};
    if (!s.keys_exact) row.push_back(human_bytes(counter.bytes));
    row.push_back(share_text(least, all));
    table.add(std::move(row));
  }
  return table;
}

std::string size_text(std::int64_t size) {
  return size < 0 ? "null" : human_bytes(static_cast<std::uint64_t>(size));
}

Table biggest_table(const LogStatistics& s) {
  Table table({{"BIGGEST"},
               {"OFFSET", Align::right},
               {"BYTES", Align::right},
               {"KEY", Align::right},
               {"VALUE", Align::right},
               {"HEADERS", Align::right},
               {"TIME"}});
  for (const BigRecord& record : s.biggest)
    table.add({s.topics[record.topic].topic + "-" + std::to_string(record.partition),
               std::to_string(record.offset), human_bytes(record.bytes),
               size_text(record.key_bytes), size_text(record.value_bytes),
               with_commas(record.headers), iso_time(record.timestamp)});
  return table;
}

// ---- JSON ----

void append_tally(JsonWriter& json, const Tally& tally) {
  json.field("records", tally.records).field("bytes", tally.bytes);
}

void append_batches(JsonWriter& json, const BatchTally& tally) {
  json.field("batches", tally.batches)
      .field("records", tally.records)
      .field("stored_bytes", tally.stored_bytes)
      .field("uncompressed_bytes", tally.plain_bytes)
      .field("ratio", ratio(tally.plain_bytes, tally.stored_bytes));
}

void append_topics(JsonWriter& json, const LogStatistics& s) {
  json.key("topics").begin_array();
  for (const TopicStatistics& topic : s.topics) {
    json.begin_object().field("topic", topic.topic).field("partitions", topic.partitions);
    append_batches(json, topic.batches);
    const auto& c = topic.compaction;
    json.key("compaction")
        .begin_object()
        .field("exact", c.exact)
        .field("keys", c.keys)
        .field("keys_exact", c.keys_exact)
        .field("superseded_records", c.superseded_records)
        .field("superseded_bytes", c.superseded_bytes)
        .field("closed_superseded_bytes", c.closed_superseded_bytes)
        .field("tombstones", c.tombstones)
        .field("tombstone_bytes", c.tombstone_bytes)
        .end_object()
        .end_object();
  }
  json.end_array();
}

void append_types(JsonWriter& json, const LogStatistics& s) {
  json.key("types").begin_array();
  const auto type = [&](const char* name, const Tally& tally) {
    json.begin_object().field("type", name);
    append_tally(json, tally);
    json.end_object();
  };
  type("record", s.records);
  type("tombstone", s.tombstones);
  type("control", s.control);
  json.end_array();
}

void append_codecs(JsonWriter& json, const LogStatistics& s) {
  json.key("codecs").begin_array();
  for (const auto& [codec, tally] : s.codecs) {
    json.begin_object().field("codec", protocol::name_of(codec));
    append_batches(json, tally);
    json.end_object();
  }
  json.end_array();
}

void append_trial(JsonWriter& json, const std::optional<CodecTrial>& trial) {
  json.key("trial").begin_object();
  json.field("batches", trial ? trial->batches : 0)
      .field("uncompressed_bytes", trial ? trial->plain_bytes : 0);
  json.key("codecs").begin_array();
  for (const CodecResult& result : trial ? trial->results : std::vector<CodecResult>{}) {
    if (trial->batches == 0) break;
    json.begin_object()
        .field("codec", protocol::name_of(result.codec))
        .field("compressed_bytes", result.compressed_bytes)
        .field("ratio", ratio(trial->plain_bytes, result.compressed_bytes))
        .field("compress_bytes_per_second",
               bytes_per_second(trial->plain_bytes, result.compress_ns))
        .field("decompress_bytes_per_second",
               bytes_per_second(trial->plain_bytes, result.decompress_ns))
        .end_object();
  }
  json.end_array().end_object();
}

void append_hours(JsonWriter& json, const LogStatistics& s) {
  json.key("hours").begin_array();
  for (const auto& [hour, tally] : s.hours) {
    json.begin_object().field("hour", hour * hour_ms);
    append_tally(json, tally);
    json.end_object();
  }
  json.end_array();
}

void append_keys(JsonWriter& json, const LogStatistics& s) {
  json.key("keys").begin_object().field("exact", s.keys_exact);
  json.key("without_key").begin_object();
  append_tally(json, s.without_key);
  json.end_object().key("top").begin_array();
  for (const auto& counter : s.top_keys) {
    json.begin_object().field("topic", s.topics[counter.topic].topic);
    append_bytes_field(json, "key", shown_part(counter));
    json.field("key_bytes", counter.key_size)
        .field("key_whole", counter.key_size <= counter.key.size())
        .field("records_min", counter.records)
        .field("bytes_min", counter.bytes - counter.overcount)
        .field("bytes_max", counter.bytes)
        .end_object();
  }
  json.end_array().end_object();
}

void append_biggest(JsonWriter& json, const LogStatistics& s) {
  json.key("biggest").begin_array();
  for (const BigRecord& record : s.biggest)
    json.begin_object()
        .field("topic", s.topics[record.topic].topic)
        .field("partition", record.partition)
        .field("offset", record.offset)
        .field("timestamp", record.timestamp)
        .field("size_bytes", record.bytes)
        .field("key_bytes", record.key_bytes)
        .field("value_bytes", record.value_bytes)
        .field("headers", record.headers)
        .end_object();
  json.end_array();
}

}  // namespace

std::string stat_tables(const LogStatReport& report, Style style) {
  const LogStatistics& s = report.statistics;
  std::string text = summary(s);
  text = append(std::move(text), topic_table(s), style);
  text = append(std::move(text), type_table(s), style);
  text = append(std::move(text), codec_table(s), style);
  if (report.trial) text = append(std::move(text), trial_table(*report.trial), style);
  text = append(std::move(text), hour_table(s), style);
  text = append(std::move(text), key_table(s), style);
  return append(std::move(text), biggest_table(s), style);
}

std::string stat_json(const LogStatReport& report) {
  const LogStatistics& s = report.statistics;
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("directories").begin_array();
  for (const auto& directory : report.directories)
    json.begin_object()
        .field("directory", directory.root)
        .field("writer", directory.writer == inspect::Writer::kafka ? "kafka" : "sluice")
        .field("open_by", directory.holder)
        .end_object();
  json.end_array()
      .field("complete", report.complete)
      .field("partitions", s.partitions)
      .field("segments", s.segments)
      .field("damaged_bytes", s.damaged_bytes)
      .field("damaged_batches", s.damaged_batches);
  append_batches(json, s.batches);
  append_topics(json, s);
  append_types(json, s);
  append_codecs(json, s);
  append_trial(json, report.trial);
  append_hours(json, s);
  append_keys(json, s);
  append_biggest(json, s);
  json.end_object();
  return out + "\n";
}

}  // namespace sluice::cli
