// The text of /metrics.
#pragma once

#include "broker/metrics/process.hpp"
#include "broker/metrics/view.hpp"

#include <string>

namespace sluice::broker {

// Pure: any thread. 10,000 partitions take some milliseconds, so it is not for a shard.
std::string prometheus_text(const BrokerView& view, const ProcessFacts& process);

}  // namespace sluice::broker
