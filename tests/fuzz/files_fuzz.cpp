// Any bytes as the small files of a partition: reading ends with a value or an error, and a value
// that is written again reads as itself.
//
// Input: a letter for the kind of file, and its content.
#include "base/check.hpp"
#include "storage/checkpoint.hpp"
#include "storage/epochs.hpp"
#include "storage/offset_index.hpp"
#include "storage/producer_state.hpp"
#include "storage/seal.hpp"
#include "storage/time_index.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::storage {
namespace {

constexpr Offset base = 1000;
constexpr std::int64_t log_size = 1 << 20;

void use_offset_index(Bytes bytes) {
  const auto index = OffsetIndex::decode(base, bytes, log_size);
  if (!index) return;
  std::vector<std::byte> again;
  index->encode(0, again);
  SLUICE_CHECK(std::ranges::equal(again, bytes));
  for (std::size_t i = 0; i < index->count(); ++i) {
    const OffsetIndex::Entry entry = index->at(i);
    SLUICE_CHECK(entry.position < log_size);
    SLUICE_CHECK(index->lookup(entry.offset) == entry);
    SLUICE_CHECK(index->lookup_position(entry.position) == entry);
  }
}

void use_time_index(Bytes bytes) {
  const auto index = TimeIndex::decode(base, bytes, base + 100'000);
  if (!index) return;
  std::vector<std::byte> again;
  index->encode(0, again);
  SLUICE_CHECK(std::ranges::equal(again, bytes));
  for (std::size_t i = 0; i < index->count(); ++i)
    SLUICE_CHECK(index->lookup(index->at(i).timestamp) == index->at(i));
}

void use_snapshot(Bytes bytes) {
  const auto states = ProducerStates::decode(bytes);
  if (!states) return;
  const auto again = ProducerStates::decode(states->encode());
  SLUICE_CHECK(again.has_value());
  SLUICE_CHECK(again->count() == states->count());
}

void use_seal(Bytes bytes) {
  const auto seal = Seal::decode(bytes);
  if (seal) SLUICE_CHECK(Seal::decode(seal->encode()) == *seal);
}

void use_epochs(Bytes bytes) {
  const auto epochs = Epochs::decode(as_text(bytes));
  if (!epochs) return;
  const auto again = Epochs::decode(epochs->encode());
  SLUICE_CHECK(again.has_value() && again->latest() == epochs->latest());
  for (const EpochStart& start : epochs->entries())
    SLUICE_CHECK(epochs->at(start.start) == start.epoch);
}

void use(Bytes input) {
  if (input.empty()) return;
  const Bytes content = input.subspan(1);
  switch (static_cast<char>(input[0])) {
    case 'O':
      return use_offset_index(content);
    case 'T':
      return use_time_index(content);
    case 'P':
      return use_snapshot(content);
    case 'S':
      return use_seal(content);
    case 'E':
      return use_epochs(content);
    default:
      (void)decode_checkpoint(as_text(content), 3);
  }
}

}  // namespace
}  // namespace sluice::storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::storage::use(std::as_bytes(std::span{data, size}));
  return 0;
}
