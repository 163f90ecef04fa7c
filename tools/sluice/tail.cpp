// `sluice tail`: the last records of topics, then new ones as they come.
#include "tools/sluice/reading.hpp"
#include "tools/sluice/record_filter.hpp"
#include "tools/sluice/record_format.hpp"
#include "tools/sluice/records.hpp"
#include "tools/sluice/text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <poll.h>
#include <unistd.h>

namespace sluice::cli {
namespace {

// Where a partition's share of the last records begins. With a filter, whatever matches of them.
constexpr std::int64_t searched_back = 1000;

// A terminal that is behind: a person who cannot read on is shown less, later, with a count.
bool terminal_is_behind() {
  if (isatty(STDOUT_FILENO) != 1) return false;
  pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  return ::poll(&out, 1, 0) == 0;
}

class Tailing {
 public:
  Tailing(const Global& global, const TailOptions& options, Reader& reader, RecordFilter filter,
          RecordFormat format)
      : global_(global),
        options_(options),
        reader_(reader),
        filter_(std::move(filter)),
        format_(std::move(format)) {
    for (const auto& topic : options.read.topics) last_[topic];
    ends_ = wanted_ends();
  }

  Exit run() {
    const auto read = [this](Consumer::Records records) { return take(records); };
    const Exit status = read_all(global_, reader_, read);
    if (dropped_ > 0) report_dropped();
    if (out_.failure() != 0) return complain_of_output(Exit::failed, out_.failure());
    if (status == Exit::ok && interrupted() && !following_) {
      print_kept();
      return complain_of_interrupt("not everything was looked at");
    }
    return status;
  }

 private:
  Consumer::Offsets wanted_ends() {
    Consumer::Partitions partitions;
    for (const auto& [where, position] : reader_.consumer().positions())
      partitions.push_back(where);
    const auto ends = reader_.consumer().end_offsets(partitions);
    return ends ? *ends : Consumer::Offsets{};
  }

  // Whether what was there at the start has been read.
  bool caught_up() const {
    for (const auto& [where, position] : reader_.consumer().positions()) {
      const auto end = ends_.find(where);
      if (end != ends_.end() && position < end->second) return false;
    }
    return true;
  }

  bool take(Consumer::Records records) {
    if (following_) {
      for (const auto& record : records)
        if (filter_.matches(record)) show(record);
    } else {
      for (const auto& record : records) keep(record);
      if (caught_up()) {
        print_kept();
        following_ = true;
        if (!options_.follow) return false;
      }
    }
    if (records.empty()) out_.look_for_reader();
    out_.flush();
    return !out_.broken();
  }

  // Of each topic the newest, whichever partition they lie in.
  void keep(const RecordView& record) {
    if (!filter_.matches(record)) return;
    auto& kept = last_[std::string(record.topic)];
    kept.emplace(record.timestamp_ms, std::string());
    auto& text = std::prev(kept.upper_bound(record.timestamp_ms))->second;
    format_.append(text, record);
    if (kept.size() > static_cast<std::size_t>(options_.count)) kept.erase(kept.begin());
  }

  void print_kept() {
    std::multimap<std::int64_t, std::string> all;
    for (auto& [topic, kept] : last_) all.merge(kept);
    for (const auto& [time, text] : all) out_.write(text);
    last_.clear();
    out_.flush();
  }

  void show(const RecordView& record) {
    const auto second = std::chrono::floor<std::chrono::seconds>(std::chrono::steady_clock::now());
    if (second != second_) {
      second_ = second;
      shown_ = 0;
    }
    const bool too_many = options_.rate && shown_ >= *options_.rate;
    if (too_many || terminal_is_behind()) {
      ++dropped_;
      return;
    }
    if (dropped_ > 0) report_dropped();
    ++shown_;
    format_.append(out_.buffer(), record);
    if (isatty(STDOUT_FILENO) == 1)
      out_.flush();
    else
      out_.maybe_flush();
  }

  void report_dropped() {
    out_.flush();
    say(global_, "(" + with_commas(dropped_) + " records not shown)");
    dropped_ = 0;
  }

  const Global& global_;
  const TailOptions& options_;
  Reader& reader_;
  RecordFilter filter_;
  RecordFormat format_;
  Output out_;
  Consumer::Offsets ends_;
  // By topic: stamp and text of the newest records.
  std::map<std::string, std::multimap<std::int64_t, std::string>, std::less<>> last_;
  bool following_ = false;
  std::chrono::steady_clock::time_point second_{};
  std::int64_t shown_ = 0;  // in this second
  std::uint64_t dropped_ = 0;
};

bool filters(const FilterOptions& options) {
  return options.key || options.key_prefix || options.key_regex || options.regex ||
         !options.contains.empty() || !options.headers.empty() || !options.fields.empty();
}

}  // namespace

Exit tail(const Global& global, const TailOptions& options) {
  auto range = parse_range(options.read, SystemClock{}.wall_ms());
  if (!range) return complain(Exit::usage, range.error());
  auto filter = RecordFilter::compile(options.filter);
  if (!filter) return complain(Exit::usage, filter.error());
  limit_times(*filter, *range);
  auto format = RecordFormat::parse(global.json ? "json" : options.format);
  if (!format) return complain(Exit::usage, format.error());
  if (isatty(STDOUT_FILENO) == 1) format->escape_controls();
  if (!range->from) {
    const auto back =
        filters(options.filter) ? std::max(searched_back, options.count) : options.count;
    range->from = Place{Place::Kind::last, back};
  }
  auto reader = Reader::open(bulk_settings(global), options.read, *range);
  if (!reader) return complain_of_reading(global, reader.error());
  catch_interrupts();
  return Tailing(global, options, *reader, std::move(*filter), std::move(*format)).run();
}

void add_tail_options(CLI::App& command, TailOptions& options) {
  command.add_option("TOPIC", options.read.topics, "Topics to show")->required();
  command
      .add_option("-p,--partition", options.read.partitions, "Only these partitions; may repeat")
      ->check(CLI::NonNegativeNumber);
  command.add_flag("-f,--follow", options.follow, "Go on with new records");
  command.add_option("-n,--count", options.count, "So many of each topic to begin with")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--from", options.read.from,
                     "Look for them from here on: OFFSET, -N, +N, @TIME (default: the last ones, "
                     "with a filter those among the last 1000 of each partition)");
  add_filter_options(command, options.filter);
  command
      .add_option("--rate", options.rate,
                  "Show at most so many records a second; others are "
                  "counted")
      ->check(CLI::PositiveNumber);
  command.add_option("-F,--format", options.format, "As for consume")->capture_default_str();
  command.footer(
      "Examples:\n"
      "  sluice tail orders payments -f\n"
      "  sluice tail orders -f --contains refund --rate 20");
}

}  // namespace sluice::cli
