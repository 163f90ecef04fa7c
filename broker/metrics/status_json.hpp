// The JSON of /v1. A field is added, never renamed or removed; numbers that count are since the
// start of the broker, rates are their readers' differences. docs/monitoring.md has the fields.
#pragma once

#include "broker/metrics/process.hpp"
#include "broker/metrics/view.hpp"

#include <string>

namespace sluice::broker {

// All pure: any thread.
std::string status_json(const BrokerView& view, const ProcessFacts& process);
std::string topics_json(const BrokerView& view);
std::string groups_json(const BrokerView& view);

}  // namespace sluice::broker
