// Any bytes as the directory of a partition: opening it ends with a log or an error; what is read
// is whole; what is appended is there after the next start.
//
// Input: files one after the other: a byte for the name, two for the size (big-endian), the
// content.
#include "tests/support/log_bench.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace sluice::storage {
namespace {

using testing::LogBench;

constexpr std::string_view names[] = {
    "orders-0/00000000000000000000.log",        "orders-0/00000000000000000000.index",
    "orders-0/00000000000000000000.timeindex",  "orders-0/00000000000000000000.seal",
    "orders-0/00000000000000000005.log",        "orders-0/00000000000000000005.index",
    "orders-0/00000000000000000005.timeindex",  "orders-0/00000000000000000005.snapshot",
    "orders-0/leader-epoch-checkpoint",         "orders-0/log-start-offset-checkpoint",
    "orders-0/cleaner-offset-checkpoint",       "orders-0/partition.metadata",
    "orders-0/00000000000000000000.5.log.swap", "meta/frontier-0",
};

void put_files(SimDisk& disk, Bytes input) {
  while (input.size() >= 3) {
    const std::string name(names[std::to_integer<std::size_t>(input[0]) % std::size(names)]);
    const auto size =
        std::min<std::size_t>(load_big_endian<std::uint16_t>(input.data() + 1), input.size() - 3);
    disk.put(name, input.subspan(3, size));
    input = input.subspan(3 + size);
  }
}

// Reads as a consumer does; past what is damaged it goes record by record.
void read_to_the_end(LogBench& bench) {
  constexpr int steps_max = 1000;
  Offset from = bench.log().log_start_offset();
  for (int step = 0; step < steps_max && from < bench.log().high_watermark(); ++step) {
    auto got = bench.read(from, 4096);
    if (!got || got->empty()) {
      ++from;
      continue;
    }
    SLUICE_CHECK(got->next_offset > from);
    from = got->next_offset;
    const Slice slice = contiguous(std::move(*got));
    protocol::BatchIterator batches{slice.bytes};
    while (const auto batch = batches.next())
      SLUICE_CHECK(protocol::batch_crc_matches(batch->bytes));
  }
}

void use(Bytes input) {
  LogBench bench;
  put_files(bench.disk(), input);
  if (!bench.try_open()) return;
  read_to_the_end(bench);
  (void)bench.sim().run(bench.log().find_by_time(0));
  (void)bench.sim().run(bench.log().max_timestamp());
  const auto added = bench.append_durable(testing::make_batch("added", 1));
  if (!added) return;
  bench.crash();
  SLUICE_CHECK(bench.try_open());
  SLUICE_CHECK(bench.log().high_watermark() >= added->durable_end());
  const auto read = bench.read_all(added->base_offset);
  SLUICE_CHECK(read && !read->empty() && read->front().offset == added->base_offset);
}

}  // namespace
}  // namespace sluice::storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::storage::use(std::as_bytes(std::span{data, size}));
  return 0;
}
