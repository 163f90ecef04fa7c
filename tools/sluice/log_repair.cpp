// repair, index and cut: what changes a directory. All three take the lock, say what they will do
// before they do it, and ask.
#include "sluice/error.hpp"
#include "storage/directory_lock.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/log.hpp"

#include <cerrno>
#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>

namespace sluice::cli {
namespace {

using inspect::Apply;
using inspect::DataDirectory;
using inspect::RepairReport;
using inspect::RepairStep;

std::string describe(const RepairStep& step) {
  std::string text = place_text(step.file, step.position, step.size) + ": " + step.done;
  if (step.lost_first >= 0) text += "; lost are " + offsets_text(step.lost_first, step.lost_last);
  if (!step.kept_as.empty()) text += "; kept as " + step.kept_as;
  return text;
}

std::string as_json(const DataDirectory& directory, const RepairReport& report, Apply apply) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("directory", directory.root).field("applied", apply == Apply::yes);
  json.key("steps").begin_array();
  for (const RepairStep& step : report.steps)
    json.begin_object()
        .field("partition", step.partition)
        .field("file", step.file)
        .field("done", step.done)
        .field("position", step.position)
        .field("size_bytes", step.size)
        .field("lost_first_offset", step.lost_first)
        .field("lost_last_offset", step.lost_last)
        .field("kept_as", step.kept_as)
        .end_object();
  json.end_array();
  json.key("left").begin_array();
  for (const auto& finding : report.left) json.raw_json(to_json(finding));
  json.end_array().end_object();
  return out + "\n";
}

void print(const Global& global, const DataDirectory& directory, const RepairReport& report,
           Apply apply) {
  Output out;
  if (global.json) {
    out.write(as_json(directory, report, apply));
    return;
  }
  for (const RepairStep& step : report.steps)
    out.write((apply == Apply::yes ? "done   " : "would  ") + describe(step) + "\n");
  for (const auto& finding : report.left) out.write("left   " + cli::describe(finding) + "\n");
}

bool agreed() {
  std::cerr << "Change these files? Type 'yes': " << std::flush;
  std::string answer;
  return std::getline(std::cin, answer) && answer == "yes";
}

// What is to be done to the directory: the same code says it and does it.
using Work = std::function<Result<RepairReport>(const DataDirectory&, Apply)>;

Exit change(const Global& global, const LogOptions& options, const Work& work) {
  auto directory = open_directory(options.path, options.topics);
  if (!directory) return directory.error();
  if (directory->writer == inspect::Writer::kafka)
    return complain(Exit::usage, options.path + " was written by Apache Kafka: it is only read");
  std::optional<storage::DirectoryLock> lock;
  if (!options.dry_run && !directory->has_root)
    return complain(Exit::usage, directory->root +
                                     " is no data directory, and only one that is locked is "
                                     "changed");
  if (!options.dry_run) {
    auto taken = storage::DirectoryLock::acquire(directory->root);
    if (!taken) return complain_of_file(taken.error());
    lock.emplace(std::move(*taken));
    // Seen under the lock: a broker may just have ended.
    directory = open_directory(options.path, options.topics);
    if (!directory) return directory.error();
    directory->holder.reset();
  }
  const auto plan = work(*directory, Apply::no);
  if (!plan) return complain_of_file(plan.error());
  const bool nothing = plan->steps.empty();
  if (nothing || options.dry_run) {
    print(global, *directory, *plan, Apply::no);
    if (nothing) say(global, "nothing to do");
    return plan->left.empty() ? Exit::ok : Exit::failed;
  }
  if (!options.confirm) {
    if (global.no_input || !interactive())
      return complain(Exit::usage,
                      "this changes files: --confirm does it, --dry-run only says what");
    print({.quiet = global.quiet}, *directory, *plan, Apply::no);
    if (!agreed()) return complain(Exit::failed, "nothing was changed");
  }
  const auto done = work(*directory, Apply::yes);
  if (!done) return complain_of_file(done.error());
  print(global, *directory, *done, Apply::yes);
  return done->left.empty() ? Exit::ok : Exit::failed;
}

}  // namespace

Exit log_repair(const Global& global, const LogOptions& options) {
  std::optional<inspect::VerifyReport> found;  // once: the second run would be no other
  return change(global, options,
                [&](const DataDirectory& directory, Apply apply) -> Result<RepairReport> {
                  if (!found) {
                    auto report = verify_with_progress(global, directory, options.threads);
                    if (!report) return std::unexpected(report.error());
                    if (interrupted()) return fail(Errc::cancelled, "nothing was changed");
                    found = std::move(*report);
                  }
                  return inspect::repair(directory, *found, apply);
                });
}

Exit log_index(const Global& global, const LogOptions& options) {
  return change(global, options, [](const DataDirectory& directory, Apply apply) {
    return inspect::rebuild_indexes(directory, apply);
  });
}

Exit log_cut(const Global& global, const LogOptions& options) {
  LogOptions of_partition = options;
  // What is cut is the whole log, also when one file of it is named.
  std::error_code error;
  if (std::filesystem::is_regular_file(options.path, error))
    of_partition.path = std::filesystem::canonical(options.path, error).parent_path().string();
  of_partition.topics = {options.partition};
  return change(global, of_partition,
                [&](const DataDirectory& directory, Apply apply) -> Result<RepairReport> {
                  if (directory.partitions.size() != 1)
                    return fail_errno(EINVAL, "'" + options.partition + "' is no TOPIC-PARTITION");
                  return inspect::cut(directory, directory.partitions.front(), options.to_offset,
                                      apply);
                });
}

}  // namespace sluice::cli
