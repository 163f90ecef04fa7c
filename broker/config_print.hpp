// The option tables as people read them: a configuration as TOML or JSON, a configuration file to
// start from, and the reference in Markdown. All of it comes from the rows of the tables.
#pragma once

#include "broker/options.hpp"

#include <string>

namespace sluice::broker {

// The whole configuration as TOML that reads back, one "key = value  # source; bounds" line a key.
std::string print_options(const Options& options);

// One JSON object: key to {"value": text or null, "source": text, "live": bool}. Values have
// Kafka's spelling.
std::string print_options_json(const Options& options);

// A configuration file with every key: what it means, its kind, bounds, default, environment
// variable, and whether it may change while the broker runs. Keys that were given explicitly
// (Options::settings) stand there as they are, the others are commented out with their default.
std::string print_example_file(const Options& options);

// docs/configuration.md: the broker's options, the configs of topics and of groups.
std::string print_reference();

}  // namespace sluice::broker
