// Whether the broker can do its work, and if not, why: the checks behind /readyz, /startupz and
// /healthz. A broker that cannot write is not ready; it is alive all the same.
#pragma once

#include "base/task.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

class Broker;

struct HealthCheck {
  std::string_view name;
  bool good = true;
  std::string message;  // of a check that failed: what is wrong, and what to do
};

// On shard 0. Logs are asked whether they take records; nothing is written.
Task<std::vector<HealthCheck>> check_health(Broker& broker);

struct StartupProgress {
  bool over = false;
  std::size_t partitions = 0;  // to open; 0 until the catalog is read
  std::size_t opened = 0;
};
// On shard 0.
Task<StartupProgress> startup_progress(Broker& broker);

}  // namespace sluice::broker
