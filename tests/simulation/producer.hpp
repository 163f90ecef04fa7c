// A producer: one batch at a time to one of its partitions, sent again until it is confirmed.
#pragma once

#include "tests/simulation/client.hpp"

#include <map>
#include <vector>

namespace sluice::simulation {

class Producer final : public Client {
 public:
  Producer(World& world, std::uint64_t seed, std::uint32_t number, std::vector<Place> places,
           bool idempotent)
      : Client(world, seed), number_(number), places_(std::move(places)), idempotent_(idempotent) {}

  // Until the run is ending; what was begun then is brought to its end.
  Task<> run();

 private:
  Task<bool> prepare();
  Task<> produce_batch();
  Task<bool> attempt(const Place& place, const SentBatch& batch, Bytes bytes);
  std::vector<std::byte> encode(const Place& place, const SentBatch& batch);

  std::uint32_t number_;
  std::vector<Place> places_;
  bool idempotent_;
  std::uint32_t next_record_ = 0;
  ProducerId producer_id_ = -1;
  ProducerEpoch producer_epoch_ = -1;
  std::map<Place, Sequence> sequences_;
};

}  // namespace sluice::simulation
