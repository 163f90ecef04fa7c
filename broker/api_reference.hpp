// The APIs served, beside those of Kafka: docs/api-matrix.md, made by `sluiced apis`.
#pragma once

#include <string>

namespace sluice::broker {

// Markdown: for each API that Kafka 4.3 offers to clients, and each of ours, the versions that
// Kafka has and those that ApiVersions tells here, and what differs. Our side is read off the table
// of handlers; Kafka's is what a Kafka 4.3.1 told in ApiVersions.
std::string print_api_reference();

}  // namespace sluice::broker
