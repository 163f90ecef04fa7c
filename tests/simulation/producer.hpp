// A producer: sends batches to one of its partitions, again and again until all are confirmed.
// Without idempotence it is one at a time; with it up to five are on their way at once, as Kafka's
// clients do it, and at times it begins anew with another producer id.
#pragma once

#include "protocol/error_code.hpp"
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
  struct Pending {
    SentBatch batch;
    std::vector<std::byte> bytes;
    bool confirmed = false;
    protocol::ErrorCode error = protocol::ErrorCode::none;  // none without an answer, too
  };

  Task<> produce();
  Task<> attempt(Place place, Pending* pending);
  // False: the rest of this producer id's batches will never be taken.
  bool judge(const Place& place, const std::vector<Pending*>& sent, bool begins);
  std::vector<std::byte> encode(const SentBatch& batch, Sequence sequence);

  std::uint32_t number_;
  std::vector<Place> places_;
  bool idempotent_;
  std::uint32_t next_record_ = 0;
  ProducerId producer_id_ = -1;
  ProducerEpoch producer_epoch_ = -1;
  std::map<Place, Sequence> sequences_;
};

}  // namespace sluice::simulation
