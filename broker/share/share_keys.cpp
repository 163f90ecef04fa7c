#include "broker/share/share_keys.hpp"

#include "protocol/compression.hpp"
#include "protocol/record.hpp"

#include <functional>
#include <string_view>

namespace sluice::broker {

std::optional<std::vector<RecordKey>> keys_of(const protocol::BatchView& batch) {
  std::vector<RecordKey> keys;
  if (batch.header.is_control()) return keys;
  std::vector<std::byte> plain;
  Bytes area = batch.records();
  if (batch.header.compression() != protocol::Compression::none) {
    protocol::Decompressor decompressor;
    const auto done = decompressor.decompress(batch.header.compression(), area,
                                              protocol::decompressed_size_max_default, plain);
    if (!done) return std::nullopt;
    area = plain;
  }
  protocol::RecordIterator records{area, batch.header.record_count};
  while (const auto record = records.next()) {
    RecordKey& key = keys.emplace_back();
    key.offset = protocol::offset_of(*record, batch.header);
    if (record->key) key.key_hash = std::hash<std::string_view>{}(as_text(*record->key));
  }
  if (records.error()) return std::nullopt;
  return keys;
}

}  // namespace sluice::broker
