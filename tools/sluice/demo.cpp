// `sluice demo`: publishes a file of GitHub events and reads them back with a consumer group, as a
// first look at a broker.
#include "sluice/admin.hpp"
#include "sluice/consumer.hpp"
#include "sluice/producer.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/event.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/lines.hpp"
#include "tools/sluice/text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>

namespace sluice::cli {
namespace {

using Counts = std::map<std::string, std::uint64_t, std::less<>>;

struct Volume {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // of values
  std::chrono::nanoseconds took{};

  double seconds() const { return std::chrono::duration<double>(took).count(); }
  std::string text() const {
    const double seconds = std::max(1e-9, this->seconds());
    char rate[64];
    std::snprintf(
        rate, sizeof rate, "%.1f MB/s, %s records/s", static_cast<double>(bytes) / 1e6 / seconds,
        with_commas(static_cast<std::uint64_t>(static_cast<double>(records) / seconds)).c_str());
    return with_commas(records) + " events, " + human_bytes(bytes) + " in " + human_seconds(took) +
           " (" + rate + ")";
  }
};

Result<> make_topic(const Global& global, const DemoOptions& options) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return std::unexpected(admin.error());
  const auto created =
      admin->create_topic({.name = options.topic, .partitions = options.partitions});
  const auto exists = make_error_code(ErrorCode::topic_already_exists);
  if (!created && created.error().code != exists) return created;
  return {};
}

Result<Volume> publish(const Global& global, const DemoOptions& options, LineReader& lines) {
  ProducerOptions settings{.client = global.client_options()};
  settings.codec = codec_from_name(options.codec).value_or(Codec::none);
  settings.batch_size = 256 * 1024;
  auto producer = Producer::create(std::move(settings));
  if (!producer) return std::unexpected(producer.error());
  Volume volume;
  const auto start = std::chrono::steady_clock::now();
  while (const auto line = lines.next()) {
    if (interrupted()) break;
    const auto event = find_event(*line);
    const Header header{.key = "type", .value = as_bytes(event.type)};
    ProducerRecord record{.topic = options.topic, .value = as_bytes(*line)};
    if (!event.repository.empty()) record.key = as_bytes(event.repository);
    if (!event.type.empty()) record.headers = {&header, 1};
    const auto sent = producer->send(record);
    if (!sent) return std::unexpected(sent.error());
    ++volume.records;
    volume.bytes += line->size();
  }
  const auto flushed = producer->flush();
  if (!flushed) return std::unexpected(flushed.error());
  volume.took = std::chrono::steady_clock::now() - start;
  return volume;
}

void count_types(const RecordView& record, Counts& types) {
  for (const auto& header : record.headers) {
    if (header.key != "type" || !header.value) continue;
    const auto type = as_text(*header.value);
    const auto known = types.find(type);
    if (known == types.end())
      types.emplace(type, 1);
    else
      ++known->second;
  }
}

Result<Volume> read_back(const Global& global, const DemoOptions& options, std::uint64_t wanted,
                         Counts& types) {
  ConsumerOptions settings{.client = global.client_options(), .group_id = options.group};
  settings.offset_reset = OffsetReset::earliest;
  settings.auto_commit = false;
  auto consumer = Consumer::create(std::move(settings));
  if (!consumer) return std::unexpected(consumer.error());
  const auto subscribed = consumer->subscribe({options.topic});
  if (!subscribed) return std::unexpected(subscribed.error());
  Volume volume;
  auto start = std::chrono::steady_clock::now();
  auto last = start;
  // The first poll joins the group, which is not part of the reading.
  for (bool first = true; volume.records < wanted && !interrupted();) {
    const auto records = consumer->poll(std::chrono::milliseconds(200));
    if (!records) return std::unexpected(records.error());
    const auto now = std::chrono::steady_clock::now();
    if (records->empty()) {
      if (now - last > global.timeout()) return fail(Errc::timed_out, "reading " + options.topic);
      if (first) start = now;
      continue;
    }
    first = false;
    last = now;
    for (const auto& record : *records) {
      ++volume.records;
      volume.bytes += record.value ? record.value->size() : 0;
      count_types(record, types);
    }
  }
  volume.took = std::chrono::steady_clock::now() - start;
  const auto committed = consumer->commit();
  if (!committed) return std::unexpected(committed.error());
  const auto closed = consumer->close();
  if (!closed) return std::unexpected(closed.error());
  return volume;
}

using Ranked = std::vector<std::pair<std::string, std::uint64_t>>;

// The most frequent first.
Ranked ranking(const Counts& types) {
  Ranked ranked(types.begin(), types.end());
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  return ranked;
}

std::string top_types(const Ranked& ranked, std::uint64_t total) {
  Table table({{"EVENT"}, {"COUNT", Align::right}, {"SHARE", Align::right}});
  for (std::size_t i = 0; i < std::min<std::size_t>(5, ranked.size()); ++i) {
    char share[16];
    std::snprintf(share, sizeof share, "%.1f %%",
                  100 * static_cast<double>(ranked[i].second) /
                      static_cast<double>(std::max<std::uint64_t>(1, total)));
    table.add({ranked[i].first, with_commas(ranked[i].second), share});
  }
  return table.to_string(style_for(1));
}

void put_volume(JsonWriter& json, std::string_view name, const Volume& volume) {
  json.key(name).begin_object().field("records", volume.records).field("bytes", volume.bytes);
  json.field("seconds", volume.seconds()).end_object();
}

void put_json(std::string& out, const DemoOptions& options, const Volume& written,
              const Volume& read, const Ranked& types) {
  JsonWriter json(out);
  json.begin_object().field("topic", options.topic).field("group", options.group);
  put_volume(json, "published", written);
  put_volume(json, "read", read);
  json.key("types").begin_array();
  for (const auto& [type, records] : types)
    json.begin_object().field("type", type).field("records", records).end_object();
  json.end_array().end_object();
  out += '\n';
}

}  // namespace

Exit demo(const Global& global, const DemoOptions& options) {
  auto lines = LineReader::open(options.file);
  if (!lines) return complain(global, lines.error());
  catch_interrupts();
  const auto made = make_topic(global, options);
  if (!made) return complain(global, made.error());
  const auto written = publish(global, options, *lines);
  if (!written) return complain(global, written.error());
  if (!lines->error().empty()) return complain(Exit::failed, options.file + ": " + lines->error());
  if (interrupted()) return complain_of_interrupt("not everything was published");
  Output out;
  if (!global.json) out.write("published  " + written->text() + "\n");
  out.flush();
  Counts types;
  const auto read = read_back(global, options, written->records, types);
  if (!read) return complain(global, read.error());
  if (interrupted()) return complain_of_interrupt("not everything was read back");
  const auto ranked = ranking(types);
  if (global.json) {
    put_json(out.buffer(), options, *written, *read, ranked);
    return Exit::ok;
  }
  out.write("read back  " + read->text() + " with group '" + options.group + "'\n\n");
  out.write(top_types(ranked, read->records));
  return Exit::ok;
}

}  // namespace sluice::cli
