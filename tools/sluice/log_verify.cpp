#include "tools/sluice/byte_progress.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/log.hpp"
#include "tools/sluice/text.hpp"

#include <chrono>

namespace sluice::cli {
namespace {

using inspect::Finding;
using inspect::VerifyReport;

std::string as_json(const inspect::DataDirectory& directory, const VerifyReport& report,
                    bool complete) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .field("directory", directory.root)
      .field("open_by", directory.holder)
      .field("complete", complete)
      .field("damaged", report.damaged())
      .field("partitions", report.partitions)
      .field("segments", report.segments)
      .field("sealed_segments", report.sealed)
      .field("bytes", report.bytes)
      .field("batches", report.batches)
      .field("records", report.records)
      .field("tail_bytes", report.tail);
  json.key("findings").begin_array();
  for (const Finding& finding : report.findings) json.raw_json(to_json(finding));
  json.end_array().end_object();
  return out + "\n";
}

}  // namespace

std::string place_text(const std::string& file, std::int64_t position, std::int64_t size) {
  if (position < 0 || size <= 0) return file;
  return file + ": bytes " + std::to_string(position) + " to " + std::to_string(position + size);
}

std::string offsets_text(Offset first, Offset last) {
  return "offsets " + std::to_string(first) +
         (last >= first ? " to " + std::to_string(last) : " and on");
}

std::string describe(const Finding& finding) {
  std::string text =
      place_text(finding.file, finding.position, finding.size) + ": " + finding.detail;
  if (finding.first_offset >= 0)
    text += "; " + offsets_text(finding.first_offset, finding.last_offset);
  if (finding.readable_from >= 0)
    text += "; readable again from offset " + std::to_string(finding.readable_from);
  return text;
}

std::string to_json(const Finding& finding) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .field("kind", inspect::name_of(finding.kind))
      .field("severity", finding.severity == inspect::Severity::damage ? "damage" : "warning")
      .field("partition", finding.partition)
      .field("file", finding.file)
      .field("position", finding.position)
      .field("size_bytes", finding.size)
      .field("first_offset", finding.first_offset)
      .field("last_offset", finding.last_offset)
      .field("readable_from", finding.readable_from)
      .field("detail", finding.detail)
      .end_object();
  return out;
}

Result<VerifyReport> verify_with_progress(const Global& global,
                                          const inspect::DataDirectory& directory,
                                          unsigned threads) {
  catch_interrupts();
  ByteProgress progress(global, size_of(directory));
  const inspect::VerifyOptions options{
      .threads = threads, .progress = &progress.done, .stop = &progress.stop};
  return inspect::verify(directory, options);
}

Exit log_verify(const Global& global, const LogOptions& options) {
  const auto directory = open_directory(options.path, options.topics);
  if (!directory) return directory.error();
  const auto start = std::chrono::steady_clock::now();
  const auto report = verify_with_progress(global, *directory, options.threads);
  if (!report) return complain_of_file(report.error());
  const bool complete = !interrupted();
  const auto time = std::chrono::steady_clock::now() - start;
  Output out;
  if (global.json) {
    out.write(as_json(*directory, *report, complete));
  } else {
    for (const Finding& finding : report->findings)
      out.write(
          std::string(finding.severity == inspect::Severity::damage ? "damage   " : "warning  ") +
          describe(finding) + "\n");
    out.write("partitions  " + with_commas(static_cast<std::uint64_t>(report->partitions)) +
              "\nsegments    " + with_commas(static_cast<std::uint64_t>(report->segments)) + " (" +
              with_commas(static_cast<std::uint64_t>(report->sealed)) + " as sealed)" +
              "\nbatches     " + with_commas(static_cast<std::uint64_t>(report->batches)) +
              "\nrecords     " + with_commas(static_cast<std::uint64_t>(report->records)) +
              "\nbytes       " + human_bytes(static_cast<std::uint64_t>(report->bytes)) +
              "\nstate       " +
              (report->damaged() ? "damaged"
               : complete        ? "intact"
                                 : "not everything was checked") +
              "\n");
  }
  if (directory->holder)
    say(global, "a broker has it open (process " + *directory->holder +
                    "): the end of each active segment is not judged");
  if (!complete) {
    out.flush();
    return complain_of_interrupt("not everything was checked");
  }
  say(global, "checked in " + human_seconds(time));
  if (report->damaged())
    say(global, "'sluice log repair " + options.path + " --dry-run' says what a repair would do");
  return report->damaged() ? Exit::failed : Exit::ok;
}

}  // namespace sluice::cli
