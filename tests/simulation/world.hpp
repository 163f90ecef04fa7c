// Everything in one run: the machine, its network, and what clients know.
#pragma once

#include "base/task_group.hpp"
#include "tests/simulation/ledger.hpp"
#include "tests/simulation/machine.hpp"
#include "tests/simulation/network.hpp"

#include <cstdint>

namespace sluice::simulation {

struct World {
  World(std::uint64_t seed, SimDiskOptions disk, NetworkOptions net)
      : machine(seed, disk), network(machine, seed * 31 + 7, net) {}

  Machine machine;
  Network network;
  Verdict verdict;
  Ledger ledger{verdict};
  TaskGroup clients{machine.sim().executor()};
  bool ending = false;  // clients finish what they have begun, and begin nothing new
  int producing = 0;    // producers that have not ended
};

}  // namespace sluice::simulation
