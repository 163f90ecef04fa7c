// A member of a consumer group (classic protocol): joins, reads what it is given, commits.
//
// After a commit whose answer was lost it joins anew: the lost request may still be on its way, and
// only another generation, or another member id, keeps it from setting the offset back. A leader
// that joins gets the next generation; anybody else stays in the same one, and takes another id.
#pragma once

#include "protocol/error_code.hpp"
#include "tests/simulation/client.hpp"
#include "tests/simulation/group_ledger.hpp"

#include <map>
#include <vector>

namespace sluice::simulation {

class Member final : public Client {
 public:
  Member(World& world, std::uint64_t seed, GroupLedger& ledger, std::vector<Place> places)
      : Client(world, seed), ledger_(ledger), places_(std::move(places)) {}

  Task<> run();
  // Asks for the committed offsets and compares.
  Task<> audit();

 private:
  Task<bool> join();
  Task<bool> sync(std::string leader, std::string protocol, std::vector<std::string> members);
  Task<bool> fetch_offsets();
  Task<bool> heartbeat();
  Task<bool> read();
  Task<bool> commit();
  Task<> commit_late(GenerationId former);
  Task<> serve();
  Task<> leave();
  bool refused(protocol::ErrorCode error);

  GroupLedger& ledger_;
  std::vector<Place> places_;
  std::string member_id_;
  GenerationId generation_ = -1;
  bool leads_ = false;
  std::map<Place, Offset> positions_;  // of what is assigned
};

}  // namespace sluice::simulation
