#include "broker/share/share_batches.hpp"

#include "protocol/record.hpp"

#include <algorithm>
#include <memory>

namespace sluice::broker {
namespace {

using protocol::BatchHeader;
using protocol::BatchView;

// A batch is copied without the records that are not wanted if it is larger than this, and no more
// than one of so many is wanted.
constexpr std::size_t thinned_min = 4096;
constexpr std::int64_t thinned_ratio = 4;

bool holds(std::span<const AcquiredRange> ranges, Offset offset) {
  const auto at = std::ranges::lower_bound(ranges, offset, {}, &AcquiredRange::last);
  return at != ranges.end() && at->first <= offset;
}

// Ranges that reach into the offsets of `batch`.
std::span<const AcquiredRange> within(std::span<const AcquiredRange> ranges,
                                      const BatchHeader& batch) {
  const auto begin = std::ranges::lower_bound(ranges, batch.base_offset, {}, &AcquiredRange::last);
  const auto end = std::ranges::upper_bound(ranges, batch.last_offset(), {}, &AcquiredRange::first);
  return begin < end ? std::span(begin, end) : std::span<const AcquiredRange>{};
}

std::int64_t wanted_of(std::span<const AcquiredRange> ranges, const BatchHeader& batch) {
  std::int64_t wanted = 0;
  for (const AcquiredRange& range : ranges)
    wanted +=
        std::min(range.last, batch.last_offset()) - std::max(range.first, batch.base_offset) + 1;
  return wanted;
}

bool is_worth_thinning(const BatchView& batch, std::int64_t wanted) {
  return batch.bytes.size() > thinned_min && !batch.header.is_control() &&
         batch.header.compression() == protocol::Compression::none &&
         wanted * thinned_ratio <= batch.header.record_count;
}

// What lies behind so many records, by their lengths; nullopt: these are wrong.
std::optional<Bytes> behind(Bytes area, Offset records) {
  for (; records > 0; --records) {
    const auto size = protocol::peek_record_size(area);
    if (!size || *size == 0 || *size > area.size()) return std::nullopt;
    area = area.subspan(*size);
  }
  return area;
}

// Calls take(record) for those in `ranges`. False: the batch's records cannot be read.
template <class Take>
bool each_record_in(std::span<const AcquiredRange> ranges, const BatchView& batch, Take take) {
  const BatchHeader& header = batch.header;
  // Without gaps those before the first need not be parsed.
  const bool dense = header.record_count == header.last_offset_delta + 1;
  const Offset first = dense ? std::max(header.base_offset, ranges.front().first) : 0;
  const Offset skipped = dense ? first - header.base_offset : 0;
  const auto area = behind(batch.records(), skipped);
  if (!area) return false;
  protocol::RecordIterator records{*area, header.record_count - static_cast<std::int32_t>(skipped)};
  for (Offset expected = first; const auto record = records.next(); ++expected) {
    const Offset offset = protocol::offset_of(*record, header);
    if (dense && offset != expected) return false;
    if (holds(ranges, offset)) take(*record);
    if (offset >= ranges.back().last) return true;
  }
  return !records.error();
}

// The same batch, offsets included, with the records in `ranges` alone. Empty: its records cannot
// be read.
std::vector<std::byte> thinned(const BatchView& batch, std::span<const AcquiredRange> ranges) {
  std::vector<std::byte> out(protocol::batch_header_size);
  BatchHeader header = batch.header;
  header.record_count = 0;
  header.max_timestamp = protocol::no_timestamp;
  const auto take = [&](const protocol::Record& record) {
    out.insert(out.end(), record.bytes.begin(), record.bytes.end());
    ++header.record_count;
    header.max_timestamp =
        std::max(header.max_timestamp, protocol::timestamp_of(record, batch.header));
  };
  if (!each_record_in(ranges, batch, take)) return {};
  header.batch_length =
      static_cast<std::int32_t>(out.size() - protocol::batch_layout::length_prefix);
  protocol::write_batch_header(header, out);
  protocol::refresh_batch_crc(out);
  return out;
}

// Appends `part` of `read`; to the slice before it where it follows that.
void add(const storage::Slice& read, Bytes part, std::vector<storage::Slice>& slices) {
  if (!slices.empty() && slices.back().owner == read.owner) {
    Bytes& before = slices.back().bytes;
    if (before.data() + before.size() == part.data()) {
      before = {before.data(), before.size() + part.size()};
      return;
    }
  }
  slices.push_back({read.owner, part});
}

}  // namespace

ReadBatches batches_of(storage::Slice read) {
  ReadBatches out;
  protocol::BatchIterator batches{read.bytes};
  while (const auto batch = batches.next()) out.batches.push_back(*batch);
  out.read = std::move(read);
  return out;
}

std::vector<storage::Slice> slices_with(const ReadBatches& batches,
                                        std::span<const AcquiredRange> acquired) {
  std::vector<storage::Slice> slices;
  for (const BatchView& batch : batches.batches) {
    const auto ranges = within(acquired, batch.header);
    if (ranges.empty()) continue;
    if (is_worth_thinning(batch, wanted_of(ranges, batch.header))) {
      auto copy = std::make_shared<std::vector<std::byte>>(thinned(batch, ranges));
      if (!copy->empty()) {
        const Bytes bytes(*copy);
        slices.push_back({std::move(copy), bytes});
        continue;
      }
    }
    add(batches.read, batch.bytes, slices);
  }
  return slices;
}

}  // namespace sluice::broker
