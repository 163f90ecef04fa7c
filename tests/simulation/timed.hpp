// Clients of a topic whose records may wait for their time (sluice-deliver-at).
#pragma once

#include "tests/simulation/client.hpp"
#include "tests/simulation/timed_ledger.hpp"

#include <cstdint>

namespace sluice::simulation {

// Sends records that are to wait, one at a time, until each is confirmed.
class TimedProducer final : public Client {
 public:
  TimedProducer(World& world, std::uint64_t seed, std::uint32_t number, TimedLedger& ledger,
                Place place)
      : Client(world, seed), number_(number), ledger_(ledger), place_(std::move(place)) {}

  Task<> run();

 private:
  Task<bool> attempt(RecordId id, std::int64_t due_ms);

  std::uint32_t number_;
  TimedLedger& ledger_;
  Place place_;
  std::uint32_t next_ = 0;
};

// Follows the topic until the run is ending and everything that was acknowledged has come.
class TimedReader final : public Client {
 public:
  TimedReader(World& world, std::uint64_t seed, TimedLedger& ledger, Place place)
      : Client(world, seed), ledger_(ledger), place_(std::move(place)) {}

  Task<> run();

 private:
  Task<> read();

  TimedLedger& ledger_;
  Place place_;
  Offset next_ = 0;
};

}  // namespace sluice::simulation
