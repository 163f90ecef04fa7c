// `sluice search`: the records of a range that meet a filter, as soon as they are found.
#include "tools/sluice/progress.hpp"
#include "tools/sluice/reading.hpp"
#include "tools/sluice/record_filter.hpp"
#include "tools/sluice/record_format.hpp"
#include "tools/sluice/records.hpp"
#include "tools/sluice/text.hpp"

#include <CLI/CLI.hpp>

#include <cstring>
#include <unistd.h>

namespace sluice::cli {
namespace {

class Searching {
 public:
  Searching(const Global& global, const SearchOptions& options, Reader& reader, RecordFilter filter,
            RecordFormat format)
      : global_(global),
        reader_(reader),
        filter_(std::move(filter)),
        format_(std::move(format)),
        left_(options.limit),
        progress_(global, "scanned", reader.total()) {}

  // False: go on no further.
  bool take(Consumer::Records records) {
    for (const auto& record : records) {
      if (!reader_.wanted(record)) continue;
      ++scanned_;
      if (!filter_.matches(record)) continue;
      ++matched_;
      progress_.clear();
      format_.append(out_, record);
      out_.maybe_flush();
      if (left_ > 0 && --left_ == 0) break;
    }
    out_.flush();
    if (records.empty()) out_.look_for_reader();
    progress_.show(scanned_, with_commas(matched_) + " matched");
    return left_ != 0 && !out_.broken();
  }

  Exit run() {
    const auto scan = [this](Consumer::Records records) { return take(records); };
    const Exit status = read_all(global_, reader_, scan);
    progress_.clear();
    if (out_.failure() != 0) return complain_of_output(Exit::failed, out_.failure());
    if (status == Exit::ok && interrupted() && left_ != 0 && !reader_.at_end())
      return complain_of_interrupt("scanned " + records_and_rate(scanned_, progress_.elapsed()) +
                                   ", not all");
    if (status == Exit::ok)
      say(global_, with_commas(matched_) + " matched; scanned " +
                       records_and_rate(scanned_, progress_.elapsed()));
    return status;
  }

 private:
  const Global& global_;
  Reader& reader_;
  RecordFilter filter_;
  RecordFormat format_;
  std::int64_t left_;  // -1: no limit
  std::uint64_t scanned_ = 0;
  std::uint64_t matched_ = 0;
  Output out_;
  Progress progress_;
};

}  // namespace

void limit_times(RecordFilter& filter, const Range& range) {
  const auto time_of = [](const std::optional<Place>& place) -> std::optional<std::int64_t> {
    if (!place || place->kind != Place::Kind::time) return std::nullopt;
    return place->number;
  };
  filter.limit_times(time_of(range.from), time_of(range.to));
}

Exit search(const Global& global, const SearchOptions& options) {
  const auto range = parse_range(options.read, SystemClock{}.wall_ms());
  if (!range) return complain(Exit::usage, range.error());
  auto filter = RecordFilter::compile(options.filter);
  if (!filter) return complain(Exit::usage, filter.error());
  limit_times(*filter, *range);
  auto format = RecordFormat::parse(global.json ? "json" : options.format);
  if (!format) return complain(Exit::usage, format.error());
  if (isatty(STDOUT_FILENO) == 1) format->escape_controls();
  const Range whole{range->from, range->to.value_or(Place{Place::Kind::end, 0})};
  auto reader = Reader::open(bulk_settings(global), options.read, whole);
  if (!reader) return complain_of_reading(global, reader.error());
  catch_interrupts();
  return Searching(global, options, *reader, std::move(*filter), std::move(*format)).run();
}

void add_search_options(CLI::App& command, SearchOptions& options) {
  add_read_options(command, options.read);
  add_filter_options(command, options.filter);
  command.add_option("-n,--limit", options.limit, "Stop after so many matches")
      ->check(CLI::PositiveNumber);
  command.add_option("-F,--format", options.format, "As for consume")->capture_default_str();
  command.footer(
      "Examples:\n"
      "  sluice search orders --key 4711\n"
      "  sluice search orders payments --field order.id=4711 --from @-1h\n"
      "  sluice search orders --regex '\"total\":[0-9]{5,}' --limit 10 --json");
}

}  // namespace sluice::cli
