// What every FileSystem promises, as coroutines that run on any of them. The simulated disk passes
// the same contract as the real backends: otherwise crash tests on it would prove nothing.
#pragma once

#include "base/task.hpp"
#include "storage/file_system.hpp"

namespace sluice::storage::contract {

using Scenario = Task<> (*)(FileSystem&);

struct Named {
  const char* name;
  Scenario run;
};

// All scenarios; each starts from an empty root.
extern const Named scenarios[];
extern const std::size_t scenario_count;

}  // namespace sluice::storage::contract
