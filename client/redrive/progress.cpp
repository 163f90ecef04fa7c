#include "client/redrive/progress.hpp"

#include "base/check.hpp"
#include "protocol/codec_instances.hpp"
#include "sluice/error.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

using protocol::Schema;

struct RangeRow {
  Offset first = 0;
  Offset last = 0;
  static constexpr void fields(auto row) {
    using M = RangeRow;
    row("First", &M::first);
    row("Last", &M::last);
  }
};

// A range of one partition: of a selection or a window.
struct PartRow {
  PartitionIndex partition = 0;
  std::vector<RangeRow> ranges;
  static constexpr void fields(auto row) {
    using M = PartRow;
    row("Partition", &M::partition);
    row("Ranges", &M::ranges);
  }
};

struct PairRow {
  std::string_view name;
  std::string_view value;
  static constexpr void fields(auto row) {
    using M = PairRow;
    row("Name", &M::name);
    row("Value", &M::value);
  }
};

struct PlaceRow {
  PartitionIndex partition = 0;
  Offset next = 0;
  Offset end = 0;
  static constexpr void fields(auto row) {
    using M = PlaceRow;
    row("Partition", &M::partition);
    row("Next", &M::next);
    row("End", &M::end);
  }
};

struct LaneRow {
  PartitionIndex partition = 0;
  Sequence next_sequence = 0;
  Offset from = 0;
  static constexpr void fields(auto row) {
    using M = LaneRow;
    row("Partition", &M::partition);
    row("NextSequence", &M::next_sequence);
    row("From", &M::from);
  }
};

struct TargetRow {
  std::string_view topic;
  std::int32_t partition_count = 0;
  std::int64_t redriven = 0;
  std::vector<LaneRow> lanes;
  static constexpr void fields(auto row) {
    using M = TargetRow;
    row("Topic", &M::topic);
    row("PartitionCount", &M::partition_count);
    row("Redriven", &M::redriven);
    row("Lanes", &M::lanes);
  }
};

struct ProgressRow {
  std::string_view id;
  std::int8_t state = 0;
  std::string_view topic;
  TopicId topic_id;
  std::vector<PartRow> offsets;
  std::vector<std::string_view> sources;
  std::vector<std::string_view> groups;
  std::vector<std::string_view> reasons;
  std::int64_t since_ms = -1;
  std::int64_t until_ms = -1;
  std::optional<std::string_view> key;
  std::vector<PairRow> headers;
  std::vector<PairRow> json_fields;
  bool again = false;
  std::optional<std::string_view> to;
  std::int32_t max_redrives = 0;
  std::int32_t records_per_second = 0;
  std::int64_t started_ms = 0;
  ProducerId producer_id = -1;
  ProducerEpoch producer_epoch = -1;
  ProducerEpoch save_epoch = 0;
  Sequence save_sequence = 0;
  std::vector<PlaceRow> places;
  std::vector<TargetRow> targets;
  std::vector<PartRow> windows;  // the one under way, if any, then those to come
  bool under_way = false;
  std::int32_t window_records = 0;
  std::vector<std::int64_t> counts;  // in the order of RedriveCounts
  bool uncertain = false;

  static constexpr Schema schema{.api_key = -1, .versions = "1", .flexible = "1+"};
  static constexpr void fields(auto row) {
    using M = ProgressRow;
    row("Id", &M::id);
    row("State", &M::state);
    row("Topic", &M::topic);
    row("TopicId", &M::topic_id);
    row("Offsets", &M::offsets);
    row("Sources", &M::sources);
    row("Groups", &M::groups);
    row("Reasons", &M::reasons);
    row("SinceMs", &M::since_ms);
    row("UntilMs", &M::until_ms);
    row("Key", &M::key, {.nullable = "1+"});
    row("Headers", &M::headers);
    row("JsonFields", &M::json_fields);
    row("Again", &M::again);
    row("To", &M::to, {.nullable = "1+"});
    row("MaxRedrives", &M::max_redrives);
    row("RecordsPerSecond", &M::records_per_second);
    row("StartedMs", &M::started_ms);
    row("ProducerId", &M::producer_id);
    row("ProducerEpoch", &M::producer_epoch);
    row("SaveEpoch", &M::save_epoch);
    row("SaveSequence", &M::save_sequence);
    row("Places", &M::places);
    row("Targets", &M::targets);
    row("Windows", &M::windows);
    row("UnderWay", &M::under_way);
    row("WindowRecords", &M::window_records);
    row("Counts", &M::counts);
    row("Uncertain", &M::uncertain);
  }
};

constexpr protocol::Version format = 1;
constexpr std::size_t format_size = 2;

PartRow part_row(PartitionIndex partition, const std::vector<OffsetRange>& ranges) {
  PartRow row{.partition = partition};
  for (const auto& range : ranges) row.ranges.push_back({range.first, range.last});
  return row;
}

std::vector<OffsetRange> ranges_of(const PartRow& row) {
  std::vector<OffsetRange> ranges;
  for (const auto& range : row.ranges) ranges.push_back({range.first, range.last});
  return ranges;
}

std::vector<PairRow> pair_rows(const std::vector<DeadLetterFilter::Pair>& pairs) {
  std::vector<PairRow> rows;
  for (const auto& [name, value] : pairs) rows.push_back({name, value});
  return rows;
}

std::vector<DeadLetterFilter::Pair> pairs_of(const std::vector<PairRow>& rows) {
  std::vector<DeadLetterFilter::Pair> pairs;
  for (const auto& row : rows) pairs.emplace_back(row.name, row.value);
  return pairs;
}

void put_selection(const DeadLetterSelection& selection, ProgressRow& row) {
  const auto& filter = selection.filter;
  row.topic = selection.topic;
  for (const auto& [partition, ranges] : selection.offsets)
    row.offsets.push_back(part_row(partition, ranges));
  row.sources.assign(filter.sources.begin(), filter.sources.end());
  row.groups.assign(filter.groups.begin(), filter.groups.end());
  row.reasons.assign(filter.reasons.begin(), filter.reasons.end());
  row.since_ms = filter.since_ms.value_or(-1);
  row.until_ms = filter.until_ms.value_or(-1);
  if (filter.key) row.key = *filter.key;
  row.headers = pair_rows(filter.headers);
  row.json_fields = pair_rows(filter.fields);
  row.again = selection.again;
}

DeadLetterSelection selection_of(const ProgressRow& row) {
  DeadLetterSelection selection{.topic = std::string(row.topic), .again = row.again};
  for (const auto& part : row.offsets) selection.offsets[part.partition] = ranges_of(part);
  auto& filter = selection.filter;
  filter.sources.assign(row.sources.begin(), row.sources.end());
  filter.groups.assign(row.groups.begin(), row.groups.end());
  filter.reasons.assign(row.reasons.begin(), row.reasons.end());
  if (row.since_ms >= 0) filter.since_ms = row.since_ms;
  if (row.until_ms >= 0) filter.until_ms = row.until_ms;
  if (row.key) filter.key = std::string(*row.key);
  filter.headers = pairs_of(row.headers);
  filter.fields = pairs_of(row.json_fields);
  return selection;
}

void put_position(const RedriveProgress& progress, ProgressRow& row) {
  for (const auto& [partition, place] : progress.places)
    row.places.push_back({partition, place.next, place.end});
  for (const auto& [topic, target] : progress.targets) {
    auto& out = row.targets.emplace_back(topic, target.partition_count, target.redriven);
    for (const auto& [partition, lane] : target.lanes)
      out.lanes.push_back({partition, lane.next_sequence, lane.from});
  }
  row.under_way = !progress.window.empty();
  if (row.under_way)
    row.windows.push_back(part_row(progress.window.partition, progress.window.offsets));
  for (const auto& retry : progress.retries)
    row.windows.push_back(part_row(retry.partition, retry.offsets));
  const auto& counts = progress.counts;
  row.counts = {counts.examined, counts.already,    counts.unselected,
                counts.redriven, counts.loop_guard, counts.failed};
}

void take_position(const ProgressRow& row, RedriveProgress& progress) {
  for (const auto& place : row.places) progress.places[place.partition] = {place.next, place.end};
  for (const auto& in : row.targets) {
    auto& target = progress.targets[std::string(in.topic)];
    target = {.partition_count = in.partition_count, .redriven = in.redriven};
    for (const auto& lane : in.lanes)
      target.lanes[lane.partition] = {lane.next_sequence, lane.from};
  }
  for (const auto& part : row.windows) {
    RedriveWindow window{part.partition, ranges_of(part)};
    if (row.under_way && progress.window.empty())
      progress.window = std::move(window);
    else
      progress.retries.push_back(std::move(window));
  }
  auto& counts = progress.counts;
  std::int64_t* const fields[] = {&counts.examined, &counts.already,    &counts.unselected,
                                  &counts.redriven, &counts.loop_guard, &counts.failed};
  for (std::size_t i = 0; i < std::min(row.counts.size(), std::size(fields)); ++i)
    *fields[i] = row.counts[i];
}

}  // namespace
}  // namespace sluice::client

template struct sluice::protocol::Codec<sluice::client::ProgressRow>;

namespace sluice::client {

std::vector<std::byte> encode_progress(const RedriveProgress& progress) {
  ProgressRow row{.id = progress.id,
                  .state = static_cast<std::int8_t>(progress.state),
                  .topic_id = progress.topic_id,
                  .max_redrives = progress.max_redrives,
                  .records_per_second = progress.records_per_second,
                  .started_ms = progress.started_ms,
                  .producer_id = progress.producer_id,
                  .producer_epoch = progress.producer_epoch,
                  .save_epoch = progress.save_epoch,
                  .save_sequence = progress.save_sequence,
                  .window_records = progress.window_records,
                  .uncertain = progress.uncertain};
  if (progress.to) row.to = *progress.to;
  put_selection(progress.selection, row);
  put_position(progress, row);
  std::vector<std::byte> out(format_size);
  store_big_endian(out.data(), format);
  const auto error = protocol::encode(row, format, out);
  SLUICE_CHECK(error == protocol::WireError::none);
  return out;
}

Result<RedriveProgress> decode_progress(Bytes value) {
  ProgressRow row;
  if (value.size() < format_size || load_big_endian<std::int16_t>(value.data()) != format ||
      protocol::decode(value.subspan(format_size), format, row) != protocol::WireError::none)
    return fail(Errc::malformed_response, "a record of the redrives' progress");
  RedriveProgress progress{.id = std::string(row.id),
                           .state = static_cast<RedriveState>(row.state),
                           .selection = selection_of(row),
                           .topic_id = row.topic_id,
                           .max_redrives = row.max_redrives,
                           .records_per_second = row.records_per_second,
                           .started_ms = row.started_ms,
                           .producer_id = row.producer_id,
                           .producer_epoch = row.producer_epoch,
                           .save_epoch = row.save_epoch,
                           .save_sequence = row.save_sequence,
                           .window_records = row.window_records,
                           .uncertain = row.uncertain};
  if (row.to) progress.to = std::string(*row.to);
  take_position(row, progress);
  return progress;
}

void append_offset(std::vector<OffsetRange>& ranges, Offset offset) {
  if (!ranges.empty() && ranges.back().last + 1 == offset)
    ranges.back().last = offset;
  else
    ranges.push_back({offset, offset});
}

std::int64_t count_offsets(const std::vector<OffsetRange>& ranges) {
  std::int64_t count = 0;
  for (const auto& range : ranges) count += range.last - range.first + 1;
  return count;
}

std::vector<OffsetRange> split_offsets(std::vector<OffsetRange>& ranges, std::int64_t count) {
  std::vector<OffsetRange> rest;
  auto at = ranges.begin();
  while (at != ranges.end() && count >= at->last - at->first + 1) {
    count -= at->last - at->first + 1;
    ++at;
  }
  if (at == ranges.end()) return rest;
  rest.assign(at, ranges.end());
  rest.front().first += count;
  ranges.erase(count > 0 ? at + 1 : at, ranges.end());
  if (count > 0) ranges.back().last = ranges.back().first + count - 1;
  return rest;
}

}  // namespace sluice::client
