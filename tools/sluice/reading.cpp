#include "tools/sluice/reading.hpp"

#include "sluice/admin.hpp"
#include "tools/sluice/text.hpp"
#include "tools/sluice/topic_names.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <malloc.h>
#include <map>

namespace sluice::cli {
namespace {

using Kind = Place::Kind;

constexpr int kept_memory = 64 << 20;

// The partitions of the topics, or those of them that were asked for.
Result<Consumer::Partitions> chosen_partitions(Consumer& consumer, const ReadOptions& options) {
  Consumer::Partitions chosen;
  for (const auto& topic : options.topics) {
    auto all = consumer.partitions_of(topic);
    if (!all) return all;
    for (const auto number : options.partitions)
      if (number < 0 || static_cast<std::size_t>(number) >= all->size())
        return fail(Errc::unknown_topic, no_partition_text(topic, number, all->size()));
    for (auto& where : *all) {
      const auto& wanted = options.partitions;
      if (wanted.empty() ||
          std::find(wanted.begin(), wanted.end(), where.partition) != wanted.end())
        chosen.push_back(std::move(where));
    }
  }
  return chosen;
}

std::string bad_place(std::string_view option, const std::string& text) {
  return std::string(option) + " '" + text +
         "' is none of start, end, OFFSET, -N, +N, @TIME (@2015-01-01T12:00 or @-15m)";
}

}  // namespace

std::optional<Place> parse_place(std::string_view text, std::int64_t now_ms) {
  if (text == "start" || text == "beginning" || text == "earliest") return Place{Kind::start, 0};
  if (text == "end" || text == "latest") return Place{Kind::end, 0};
  if (text.starts_with('@')) {
    const auto time = parse_time(text.substr(1), now_ms);
    if (!time) return std::nullopt;
    return Place{Kind::time, *time};
  }
  Place place{Kind::offset, 0};
  if (text.starts_with('-')) place.kind = Kind::last;
  if (text.starts_with('+')) place.kind = Kind::skip;
  if (place.kind != Kind::offset) text.remove_prefix(1);
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), place.number);
  if (ec != std::errc{} || end != text.data() + text.size() || place.number < 0)
    return std::nullopt;
  return place;
}

Offset shifted(Offset offset, std::int64_t by) {
  constexpr Offset last = std::numeric_limits<Offset>::max();
  return by > last - offset ? last : offset + by;
}

void add_read_options(CLI::App& command, ReadOptions& options) {
  command.add_option("TOPIC", options.topics, "Topics to read")->required();
  command.add_option("-p,--partition", options.partitions, "Only these partitions; may repeat")
      ->check(CLI::NonNegativeNumber);
  command.add_option(
      "-f,--from", options.from,
      "start, end, OFFSET, -N (last N), +N (skip N), @TIME (@2015-01-01T12:00, @-15m)");
  command.add_option("--to", options.to,
                     "Stop before this place of each partition; as --from, and 'end' is now");
  command.add_flag("--read-committed", options.read_committed,
                   "Leave out what open or aborted transactions wrote");
}

std::expected<Range, std::string> parse_range(const ReadOptions& options, std::int64_t now_ms) {
  Range range;
  if (options.from) {
    range.from = parse_place(*options.from, now_ms);
    if (!range.from) return std::unexpected(bad_place("--from", *options.from));
  }
  if (options.to) {
    if (options.until_end) return std::unexpected("--to and --until-end exclude each other");
    range.to = parse_place(*options.to, now_ms);
    if (!range.to) return std::unexpected(bad_place("--to", *options.to));
  }
  if (options.until_end) range.to = Place{Kind::end, 0};
  return range;
}

Result<Reader> Reader::open(ConsumerOptions settings, const ReadOptions& options, Range range) {
  // Responses of megabytes come and go: their memory is used again, not given back and cleared.
  (void)::mallopt(M_MMAP_THRESHOLD, kept_memory);
  (void)::mallopt(M_TRIM_THRESHOLD, 2 * kept_memory);
  const bool at_newest = range.from && range.from->kind == Kind::end;
  settings.offset_reset = at_newest ? OffsetReset::latest : OffsetReset::earliest;
  if (options.read_committed) settings.isolation = Isolation::read_committed;
  const bool grouped = !settings.group_id.empty();
  auto consumer = Consumer::create(std::move(settings));
  if (!consumer) return std::unexpected(consumer.error());
  Reader reader(std::move(*consumer));
  reader.range_ = range;
  if (const auto begun = reader.begin(options, grouped); !begun)
    return std::unexpected(begun.error());
  return reader;
}

Result<> Reader::begin(const ReadOptions& options, bool grouped) {
  const auto partitions = chosen_partitions(consumer_, options);
  if (!partitions) return std::unexpected(partitions.error());
  if (range_.to) {
    auto ends = offsets_at(*partitions, *range_.to);
    if (!ends) return std::unexpected(ends.error());
    ends_ = std::move(*ends);
  }
  if (grouped && options.partitions.empty()) return consumer_.subscribe(options.topics);
  const auto assigned = consumer_.assign(*partitions);
  if (!assigned) return assigned;
  if (grouped && !range_.from) return {};  // the group's offsets
  const auto starts = offsets_at(*partitions, range_.from.value_or(Place{}));
  if (!starts) return std::unexpected(starts.error());
  for (const auto& [where, offset] : *starts) {
    if (const auto sought = consumer_.seek(where, offset); !sought) return sought;
    if (const auto end = ends_.find(where); end != ends_.end() && end->second > offset)
      total_ += static_cast<std::uint64_t>(end->second - offset);
  }
  pause_finished();
  return {};
}

Result<Consumer::Offsets> Reader::offsets_at(const Consumer::Partitions& partitions,
                                             const Place& place) {
  auto first = consumer_.beginning_offsets(partitions);
  if (!first || place.kind == Kind::start) return first;
  auto last = consumer_.end_offsets(partitions);
  if (!last || place.kind == Kind::end) return last;
  Consumer::Offsets offsets;
  if (place.kind == Kind::time) {
    std::map<TopicPartition, std::int64_t> times;
    for (const auto& where : partitions) times[where] = place.number;
    const auto found = consumer_.offsets_for_times(times);
    if (!found) return std::unexpected(found.error());
    for (const auto& where : partitions) {
      const auto offset = found->at(where).offset;
      offsets[where] = offset >= 0 ? offset : last->at(where);  // nothing that new: the end
    }
    return offsets;
  }
  for (const auto& where : partitions) {
    Offset offset = place.number;
    if (place.kind == Kind::last) offset = last->at(where) - place.number;
    if (place.kind == Kind::skip) offset = shifted(first->at(where), place.number);
    offsets[where] = std::clamp(offset, first->at(where), last->at(where));
  }
  return offsets;
}

Result<Consumer::Records> Reader::poll() {
  auto records = consumer_.poll(std::chrono::milliseconds(100));
  if (records && !ends_.empty()) pause_finished();
  return records;
}

void Reader::pause_finished() {
  for (const auto& [where, position] : consumer_.positions()) {
    const auto end = ends_.find(where);
    if (end == ends_.end() || position < end->second) continue;
    // Only a partition that is not ours any more cannot be paused.
    static_cast<void>(consumer_.pause(where).has_value());
  }
}

bool Reader::wanted(const RecordView& record) {
  if (ends_.empty()) return true;
  if (record.partition != partition_ || record.topic != topic_) {
    topic_ = record.topic;
    partition_ = record.partition;
    const auto found = ends_.find({topic_, partition_});
    end_ = found == ends_.end() ? std::numeric_limits<Offset>::max() : found->second;
  }
  return record.offset < end_;
}

bool Reader::at_end() const {
  if (ends_.empty()) return false;
  const auto positions = consumer_.positions();
  if (positions.empty()) return false;
  for (const auto& [where, position] : positions) {
    const auto end = ends_.find(where);
    if (position < 0 || (end != ends_.end() && position < end->second)) return false;
  }
  return true;
}

ConsumerOptions bulk_settings(const Global& global) {
  ConsumerOptions settings{.client = global.client_options()};
  settings.partition_bytes_max = 4 * 1024 * 1024;
  settings.prefetch_bytes = 8 * 1024 * 1024;
  settings.auto_commit = false;
  return settings;
}

Exit complain_of_reading(const Global& global, const Error& error) {
  if (!error.is(Errc::unknown_topic) || is_sentence(error)) return complain(global, error);
  return no_such_topic(global, error.context);
}

}  // namespace sluice::cli
