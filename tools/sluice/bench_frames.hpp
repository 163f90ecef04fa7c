// Requests that are encoded once and sent many times, and the few bytes of a reply that count.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "protocol/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::bench {

// Versions that have topic names and fixed-width fields; sluiced and Kafka 4.3 know both.
inline constexpr std::int16_t produce_version = 7;
inline constexpr std::int16_t fetch_version = 11;

struct BatchShape {
  std::size_t record_bytes = 1024;  // of a record's value
  std::size_t batch_bytes = 0;      // what a batch takes at most; it has at least one record
};

// A few record batches of one size with random values.
class Batches {
 public:
  Batches(const BatchShape& shape, std::size_t variants, std::int64_t timestamp_ms,
          std::uint64_t seed);

  Bytes next() { return variants_[turn_++ % variants_.size()]; }
  std::size_t size() const { return variants_.front().size(); }
  std::size_t records() const { return records_; }

  // Writes `number` into the first bytes of the first variant's last value, mends its CRC and
  // returns it. Requires: values of 8 bytes or more.
  Bytes numbered(std::uint64_t number);

 private:
  std::vector<std::vector<std::byte>> variants_;
  std::size_t records_ = 0;
  std::size_t record_bytes_ = 0;
  std::size_t turn_ = 0;
};

// The number that numbered() wrote. Requires: a batch of one record with `value_bytes` of value.
std::uint64_t number_of(Bytes batch, std::size_t value_bytes);

// A Produce request up to the record data.
class ProduceHead {
 public:
  ProduceHead(const std::string& topic, PartitionIndex partition, std::int16_t acks,
              std::size_t batch_size);
  Bytes with_correlation(std::int32_t id);

 private:
  std::vector<std::byte> bytes_;
};

// A Fetch request of one partition, outside any session.
class FetchFrame {
 public:
  FetchFrame(const std::string& topic, PartitionIndex partition, std::int32_t max_bytes,
             std::int32_t max_wait_ms);
  Bytes at(std::int64_t offset, std::int32_t correlation_id);

 private:
  std::vector<std::byte> bytes_;
};

struct ProduceReply {
  std::int32_t correlation_id = 0;
  std::int16_t error = 0;
  std::int64_t base_offset = -1;
};
// `frame` without its size. Empty when it is too short for a reply about one partition.
std::optional<ProduceReply> parse_produce_reply(Bytes frame);

struct FetchReply {
  std::int32_t correlation_id = 0;
  std::int16_t error = 0;
  std::int64_t high_watermark = -1;
  Bytes records{};
};
std::optional<FetchReply> parse_fetch_reply(Bytes frame);

enum class Checksums : std::uint8_t { trusted, checked };

// What the whole batches of a fetch hold, from offset `from` on.
struct Fetched {
  std::size_t bytes = 0;  // of whole batches; a last one that is cut short is left out
  std::uint64_t records = 0;
  std::int64_t next_offset = 0;
};
// Errors: offsets that are not dense from `from` on, anything that is no batch, a wrong CRC if they
// are checked.
Result<Fetched> walk_records(Bytes records, std::int64_t from, Checksums checksums);

}  // namespace sluice::bench
