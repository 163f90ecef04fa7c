// A consumer without a group: follows one partition from its start, and tells the ledger.
#pragma once

#include "protocol/error_code.hpp"
#include "tests/simulation/client.hpp"

#include <vector>

namespace sluice::simulation {

// One answer to a fetch of one partition.
struct Fetched {
  protocol::ErrorCode error = protocol::ErrorCode::none;
  Offset start = 0;
  Offset high_watermark = 0;
  Offset next = 0;  // where to go on
  std::vector<ReadRecord> records;
};

class Reader : public Client {
 public:
  Reader(World& world, std::uint64_t seed, Place place)
      : Client(world, seed), place_(std::move(place)) {}

  Task<> run();
  // Reads the whole partition and compares. Requires: the broker runs, the disk has no faults.
  Task<> audit();

 private:
  // Nothing: no answer.
  Task<std::optional<Fetched>> fetch(Offset from, std::int32_t wait_ms);

  void check_woken(Offset from, TimePoint asked);

  Place place_;
};

}  // namespace sluice::simulation
