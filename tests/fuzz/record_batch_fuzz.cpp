// Any bytes as record batches: walks end, checks give a verdict, and what the check accepts can be
// walked, filtered and recompressed without loss.
//
// Input: the records field of a Produce request. It is tried as it is, and with its length and CRC
// made right, so that mutations reach what lies behind them.
#include "base/check.hpp"
#include "protocol/batch_check.hpp"
#include "protocol/batch_rewrite.hpp"
#include "protocol/record.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::protocol {
namespace {

constexpr std::size_t size_max = 4 * 1024 * 1024;
constexpr CheckPolicy policy{
    .max_message_bytes = size_max, .now_ms = 1'700'000'000'000, .decompressed_size_max = size_max};

class KeepEven final : public RecordFilter {
 public:
  bool keep(const BatchHeader&, const Record& record) override {
    return record.offset_delta % 2 == 0;
  }
};

void walk(Bytes bytes) {
  BatchIterator batches{bytes};
  std::size_t total = 0;
  while (const auto batch = batches.next()) {
    total += batch->bytes.size();
    RecordIterator records{*batch};
    std::size_t header_bytes = 0;
    while (const auto record = records.next())
      for (const RecordHeader& header : record->headers) header_bytes += header.key.size();
    SLUICE_CHECK(header_bytes <= batch->bytes.size());
  }
  SLUICE_CHECK(total == batches.position());
}

std::size_t count_records(Bytes batch, Decompressor& decompressor) {
  const auto view = parse_batch(batch);
  SLUICE_CHECK(view.has_value());
  SLUICE_CHECK(batch_crc_matches(batch));
  std::vector<std::byte> area;
  SLUICE_CHECK(decompressor.decompress(view->header.compression(), view->records(), size_max, area)
                   .has_value());
  RecordIterator records{area, view->header.record_count};
  std::size_t count = 0;
  while (records.next()) ++count;
  SLUICE_CHECK(!records.error());
  return count;
}

void use(Bytes bytes) {
  walk(bytes);
  auto checked = check_batch(bytes, policy);
  if (!checked) return;
  const BatchView batch = *parse_batch(bytes);
  Compressor compressor;
  Decompressor decompressor{{.zstd_window_log_max = 23}};
  if (checked->needs_walk) checked = check_compressed(batch, policy, decompressor);
  if (!checked) return;
  const auto count = static_cast<std::size_t>(checked->header.record_count);
  SLUICE_CHECK(count_records(bytes, decompressor) == count);

  const Recoding recoding{compressor, decompressor, size_max};
  const auto recompressed = recompress(batch, Compression::lz4, recoding);
  SLUICE_CHECK(recompressed.has_value());
  SLUICE_CHECK(count_records(*recompressed, decompressor) == count);
  KeepEven even;
  const auto filtered = filter_batch(batch, even, {.delete_horizon_ms = 5}, recoding);
  SLUICE_CHECK(filtered.has_value());
  SLUICE_CHECK(static_cast<std::size_t>(filtered->kept) == (count + 1) / 2);
  SLUICE_CHECK(count_records(filtered->bytes, decompressor) == (count + 1) / 2);
}

void use_repaired(Bytes bytes) {
  if (bytes.size() < batch_header_size) return;
  std::vector<std::byte> repaired(bytes.begin(), bytes.end());
  store_big_endian(repaired.data() + batch_layout::base_offset, std::int64_t{0});
  store_big_endian(repaired.data() + batch_layout::batch_length,
                   static_cast<std::int32_t>(bytes.size() - batch_layout::length_prefix));
  repaired[batch_layout::magic] = std::byte{batch_magic};
  refresh_batch_crc(repaired);
  use(repaired);
}

}  // namespace
}  // namespace sluice::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span{data, size});
  sluice::protocol::use(bytes);
  sluice::protocol::use_repaired(bytes);
  return 0;
}
