// `sluice backup` and `sluice restore`: topics as the record batches they are made of, in files.
// The directory's format: docs/records.md.
#pragma once

#include "tools/sluice/cli.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::cli {

struct BackupOptions {
  std::string directory;
  std::vector<std::string> topics;  // empty: all but the brokers' own
  bool groups = true;               // their offsets, too
};
// Takes what is new since the directory's last backup, up to where each partition ends now.
Exit backup_create(const Global& global, const BackupOptions& options);

struct BackupVerifyOptions {
  std::string directory;
};
Exit backup_verify(const Global& global, const BackupVerifyOptions& options);

struct RestoreOptions {
  std::string directory;
  std::vector<std::string> topics;  // empty: all
  std::string prefix;               // before the names of topics and groups
  bool groups = true;
  bool dry_run = false;
};
Exit restore(const Global& global, const RestoreOptions& options);

// Complains of an error of these commands; those of our own are sentences.
Exit complain_of_backup(const Global& global, const Error& error);

void add_backup_create_options(CLI::App& command, BackupOptions& options);
void add_backup_verify_options(CLI::App& command, BackupVerifyOptions& options);
void add_restore_options(CLI::App& command, RestoreOptions& options);

}  // namespace sluice::cli
