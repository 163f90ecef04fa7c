// The files beside the logs, each by what its own checksum or shape says.
#include "broker/catalog_format.hpp"
#include "storage/checkpoint.hpp"
#include "storage/format.hpp"
#include "storage/producer_state.hpp"
#include "tools/inspect/frontiers.hpp"
#include "tools/inspect/read_file.hpp"
#include "tools/inspect/verify.hpp"

#include <filesystem>

namespace sluice::inspect {
namespace {

namespace fs = std::filesystem;

Finding damaged(FindingKind kind, const std::string& partition, std::string file,
                std::string detail) {
  return {
      .kind = kind, .partition = partition, .file = std::move(file), .detail = std::move(detail)};
}

void check_snapshots(const PartitionLog& log, std::vector<Finding>& findings) {
  for (const Offset offset : log.snapshots) {
    const auto path = log.file(offset, storage::snapshot_suffix);
    const auto bytes = read_whole(path);
    if (!bytes || storage::ProducerStates::decode(*bytes)) continue;
    findings.push_back(damaged(FindingKind::snapshot, log.directory, path,
                               "producer snapshot does not match its CRC"));
  }
}

void check_texts(const PartitionLog& log, std::vector<Finding>& findings) {
  for (const auto name : {storage::log_start_name, storage::cleaner_checkpoint_name}) {
    const std::string path = log.path + "/" + std::string(name);
    const auto bytes = read_whole(path);
    if (!bytes) continue;
    const auto rows = storage::decode_checkpoint(as_text(*bytes), 3);
    if (rows && rows->size() == 1 && storage::parse_number((*rows)[0][2])) continue;
    findings.push_back(
        damaged(FindingKind::checkpoint, log.directory, path, "the text is garbled"));
  }
  const std::string epochs = log.path + "/" + std::string(storage::epoch_checkpoint_name);
  if (const auto bytes = read_whole(epochs); bytes && !storage::Epochs::decode(as_text(*bytes)))
    findings.push_back(
        damaged(FindingKind::checkpoint, log.directory, epochs, "the text is garbled"));
}

// A slot that was never written is zeros; one of the two must hold.
void check_frontier(const std::string& path, std::vector<Finding>& findings) {
  const auto bytes = read_whole(path);
  if (!bytes || bytes->empty()) return;
  const auto slots = storage::count_frontier_slots(*bytes);
  if (slots.damaged == 0) return;
  auto finding = damaged(FindingKind::checkpoint, {}, path,
                         slots.intact == 0 ? "no slot of the frontier is intact"
                                           : "one slot of the frontier is not intact");
  // One is being written when a crash comes; the other then counts.
  if (slots.intact != 0) finding.severity = Severity::warning;
  findings.push_back(std::move(finding));
}

void check_meta(const DataDirectory& directory, std::vector<Finding>& findings) {
  for (const auto& name : frontier_files(directory.root))
    check_frontier(directory.root + "/" + name, findings);
  std::error_code error;
  const fs::path meta = fs::path(directory.root) / storage::meta_directory;
  for (const auto& entry : fs::directory_iterator(meta, error)) {
    const std::string name = entry.path().filename().string();
    const std::string path = entry.path().string();
    const auto bytes = read_whole(path);
    if (!bytes) continue;
    if (name == "catalog") {
      const auto catalog = broker::read_catalog(*bytes);
      if (!catalog)
        findings.push_back(damaged(FindingKind::checkpoint, {}, path, catalog.error().message()));
    }
    if (name == "format") {
      const auto format = broker::parse_format(as_text(*bytes));
      if (!format)
        findings.push_back(damaged(FindingKind::checkpoint, {}, path, format.error().message()));
    }
  }
}

}  // namespace

std::vector<Finding> check_small_files(const DataDirectory& directory) {
  std::vector<Finding> findings;
  for (const PartitionLog& log : directory.partitions) {
    check_snapshots(log, findings);
    check_texts(log, findings);
  }
  if (directory.writer == Writer::sluice) check_meta(directory, findings);
  return findings;
}

}  // namespace sluice::inspect
