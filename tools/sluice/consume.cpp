#include "sluice/consumer.hpp"
#include "tools/sluice/command_line.hpp"
#include "tools/sluice/reading.hpp"
#include "tools/sluice/record_format.hpp"
#include "tools/sluice/record_json.hpp"
#include "tools/sluice/records.hpp"

#include <CLI/CLI.hpp>

#include <cstring>
#include <unistd.h>

namespace sluice::cli {
namespace {

ConsumerOptions consume_settings(const Global& global, const ConsumeOptions& options) {
  ConsumerOptions settings = bulk_settings(global);
  settings.group_id = options.group;
  settings.session_timeout = std::chrono::seconds(15);
  settings.assignors = {assignor_from_name(options.assignor).value_or(Assignor::range)};
  return settings;
}

void report_rebalance(const Global& global, Consumer& consumer) {
  const auto change = consumer.take_rebalance();
  if (!change || global.quiet || !interactive()) return;
  std::string text = "assigned:";
  for (const auto& where : change->assigned) text += " " + where.to_string();
  say(global, change->assigned.empty() ? "assigned: nothing" : text);
}

// The group went on without us, which we join again: nothing to end for.
bool lost_membership(const Error& error) {
  if (error.code.category() != broker_category()) return false;
  const auto code = static_cast<ErrorCode>(error.code.value());
  return code == ErrorCode::illegal_generation || code == ErrorCode::unknown_member_id ||
         code == ErrorCode::rebalance_in_progress;
}

// The group goes on behind what was printed; `printed` records of `records` were.
Result<> commit_printed(Consumer& consumer, Consumer::Records records, std::size_t printed) {
  if (printed == records.size()) return consumer.commit();
  Consumer::Offsets offsets;
  for (const auto& record : records.first(printed))
    offsets[{std::string(record.topic), record.partition}] = record.offset + 1;
  return offsets.empty() ? Result<>{} : consumer.commit(offsets);
}

// Prints what is read until the range's end or `options.count` records.
class Printing {
 public:
  Printing(const Global& global, const ConsumeOptions& options, Reader& reader, RecordFormat format)
      : global_(global),
        options_(options),
        reader_(reader),
        format_(std::move(format)),
        left_(options.count) {}

  // False: go on no further.
  bool take(Consumer::Records records) {
    report_rebalance(global_, reader_.consumer());
    if (records.empty()) out_.look_for_reader();
    std::size_t seen = 0;
    for (const auto& record : records) {
      if (left_ == 0) break;
      ++seen;
      if (!reader_.wanted(record)) continue;
      if (left_ > 0) --left_;
      format_.append(out_, record);
      out_.maybe_flush();
    }
    out_.flush();
    if (out_.broken()) return false;
    if (!options_.group.empty() && !records.empty()) {
      const auto committed = commit_printed(reader_.consumer(), records, seen);
      if (!committed && lost_membership(committed.error())) {
        say(global_, "left behind by a rebalance; others may print the last records again");
      } else if (!committed) {
        status_ = complain(global_, committed.error());
        return false;
      }
    }
    return left_ != 0;
  }

  Exit run() {
    if (left_ == 0) return Exit::ok;
    const auto read = [this](Consumer::Records records) { return take(records); };
    const Exit status = read_all(global_, reader_, read);
    if (out_.failure() != 0) return complain_of_output(Exit::failed, out_.failure());
    if (status != Exit::ok || status_ != Exit::ok) return status == Exit::ok ? status_ : status;
    // Without an end of its own this is how it ends.
    const bool has_end = options_.read.to || options_.read.until_end || options_.count >= 0;
    const bool ended = left_ == 0 || reader_.at_end() || out_.broken();
    if (interrupted() && has_end && !ended)
      return complain_of_interrupt("not everything was printed");
    return Exit::ok;
  }

 private:
  const Global& global_;
  const ConsumeOptions& options_;
  Reader& reader_;
  RecordFormat format_;
  std::int64_t left_;  // -1: no limit
  Output out_;
  Exit status_ = Exit::ok;
};

}  // namespace

Exit consume(const Global& global, const ConsumeOptions& options) {
  const auto range = parse_range(options.read, SystemClock{}.wall_ms());
  if (!range) return complain(Exit::usage, range.error());
  auto format = RecordFormat::parse(global.json ? "json" : options.format);
  if (!format) return complain(Exit::usage, format.error());
  if (isatty(STDOUT_FILENO) == 1) format->escape_controls();
  auto reader = Reader::open(consume_settings(global, options), options.read, *range);
  if (!reader) return complain_of_reading(global, reader.error());
  catch_interrupts();
  const Exit status = Printing(global, options, *reader, std::move(*format)).run();
  const auto closed = reader->consumer().close(Deadline::in(std::chrono::seconds(2)));
  if (!closed && status == Exit::ok) return complain(global, closed.error());
  return status;
}

void add_consume_options(CLI::App& command, ConsumeOptions& options) {
  add_read_options(command, options.read);
  command.add_flag("-e,--until-end", options.read.until_end, "Stop where the topic ends now");
  command.add_option("-n,--count", options.count, "Stop after so many records")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("-g,--group", options.group,
                  "Read as a member of this group and commit what was printed")
      ->type_name("GROUP")
      ->check(no_empty_name());
  command
      .add_option("-F,--format", options.format,
                  "A template (%t topic %p partition %o offset %k key %s value %h headers %T time "
                  "(ms) %d time (ISO) %K %S sizes; %x{k} %j{s} as hex, JSON; \\n \\t), or json, "
                  "hex, raw")
      ->capture_default_str();
  command.add_option("--assignor", options.assignor, "How the group shares partitions out")
      ->check(CLI::IsMember({"range", "roundrobin", "sticky", "cooperative-sticky"}))
      ->capture_default_str();
  command.footer(
      "Examples:\n"
      "  sluice consume orders --from -10 --until-end\n"
      "  sluice consume orders --from @2015-01-01T12:00 --to @2015-01-01T13:00 --json\n"
      "  sluice consume orders -p 0 --from 1000 --to 2000 -F '%o %k %s\\n'\n"
      "  sluice consume orders -g billing");
}

}  // namespace sluice::cli
