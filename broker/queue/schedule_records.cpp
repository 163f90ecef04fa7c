#include "broker/queue/schedule_records.hpp"

#include "broker/record_bytes.hpp"

#include <charconv>

namespace sluice::broker {
namespace {

constexpr std::int16_t version = 0;

// After version and kind. False: not such a key.
bool read_prefix(RecordReader& reader, ScheduleRecordKind kind) {
  const bool known = reader.get<std::int16_t>() == version;
  return known && reader.get<std::int8_t>() == static_cast<std::int8_t>(kind) && reader.ok();
}

void write_prefix(RecordWriter& writer, ScheduleRecordKind kind) {
  writer.put(version);
  writer.put(static_cast<std::int8_t>(kind));
}

template <class Number>
bool parse_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number >= 0;
}

}  // namespace

std::optional<ScheduleRecordKind> schedule_record_kind(Bytes key) {
  RecordReader reader{key};
  const auto found_version = reader.get<std::int16_t>();
  const auto kind = reader.get<std::int8_t>();
  if (!reader.ok() || found_version != version || kind < 0 || kind > 1) return std::nullopt;
  return static_cast<ScheduleRecordKind>(kind);
}

Blob encode_schedule_entry(const ScheduleEntry& entry) {
  RecordWriter writer;
  write_prefix(writer, ScheduleRecordKind::waits);
  writer.put_raw(Bytes{entry.target.topic.octets});
  writer.put(entry.target.partition);
  writer.put(entry.due_ms);
  writer.put(entry.timestamp_ms);
  writer.put(entry.source.producer_id);
  writer.put(entry.source.producer_epoch);
  writer.put(entry.source.base_sequence);
  writer.put(entry.source.crc);
  writer.put(entry.index);
  writer.put(entry.origin);
  writer.put(entry.replaces);
  if (entry.key)
    writer.put_bytes(*entry.key);
  else
    writer.put(std::int32_t{-1});
  return writer.take();
}

std::optional<ScheduleEntry> decode_schedule_entry(Bytes key) {
  RecordReader reader{key};
  if (!read_prefix(reader, ScheduleRecordKind::waits)) return std::nullopt;
  ScheduleEntry entry;
  const Bytes topic = reader.get_raw(entry.target.topic.octets.size());
  if (!reader.ok()) return std::nullopt;
  std::memcpy(entry.target.topic.octets.data(), topic.data(), topic.size());
  entry.target.partition = reader.get<std::int32_t>();
  entry.due_ms = reader.get<std::int64_t>();
  entry.timestamp_ms = reader.get<std::int64_t>();
  entry.source.producer_id = reader.get<std::int64_t>();
  entry.source.producer_epoch = reader.get<std::int16_t>();
  entry.source.base_sequence = reader.get<std::int32_t>();
  entry.source.crc = reader.get<std::uint32_t>();
  entry.index = reader.get<std::int32_t>();
  entry.origin = reader.get<std::int64_t>();
  entry.replaces = reader.get<std::int64_t>();
  const auto size = reader.get<std::int32_t>();
  if (size >= 0) entry.key = reader.get_raw(static_cast<std::size_t>(size));
  return reader.done() && size >= -1 ? std::optional(entry) : std::nullopt;
}

Blob encode_done_key() {
  RecordWriter writer;
  write_prefix(writer, ScheduleRecordKind::done);
  return writer.take();
}

Blob encode_done(std::span<const Offset> offsets) {
  RecordWriter writer;
  for (const Offset offset : offsets) writer.put(offset);
  return writer.take();
}

std::optional<std::vector<Offset>> decode_done(Bytes value) {
  if (value.size() % sizeof(Offset) != 0) return std::nullopt;
  std::vector<Offset> offsets(value.size() / sizeof(Offset));
  for (std::size_t i = 0; i < offsets.size(); ++i)
    offsets[i] = load_big_endian<Offset>(value.data() + i * sizeof(Offset));
  return offsets;
}

std::string to_string(const ScheduleId& id) {
  return std::to_string(id.partition) + "-" + std::to_string(id.origin);
}

std::optional<ScheduleId> parse_schedule_id(std::string_view text) {
  const auto dash = text.find('-');
  ScheduleId id;
  if (dash == std::string_view::npos || !parse_number(text.substr(0, dash), id.partition) ||
      !parse_number(text.substr(dash + 1), id.origin))
    return std::nullopt;
  return id;
}

}  // namespace sluice::broker
