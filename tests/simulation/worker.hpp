// A consumer of a share group: takes records of a queue; accepts, releases, rejects or forgets
// them.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/messages/share_fetch.hpp"
#include "tests/simulation/client.hpp"
#include "tests/simulation/queue_ledger.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::simulation {

class Worker final : public Client {
 public:
  // `places`: of one topic.
  Worker(World& world, std::uint64_t seed, std::string member, QueueLedger& ledger, TopicId topic,
         std::vector<Place> places)
      : Client(world, seed),
        member_(std::move(member)),
        ledger_(ledger),
        topic_(topic),
        places_(std::move(places)) {}

  // Once the run is ending, everything that comes is accepted, until nothing of the queue is open.
  Task<> run();

 private:
  enum class Fate : std::int8_t { accept = 1, release = 2, reject = 3 };
  // Records of one partition that share a fate.
  struct Held {
    Place place;
    Offset first = 0;
    Offset last = 0;
    Fate fate = Fate::accept;
  };

  Task<bool> heartbeat();
  Task<bool> fetch();
  Task<bool> settle();
  void take(const protocol::ShareFetchResponse::Partition& row, std::uint64_t asked);
  void choose(const Place& place, Offset first, Offset last);
  bool finished() const;
  bool draining() const { return world_.ending && world_.producing == 0; }
  void start_over();

  std::string member_;
  QueueLedger& ledger_;
  TopicId topic_;
  std::vector<Place> places_;
  std::int32_t member_epoch_ = 0;
  std::int32_t session_epoch_ = 0;
  TimePoint next_heartbeat_{};
  std::vector<Held> held_;
};

// Reads the dead-letter topic and tells the ledger of every copy.
class Undertaker final : public Client {
 public:
  Undertaker(World& world, std::uint64_t seed, QueueLedger& ledger)
      : Client(world, seed), ledger_(ledger) {}

  // Until the run is ending and nothing of `places` is open.
  Task<> run(std::vector<Place> places);

 private:
  Task<> read();
  void take(Bytes batches);

  QueueLedger& ledger_;
  Offset next_ = 0;
};

}  // namespace sluice::simulation
