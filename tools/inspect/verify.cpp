#include "tools/inspect/verify.hpp"

#include "tools/inspect/workers.hpp"

#include <algorithm>
#include <tuple>

namespace sluice::inspect {
namespace {

struct Job {
  const PartitionLog* log;
  const SegmentFile* segment;
};

// What one thread found; joined when all have ended.
struct Share {
  VerifyReport report;
  std::optional<Error> failed;
};

void add(VerifyReport& sum, SegmentReport&& part) {
  ++sum.segments;
  sum.sealed += part.sealed ? 1 : 0;
  sum.bytes += part.size;
  sum.batches += part.batches;
  sum.records += part.records;
  sum.tail += part.tail;
  std::ranges::move(part.findings, std::back_inserter(sum.findings));
}

// False: go on no further.
bool check(const DataDirectory& directory, const VerifyOptions& options, const Job& job,
           Share& share) {
  if (share.failed || (options.stop && *options.stop)) return false;
  const CheckContext context{
      .directory = &directory, .log = job.log, .progress = options.progress, .stop = options.stop};
  auto part = check_segment(context, *job.segment);
  if (part)
    add(share.report, std::move(*part));
  else if (!is_gone(part.error()))
    share.failed = part.error();
  return true;
}

// The segment in which the log is known to end is not there.
void check_last_segment(const PartitionLog& log, std::vector<Finding>& findings) {
  if (!log.frontier || log.segments.size() < 2) return;
  const auto& frontier = *log.frontier;
  const auto newest = log.segments.back().base;
  if (frontier.offset <= log.log_start || newest >= frontier.segment) return;
  findings.push_back({.kind = FindingKind::missing,
                      .partition = log.directory,
                      .file = log.file(frontier.segment, ".log"),
                      .first_offset = frontier.segment,
                      .last_offset = frontier.offset - 1,
                      .detail = "the segment in which the log ends is not there"});
}

}  // namespace

bool VerifyReport::damaged() const {
  return std::ranges::any_of(findings,
                             [](const Finding& f) { return f.severity == Severity::damage; });
}

Result<VerifyReport> verify(const DataDirectory& directory, const VerifyOptions& options) {
  std::vector<Job> jobs;
  for (const PartitionLog& log : directory.partitions)
    for (const SegmentFile& segment : log.segments) jobs.push_back({&log, &segment});
  // The largest first: so no thread is left alone with one at the end.
  std::ranges::sort(jobs, std::ranges::greater{}, [](const Job& job) { return job.segment->size; });
  std::vector<Share> shares(threads_for(options.threads, jobs.size()));
  work_off(jobs, shares,
           [&](const Job& job, Share& share) { return check(directory, options, job, share); });
  VerifyReport sum;
  sum.partitions = static_cast<std::int64_t>(directory.partitions.size());
  for (Share& share : shares) {
    if (share.failed) return std::unexpected(*share.failed);
    sum.segments += share.report.segments;
    sum.sealed += share.report.sealed;
    sum.bytes += share.report.bytes;
    sum.batches += share.report.batches;
    sum.records += share.report.records;
    sum.tail += share.report.tail;
    std::ranges::move(share.report.findings, std::back_inserter(sum.findings));
  }
  for (const PartitionLog& log : directory.partitions) check_last_segment(log, sum.findings);
  std::ranges::move(check_small_files(directory), std::back_inserter(sum.findings));
  std::ranges::sort(sum.findings, {},
                    [](const Finding& f) { return std::tie(f.partition, f.file, f.position); });
  return sum;
}

}  // namespace sluice::inspect
