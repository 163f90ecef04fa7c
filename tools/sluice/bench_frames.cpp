#include "tools/sluice/bench_frames.hpp"

#include "base/check.hpp"
#include "base/random.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/frame.hpp"
#include "protocol/messages/fetch.hpp"
#include "protocol/messages/produce.hpp"
#include "protocol/record_batch.hpp"
#include "sluice/error.hpp"

#include <algorithm>

namespace sluice::bench {
namespace {

constexpr std::size_t correlation_at = 8;
constexpr std::string_view client_id = "sluice-bench";
// A record ends with its count of headers, one byte for none.
constexpr std::size_t after_value = 1;

// Reads big-endian fields one after the other; false from the first that is not there.
class Cursor {
 public:
  explicit Cursor(Bytes bytes) : bytes_(bytes) {}
  template <class T>
  T take() {
    if (bytes_.size() - at_ < sizeof(T)) {
      ok_ = false;
      return {};
    }
    at_ += sizeof(T);
    return load_big_endian<T>(bytes_.data() + at_ - sizeof(T));
  }
  Bytes take_bytes(std::size_t size) {
    ok_ = ok_ && bytes_.size() - at_ >= size;
    if (!ok_) return {};
    at_ += size;
    return bytes_.subspan(at_ - size, size);
  }
  void skip(std::size_t size) { take_bytes(size); }
  bool ok() const { return ok_; }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

std::vector<std::byte> random_bytes(std::size_t size, SeededRandom& random) {
  std::vector<std::byte> bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random.next());
  return bytes;
}

// Skips "one topic, its name, one partition"; false when the reply has another shape.
bool enter_partition(Cursor& reply) {
  if (reply.take<std::int32_t>() != 1) return false;
  reply.skip(static_cast<std::size_t>(std::max<std::int16_t>(0, reply.take<std::int16_t>())));
  return reply.take<std::int32_t>() == 1 && reply.ok();
}

}  // namespace

Batches::Batches(const BatchShape& shape, std::size_t variants, std::int64_t timestamp_ms,
                 std::uint64_t seed)
    : record_bytes_(shape.record_bytes) {
  SeededRandom random(seed);
  protocol::BatchBuilder builder;
  for (std::size_t i = 0; i < variants; ++i) {
    for (;;) {
      const auto value = random_bytes(shape.record_bytes, random);
      const protocol::NewRecord record{.timestamp = timestamp_ms, .value = value};
      if (!builder.empty() && builder.size_with(record) > shape.batch_bytes) break;
      builder.append(record);
    }
    records_ = static_cast<std::size_t>(builder.record_count());
    variants_.push_back(builder.finish());
  }
}

Bytes Batches::numbered(std::uint64_t number) {
  SLUICE_CHECK(record_bytes_ >= sizeof number);
  auto& batch = variants_.front();
  store_big_endian(batch.data() + batch.size() - after_value - record_bytes_, number);
  protocol::refresh_batch_crc(batch);
  return batch;
}

std::uint64_t number_of(Bytes batch, std::size_t value_bytes) {
  if (batch.size() < value_bytes + after_value) return ~std::uint64_t{0};
  return load_big_endian<std::uint64_t>(batch.data() + batch.size() - after_value - value_bytes);
}

ProduceHead::ProduceHead(const std::string& topic, PartitionIndex partition, std::int16_t acks,
                         std::size_t batch_size) {
  const std::vector<std::byte> records(batch_size);
  protocol::ProduceRequest request{.acks = acks, .timeout_ms = 30'000};
  request.topic_data = {
      {.name = topic, .partition_data = {{.index = partition, .records = Bytes(records)}}}};
  const auto error =
      protocol::encode_request(request, produce_version, 0, std::string(client_id), bytes_);
  SLUICE_CHECK(error == protocol::WireError{} && bytes_.size() > batch_size);
  bytes_.resize(bytes_.size() - batch_size);
}

Bytes ProduceHead::with_correlation(std::int32_t id) {
  store_big_endian(bytes_.data() + correlation_at, id);
  return bytes_;
}

FetchFrame::FetchFrame(const std::string& topic, PartitionIndex partition, std::int32_t max_bytes,
                       std::int32_t max_wait_ms) {
  protocol::FetchRequest request{
      .max_wait_ms = max_wait_ms, .min_bytes = 1, .max_bytes = max_bytes, .session_epoch = -1};
  request.topics = {
      {.topic = topic, .partitions = {{.partition = partition, .partition_max_bytes = max_bytes}}}};
  const auto error =
      protocol::encode_request(request, fetch_version, 0, std::string(client_id), bytes_);
  SLUICE_CHECK(error == protocol::WireError{});
}

// Behind the offset: log start offset (8), partition max bytes (4), no forgotten topics (4), an
// empty rack (2).
Bytes FetchFrame::at(std::int64_t offset, std::int32_t correlation_id) {
  constexpr std::size_t behind_offset = 8 + 4 + 4 + 2;
  store_big_endian(bytes_.data() + correlation_at, correlation_id);
  store_big_endian(bytes_.data() + bytes_.size() - behind_offset - sizeof offset, offset);
  return bytes_;
}

std::optional<ProduceReply> parse_produce_reply(Bytes frame) {
  Cursor cursor(frame);
  ProduceReply reply;
  reply.correlation_id = cursor.take<std::int32_t>();
  if (!enter_partition(cursor)) return {};
  cursor.skip(sizeof(std::int32_t));
  reply.error = cursor.take<std::int16_t>();
  reply.base_offset = cursor.take<std::int64_t>();
  if (!cursor.ok()) return {};
  return reply;
}

std::optional<FetchReply> parse_fetch_reply(Bytes frame) {
  Cursor cursor(frame);
  FetchReply reply;
  reply.correlation_id = cursor.take<std::int32_t>();
  cursor.skip(sizeof(std::int32_t));  // throttle time
  reply.error = cursor.take<std::int16_t>();
  cursor.skip(sizeof(std::int32_t));  // session
  if (cursor.ok() && reply.error != 0) return reply;
  if (!enter_partition(cursor)) return {};
  cursor.skip(sizeof(std::int32_t));
  reply.error = cursor.take<std::int16_t>();
  reply.high_watermark = cursor.take<std::int64_t>();
  cursor.skip(2 * sizeof(std::int64_t));  // last stable and first offset
  const auto aborted = std::max(0, cursor.take<std::int32_t>());
  cursor.skip(static_cast<std::size_t>(aborted) * 2 * sizeof(std::int64_t));
  cursor.skip(sizeof(std::int32_t));  // preferred replica
  const auto size = std::max(0, cursor.take<std::int32_t>());
  reply.records = cursor.take_bytes(static_cast<std::size_t>(size));
  if (!cursor.ok()) return {};
  return reply;
}

Result<Fetched> walk_records(Bytes records, std::int64_t from, Checksums checksums) {
  Fetched fetched{.next_offset = from};
  protocol::BatchIterator batches(records);
  while (const auto batch = batches.next()) {
    const auto& header = batch->header;
    const bool covers = header.base_offset <= from && header.last_offset() >= from;
    const bool follows = header.base_offset == fetched.next_offset;
    if (fetched.bytes == 0 ? !covers : !follows)
      return fail(Errc::malformed_response, "a batch at offset " +
                                                std::to_string(header.base_offset) + " where " +
                                                std::to_string(fetched.next_offset) + " was due");
    if (checksums == Checksums::checked && !protocol::batch_crc_matches(batch->bytes))
      return fail(Errc::corrupt_batch,
                  "checksum of the batch at offset " + std::to_string(header.base_offset));
    fetched.bytes += batch->bytes.size();
    fetched.records += static_cast<std::uint64_t>(header.next_offset() - fetched.next_offset);
    fetched.next_offset = header.next_offset();
  }
  if (batches.error() && *batches.error() != protocol::BatchError::truncated)
    return fail(Errc::malformed_response,
                "bytes that are no batch behind offset " + std::to_string(fetched.next_offset));
  return fetched;
}

}  // namespace sluice::bench
