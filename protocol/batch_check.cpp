#include "protocol/batch_check.hpp"

#include "base/check.hpp"
#include "protocol/record.hpp"
#include "protocol/record_scan.hpp"

#include <algorithm>
#include <utility>

namespace sluice::protocol {
namespace {

std::unexpected<BatchRefusal> refusal(ErrorCode code, std::string message) {
  return std::unexpected(BatchRefusal{code, std::move(message), {}});
}

// A bound of an int64 range instead of wrapping around.
std::int64_t saturating_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? std::numeric_limits<std::int64_t>::min()
               : std::numeric_limits<std::int64_t>::max();
}

std::unexpected<BatchRefusal> refuse_structure(BatchError error) {
  const bool is_magic = error == BatchError::unsupported_magic;
  return refusal(is_magic ? ErrorCode::invalid_record : ErrorCode::corrupt_message,
                 std::string{describe(error)});
}

std::expected<void, BatchRefusal> check_counts(const BatchHeader& header) {
  if (header.last_offset_delta < 0)
    return refusal(ErrorCode::invalid_record, "The batch has an invalid offset range, last delta " +
                                                  std::to_string(header.last_offset_delta));
  if (header.record_count <= 0)
    return refusal(ErrorCode::invalid_record,
                   "The batch announces " + std::to_string(header.record_count) + " records");
  if (std::int64_t{header.last_offset_delta} + 1 != header.record_count)
    return refusal(ErrorCode::invalid_record, "The offset range of the batch, last delta " +
                                                  std::to_string(header.last_offset_delta) +
                                                  ", does not fit its " +
                                                  std::to_string(header.record_count) + " records");
  return {};
}

std::expected<void, BatchRefusal> check_origin(const BatchHeader& header) {
  if (header.is_control())
    return refusal(ErrorCode::invalid_record, "Clients are not allowed to write control records");
  if (header.has_delete_horizon())
    return refusal(ErrorCode::invalid_record, "Clients are not allowed to set a delete horizon");
  if (header.has_producer_id() && header.base_sequence < 0)
    return refusal(ErrorCode::invalid_record,
                   "Invalid sequence number " + std::to_string(header.base_sequence) +
                       " in a batch with producer id " + std::to_string(header.producer_id));
  return {};
}

// Everything that is known without looking at records.
std::expected<BatchView, BatchRefusal> check_header(Bytes records, const CheckPolicy& policy) {
  if (records.empty())
    return refusal(ErrorCode::invalid_record,
                   "A produce request needs one record batch a partition");
  const auto batch = parse_batch(records);
  if (!batch) return refuse_structure(batch.error());
  const BatchHeader& header = batch->header;
  constexpr std::int16_t zstd_version_min = 7;
  if (header.compression() == Compression::zstd && policy.produce_version < zstd_version_min)
    return refusal(ErrorCode::unsupported_compression_type,
                   "Produce requests before version 7 may not use zstd");
  if (batch->bytes.size() != records.size())
    return refusal(ErrorCode::invalid_record,
                   "A produce request may hold only one record batch a partition");
  if (!is_known(header.compression()))
    return refusal(ErrorCode::unsupported_compression_type,
                   std::string{describe(BatchError::unknown_compression)});
  if (header.base_offset != 0)
    return refusal(ErrorCode::invalid_record, "The base offset of the batch should be 0, but is " +
                                                  std::to_string(header.base_offset));
  if (records.size() > policy.max_message_bytes)
    return refusal(ErrorCode::message_too_large,
                   "The record batch of " + std::to_string(records.size()) +
                       " bytes exceeds the maximum of " + std::to_string(policy.max_message_bytes));
  if (!batch_crc_matches(records)) return refuse_structure(BatchError::crc_mismatch);
  if (auto checked = check_counts(header); !checked)
    return std::unexpected(std::move(checked.error()));
  if (auto checked = check_origin(header); !checked)
    return std::unexpected(std::move(checked.error()));
  return *batch;
}

}  // namespace

std::expected<CheckedBatch, BatchRefusal> check_batch(Bytes records, const CheckPolicy& policy) {
  auto batch = check_header(records, policy);
  if (!batch) return std::unexpected(std::move(batch.error()));
  const BatchHeader& header = batch->header;
  if (header.timestamp_type() == TimestampType::log_append_time)
    return refusal(ErrorCode::invalid_timestamp,
                   "Producers may not set the timestamp type to LogAppendTime");
  if (header.compression() != Compression::none) {
    const bool walk =
        policy.compressed_walk == CompressedWalk::always || policy.keys == KeyRule::required;
    return CheckedBatch{.header = header, .needs_walk = walk};
  }
  RecordRules rules{header, policy};
  rules.take(batch->records(), RecordRules::More::no);
  return rules.finish(header);
}

// ---- Records ----

RecordRules::RecordRules(const BatchHeader& header, const CheckPolicy& policy)
    : count_(header.record_count),
      base_timestamp_(header.base_timestamp),
      earliest_(saturating_add(policy.now_ms, -policy.timestamp_before_max_ms)),
      latest_(saturating_add(policy.now_ms, policy.timestamp_after_max_ms)),
      keys_(policy.keys),
      timestamp_type_(policy.timestamp_type) {}

std::size_t RecordRules::take(Bytes area, More more) {
  const std::byte* const begin = area.data();
  const std::byte* const end = begin + area.size();
  const std::byte* at = begin;
  RecordShape record;
  while (at != end && !malformed_) {
    if (more == More::may_follow) {
      const Bytes rest{at, end};
      const auto size = peek_record_size(rest);
      if (size && (*size == 0 || *size > rest.size())) break;  // the rest of it is yet to come
    }
    const std::byte* const next = taken_ < count_ ? scan_record(at, end, record) : nullptr;
    if (next == nullptr) {
      malformed_ = true;
      break;
    }
    at = next;
    const auto timestamp =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(base_timestamp_) +
                                  static_cast<std::uint64_t>(record.timestamp_delta));
    max_timestamp_ = std::max(max_timestamp_, timestamp);
    if (record.offset_delta != taken_) [[unlikely]] {
      refuse_offset();
    } else if (keys_ == KeyRule::required && record.key_size < 0) [[unlikely]] {
      refuse_key();
    } else if (timestamp_type_ == TimestampType::create_time &&
               (timestamp < earliest_ || timestamp > latest_)) [[unlikely]] {
      refuse_timestamp(timestamp);
    }
    ++taken_;
  }
  return static_cast<std::size_t>(at - begin);
}

void RecordRules::refuse_offset() {
  refuse(ErrorCode::invalid_record, "The records of a batch must be numbered from 0");
}

void RecordRules::refuse_key() {
  refuse(ErrorCode::invalid_record, "Compacted topic cannot accept message without key");
}

void RecordRules::refuse_timestamp(std::int64_t timestamp) {
  if (timestamp == no_timestamp) return;
  refuse(ErrorCode::invalid_timestamp, "Timestamp " + std::to_string(timestamp) +
                                           " of the message is out of range. The timestamp should "
                                           "be within [" +
                                           std::to_string(earliest_) + ", " +
                                           std::to_string(latest_) + "]");
}

void RecordRules::refuse(ErrorCode code, std::string message) {
  ++refused_;
  if (code == ErrorCode::invalid_timestamp) timestamp_refused_ = true;
  if (errors_.size() < record_errors_max) errors_.push_back({taken_, std::move(message)});
}

std::expected<CheckedBatch, BatchRefusal> RecordRules::finish(const BatchHeader& header) const {
  if (malformed_)
    return refusal(ErrorCode::invalid_record, std::string{describe(BatchError::bad_record)});
  if (taken_ != count_)
    return refusal(ErrorCode::invalid_record, std::string{describe(BatchError::bad_record_count)});
  if (timestamp_refused_)
    return std::unexpected(
        BatchRefusal{ErrorCode::invalid_timestamp,
                     "One or more records have been rejected due to invalid timestamp", errors_});
  if (refused_ > 0)
    return std::unexpected(BatchRefusal{ErrorCode::invalid_record,
                                        "One or more records have been rejected due to " +
                                            std::to_string(refused_) + " record errors in total",
                                        errors_});
  const bool is_create_time = timestamp_type_ == TimestampType::create_time;
  return CheckedBatch{
      .header = header,
      .max_timestamp = max_timestamp_,
      .max_timestamp_is_wrong = is_create_time && max_timestamp_ != header.max_timestamp};
}

// ---- Compressed records ----

namespace {
// Most batches are small: no need to clear a whole slice for them.
std::size_t slice_size_for(std::size_t batch_size) {
  constexpr std::size_t slice_min = 4 * 1024;
  constexpr std::size_t slice_max = 64 * 1024;
  return std::clamp(4 * batch_size, slice_min, slice_max);
}
}  // namespace

CompressedCheck::CompressedCheck(const BatchView& batch, const CheckPolicy& policy,
                                 Decompressor& decompressor)
    : header_(batch.header),
      rules_(batch.header, policy),
      decompressor_(decompressor),
      slice_size_(slice_size_for(batch.bytes.size())),
      output_left_(policy.decompressed_size_max) {
  SLUICE_CHECK(decompressor_.start(header_.compression(), batch.records()).has_value());
}

bool CompressedCheck::step(std::size_t slice_size) {
  if (done_) return false;
  // One byte more than allowed tells an output that ends at the limit from one that goes on.
  const std::size_t wanted = std::min(std::max<std::size_t>(slice_size, 1), output_left_ + 1);
  if (buffer_.size() < kept_ + wanted) buffer_.resize(kept_ + wanted);
  const auto size = decompressor_.read(MutableBytes{buffer_}.subspan(kept_, wanted));
  if (!size) {
    error_ = size.error();
    done_ = true;
    return false;
  }
  if (*size > output_left_) {
    error_ = BatchError::output_too_large;
    done_ = true;
    return false;
  }
  output_left_ -= *size;
  done_ = *size < wanted;
  const Bytes area = Bytes{buffer_}.first(kept_ + *size);
  const std::size_t eaten =
      rules_.take(area, done_ ? RecordRules::More::no : RecordRules::More::may_follow);
  kept_ = area.size() - eaten;
  if (rules_.failed()) done_ = true;
  if (!done_ && eaten > 0)
    std::copy(area.begin() + static_cast<std::ptrdiff_t>(eaten), area.end(), buffer_.begin());
  return !done_;
}

std::expected<CheckedBatch, BatchRefusal> CompressedCheck::result() const {
  SLUICE_CHECK(done_);
  if (error_ == BatchError::output_too_large)
    return refusal(ErrorCode::invalid_record, std::string{describe(error_)});
  if (error_ != BatchError{})
    return refusal(ErrorCode::corrupt_message, std::string{describe(error_)});
  return rules_.finish(header_);
}

std::expected<CheckedBatch, BatchRefusal> check_compressed(const BatchView& batch,
                                                           const CheckPolicy& policy,
                                                           Decompressor& decompressor) {
  CompressedCheck check{batch, policy, decompressor};
  while (check.step()) {
  }
  return check.result();
}

}  // namespace sluice::protocol
