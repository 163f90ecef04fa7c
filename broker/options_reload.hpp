// What a configuration that was read again changes in a running broker. Sans-IO.
//
//   const Reload reload = plan_reload(running, loaded);
//   broker.reload(reload.options);          // then `running` is reload.options
//   for (const OptionChange& change : reload.changes) …   // to be logged
#pragma once

#include "broker/options.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

struct OptionChange {
  std::string_view name;
  std::string before;  // Kafka's spelling; empty: unset
  std::string after;
  bool live = false;  // else the running value stays until a restart
};

struct Reload {
  Options options;  // `running` with the live changes; values that stay keep their source, too
  std::vector<OptionChange> changes;  // sorted by name
};

// Requires: `loaded` passed check_options().
Reload plan_reload(const Options& running, const Options& loaded);

}  // namespace sluice::broker
