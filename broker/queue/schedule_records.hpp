// The records of __sluice_schedules. A record that waits is one record there: its value and headers
// as they will be appended, and a key that says the rest. Another kind says which are done.
//
// | type   | field of the key                                                        |
// |--------|-------------------------------------------------------------------------|
// | int16  | version, 0                                                              |
// | int8   | kind: 0 waits, 1 done                                                   |
// |        | of kind 0:                                                              |
// | uuid   | topic                                                                   |
// | int32  | partition                                                               |
// | int64  | due, ms, wall clock                                                     |
// | int64  | timestamp of the record, ms                                             |
// | int64  | producer id of its batch, -1 none                                       |
// | int16  | producer epoch                                                          |
// | int32  | base sequence                                                           |
// | uint32 | CRC of the batch as it was sent                                         |
// | int32  | number among the batch's records that wait, from 0                      |
// | int64  | origin: the offset where it was stored first; -1: here                  |
// | int64  | replaces: the offset whose copy this is; -1: none                       |
// | int32  | size of the record's key, -1 null; then the key                         |
//
// The value of kind 1 is a list of int64 offsets of this log.
#pragma once

#include "base/bytes.hpp"
#include "broker/group_types.hpp"
#include "protocol/ids.hpp"
#include "protocol/record.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

// Where a record goes when it is due.
struct ScheduleTarget {
  TopicId topic;
  PartitionIndex partition = 0;
  auto operator<=>(const ScheduleTarget&) const = default;
};

// The produced batch a record came in. With a producer id it names the batch: sent again, it has
// the same sequence and the same bytes.
struct ScheduleSource {
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  std::uint32_t crc = 0;
  bool operator==(const ScheduleSource&) const = default;
};

struct ScheduleEntry {
  ScheduleTarget target;
  std::int64_t due_ms = 0;
  std::int64_t timestamp_ms = -1;
  ScheduleSource source;
  std::int32_t index = 0;
  Offset origin = -1;
  Offset replaces = -1;
  std::optional<Bytes> key;  // borrowed
};

enum class ScheduleRecordKind : std::int8_t { waits = 0, done = 1 };
// nullopt: not a record this broker understands.
std::optional<ScheduleRecordKind> schedule_record_kind(Bytes key);

Blob encode_schedule_entry(const ScheduleEntry& entry);
// Lifetime: the entry's key borrows from `key`.
std::optional<ScheduleEntry> decode_schedule_entry(Bytes key);

Blob encode_done_key();
Blob encode_done(std::span<const Offset> offsets);
std::optional<std::vector<Offset>> decode_done(Bytes value);

// Names a schedule to clients: "PARTITION-OFFSET", where it was stored first.
struct ScheduleId {
  PartitionIndex partition = 0;
  Offset origin = 0;
  bool operator==(const ScheduleId&) const = default;
};
std::string to_string(const ScheduleId& id);
std::optional<ScheduleId> parse_schedule_id(std::string_view text);

}  // namespace sluice::broker
