// Reads options from their sources: a TOML file, the environment, flags. Unknown keys are refused
// with the nearest known one; every refusal names its place (file and line, variable, flag).
#pragma once

#include "broker/options.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::broker {

using Environment = std::vector<std::pair<std::string, std::string>>;

// The names and values of this process.
Environment process_environment();

// "log.retention.ms" → "SLUICE_LOG_RETENTION_MS"; the leading "sluice." of our own keys is dropped:
// "sluice.shards" → "SLUICE_SHARDS".
std::string environment_name(std::string_view key);

// Sets what the TOML text says. Tables nest as dots do, so [log.retention] ms = 1 is
// log.retention.ms; a key may also be written in quotes. `name` is the file's name for messages.
Result<> load_toml(Options& options, std::string_view text, std::string_view name);
Result<> load_toml_file(Options& options, const std::string& path);

// Sets what variables starting with SLUICE_ say; SLUICE_CONFIG and what Kubernetes injects for a
// service named sluice (SLUICE_SERVICE_…, SLUICE_PORT…) are not options.
Result<> load_environment(Options& options, const Environment& environment);

}  // namespace sluice::broker
