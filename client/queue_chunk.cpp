#include "client/queue_chunk.hpp"

#include "protocol/record.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::client {
namespace {

// No batch decompresses to more than this: a limit against a broken or hostile peer.
constexpr std::size_t decompressed_max = std::size_t{1} << 30;

// Goes through acquired offsets as records are found, and notes what it passes over.
class AcquiredCursor {
 public:
  using Range = protocol::ShareFetchResponse::AcquiredRecords;

  explicit AcquiredCursor(std::span<const Range> ranges) : ranges_(ranges) {
    if (!ranges_.empty()) next_ = ranges_.front().first_offset;
  }

  // All below `offset` goes to `passed`.
  void pass(Offset offset, std::vector<Offset>& passed) {
    while (!ranges_.empty() && next_ < offset) {
      passed.push_back(next_);
      step();
    }
  }
  // The range that has this record, which is done with then; null when it was not acquired.
  const Range* take(Offset offset) {
    if (ranges_.empty() || next_ != offset) return nullptr;
    const Range* range = &ranges_.front();
    step();
    return range;
  }

 private:
  void step() {
    if (next_++ < ranges_.front().last_offset) return;
    ranges_ = ranges_.subspan(1);
    if (!ranges_.empty()) next_ = ranges_.front().first_offset;
  }

  std::span<const Range> ranges_;
  Offset next_ = 0;
};

// Where the records of a batch lie, decompressed if need be. Errors: what is wrong with it.
std::expected<Bytes, std::string> record_area(const protocol::BatchView& batch, bool check_crcs,
                                              protocol::Decompressor& decompressor,
                                              QueueChunk& chunk) {
  if (check_crcs && !protocol::batch_crc_matches(batch.bytes))
    return std::unexpected("checksum mismatch");
  if (batch.header.compression() == protocol::Compression::none) return batch.records();
  auto& out = chunk.areas.emplace_back();
  const auto done =
      decompressor.decompress(batch.header.compression(), batch.records(), decompressed_max, out);
  if (!done) return std::unexpected(std::string(describe(done.error())));
  return Bytes(out);
}

struct Reading {
  QueueChunk& chunk;
  std::string_view topic;
  PartitionIndex partition;
  AcquiredCursor cursor;
  QueueLeftovers& left;
};

void note(Reading& reading, Offset offset, const std::string& why) {
  if (!reading.left.error)
    reading.left.error =
        Error{make_error_code(Errc::corrupt_batch),
              TopicPartition{std::string(reading.topic), reading.partition}.to_string() +
                  " at offset " + std::to_string(offset) + ": " + why};
}

void read_batch(Reading& reading, const protocol::BatchView& batch, bool check_crcs,
                protocol::Decompressor& decompressor) {
  const auto& header = batch.header;
  reading.cursor.pass(header.base_offset, reading.left.gaps);
  const auto area = record_area(batch, check_crcs, decompressor, reading.chunk);
  if (!area) {
    note(reading, header.base_offset, area.error());
    return reading.cursor.pass(header.next_offset(), reading.left.corrupt);
  }
  if (header.is_control()) return reading.cursor.pass(header.next_offset(), reading.left.gaps);
  protocol::RecordIterator records(*area, header.record_count);
  while (const auto record = records.next()) {
    const Offset offset = protocol::offset_of(*record, header);
    reading.cursor.pass(offset, reading.left.gaps);
    const auto* range = reading.cursor.take(offset);
    if (range == nullptr) continue;
    QueueRecord& out = reading.chunk.records.emplace_back();
    out.topic = reading.topic;
    out.partition = reading.partition;
    out.offset = offset;
    out.timestamp_ms = protocol::timestamp_of(*record, header);
    out.key = record->key;
    out.value = record->value;
    out.headers = record->headers;
    out.delivery_count = range->delivery_count;
  }
  if (!records.error()) return reading.cursor.pass(header.next_offset(), reading.left.gaps);
  note(reading, header.base_offset, std::string(describe(*records.error())));
  reading.cursor.pass(header.next_offset(), reading.left.corrupt);
}

}  // namespace

QueueLeftovers add_records(QueueChunk& chunk, const QueueSession::Acquired& acquired,
                           bool check_crcs, protocol::Decompressor& decompressor) {
  QueueLeftovers left;
  const std::string_view topic = chunk.topics.emplace_back(acquired.target.where.topic);
  auto ranges = acquired.ranges;
  std::ranges::sort(ranges, {}, &AcquiredCursor::Range::first_offset);
  Reading reading{chunk, topic, acquired.target.id.partition, AcquiredCursor(ranges), left};
  Bytes bytes = acquired.records.value_or(Bytes{});
  while (!bytes.empty()) {
    const auto batch = protocol::parse_batch(bytes);
    if (!batch) break;  // cut short, or broken: what was acquired of it cannot be read
    read_batch(reading, *batch, check_crcs, decompressor);
    bytes = bytes.subspan(batch->bytes.size());
  }
  const std::size_t corrupt_before = left.corrupt.size();
  if (!ranges.empty() && !bytes.empty()) {
    reading.cursor.pass(ranges.back().last_offset + 1, left.corrupt);
    if (left.corrupt.size() != corrupt_before)
      note(reading, left.corrupt[corrupt_before], "the batch does not parse");
  } else if (!ranges.empty()) {
    reading.cursor.pass(ranges.back().last_offset + 1, left.gaps);
  }
  return left;
}

}  // namespace sluice::client
