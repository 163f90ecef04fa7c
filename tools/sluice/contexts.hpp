// Contexts: named sets of what would otherwise be said on every command line. They lie in
// contexts.toml below $XDG_CONFIG_HOME/sluice (else ~/.config/sluice) and hold no secrets.
//
//   current = "staging"
//   [contexts.staging]
//   brokers = "10.0.0.1:9092,10.0.0.2:9092"
//   http = "10.0.0.1:9644"
//   timeout = 30
#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

struct Context {
  std::optional<std::string> brokers;
  std::optional<std::string> http;
  std::optional<double> timeout_seconds;
};

struct Contexts {
  std::string current;  // empty: none
  std::map<std::string, Context> all;
};

// The names that set_field() knows.
const std::vector<std::string>& context_fields();
// Sets a field, or takes it away with an empty value. Error: Errc::invalid_argument.
Result<> set_field(Context& context, std::string_view name, const std::string& value);

// Nothing when neither $XDG_CONFIG_HOME nor $HOME is set.
std::optional<std::filesystem::path> contexts_path();
// No file: no contexts. Errors: Errc::invalid_argument for a file that cannot be understood, with
// the line; the system's when it cannot be read.
Result<Contexts> load_contexts(const std::filesystem::path& path);
// Writes another file and renames it. Errors: the system's.
Result<> save_contexts(const std::filesystem::path& path, const Contexts& contexts);

}  // namespace sluice::cli
