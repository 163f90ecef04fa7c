// `sluice log`: a look into data directories, with or without a broker.
#pragma once

#include "tools/inspect/repair.hpp"
#include "tools/sluice/cli.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::cli {

// What the commands of `sluice log` have in common.
struct LogOptions {
  std::string path;                 // data directory, partition or segment
  std::vector<std::string> topics;  // TOPIC or TOPIC-PARTITION; empty: all
  unsigned threads = 0;             // verify: 0: one a core
  // dump
  std::string offsets;  // FIRST, FIRST-LAST
  std::int64_t position = 0;
  std::int64_t count = -1;  // batches
  bool headers_only = false;
  // repair, index, cut
  bool dry_run = false;
  bool confirm = false;
  std::string partition;  // cut
  Offset to_offset = 0;   // cut
};

struct LogStatOptions {
  std::vector<std::string> paths;
  std::vector<std::string> topics;
  std::size_t top = 10;
  unsigned threads = 0;                   // 0: one a core
  std::uint64_t sample_bytes = 32 << 20;  // before compression
};

struct LogDiffOptions {
  std::string a;
  std::string b;
  std::vector<std::string> topics;
  bool batches = false;
  std::int64_t count = -1;  // differences; -1: all
};

Exit log_ls(const Global& global, const LogOptions& options);
Exit log_dump(const Global& global, const LogOptions& options);
Exit log_stat(const Global& global, const LogStatOptions& options);
Exit log_diff(const Global& global, const LogDiffOptions& options);
Exit log_verify(const Global& global, const LogOptions& options);
Exit log_repair(const Global& global, const LogOptions& options);
Exit log_index(const Global& global, const LogOptions& options);
Exit log_cut(const Global& global, const LogOptions& options);

enum class LogCommand : std::uint8_t { ls, dump, verify, repair, index, cut };
void add_log_options(CLI::App& command, LogCommand which, LogOptions& options);
void add_log_stat_options(CLI::App& command, LogStatOptions& options);
void add_log_diff_options(CLI::App& command, LogDiffOptions& options);

// ---- Shared by the commands ----

// The directory at `path` with the topics or partitions that were asked for; with all when none
// were. The exit status, after a complaint, when there is none.
std::expected<inspect::DataDirectory, Exit> open_directory(const std::string& path,
                                                           const std::vector<std::string>& topics);
// What --topic can name there.
std::vector<std::string> names_in(const inspect::DataDirectory& directory);
// Only the topics or partitions named; all when none are.
void keep_asked_for(inspect::DataDirectory& directory, const std::vector<std::string>& topics);
// Bytes of all its segments.
std::int64_t size_of(const inspect::DataDirectory& directory);
// As a complaint with the exit status that fits errno.
Exit complain_of_file(const Error& error);
// "FILE", or "FILE: bytes 100 to 200".
std::string place_text(const std::string& file, std::int64_t position, std::int64_t size);
// "offsets 10 to 19", or "offsets 10 and on" where the last is not known.
std::string offsets_text(Offset first, Offset last);
// What a finding says, in one line for people and as a JSON object.
std::string describe(const inspect::Finding& finding);
std::string to_json(const inspect::Finding& finding);
// Verifies with a progress bar on a terminal.
Result<inspect::VerifyReport> verify_with_progress(const Global& global,
                                                   const inspect::DataDirectory& directory,
                                                   unsigned threads);

}  // namespace sluice::cli
