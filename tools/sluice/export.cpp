// `sluice export` and `sluice import`: records in files, without losing a byte.
#include "sluice/producer.hpp"
#include "tools/files/whole_file.hpp"
#include "tools/sluice/lines.hpp"
#include "tools/sluice/outcome.hpp"
#include "tools/sluice/progress.hpp"
#include "tools/sluice/publisher.hpp"
#include "tools/sluice/reading.hpp"
#include "tools/sluice/record_csv.hpp"
#include "tools/sluice/record_json.hpp"
#include "tools/sluice/records.hpp"
#include "tools/sluice/text.hpp"

#include <CLI/CLI.hpp>

#include <cstring>
#include <filesystem>

namespace sluice::cli {
namespace {

enum class Form : std::uint8_t { json_lines, csv };

Form form_of(const std::string& format, std::string_view file) {
  if (file.ends_with(".gz")) file.remove_suffix(3);
  return format == "csv" || (format.empty() && file.ends_with(".csv")) ? Form::csv
                                                                       : Form::json_lines;
}

void append(std::string& out, Form form, const RecordView& record) {
  if (form == Form::csv) return append_record_csv(out, record);
  append_record_json(out, record);
  out += '\n';
}

// Where an export goes: standard output, or a file that appears when it is whole.
class Sink {
 public:
  static Result<Sink> open(const std::string& path) {
    Sink sink;
    if (path == "-") {
      sink.output_ = std::make_unique<Output>();
      return sink;
    }
    auto file = WholeFile::create(path);
    if (!file) return std::unexpected(file.error());
    sink.file_.emplace(std::move(*file));
    return sink;
  }

  std::string& buffer() { return file_ ? file_->buffer() : output_->buffer(); }
  // False when the reader of standard output went away. Errors: an errno.
  Result<bool> flush_if_full() {
    if (file_) {
      const auto flushed = file_->flush_if_full();
      if (!flushed) return std::unexpected(flushed.error());
      return true;
    }
    output_->maybe_flush();
    if (output_->failure() != 0)
      return fail_errno(output_->failure(), "cannot write standard output");
    return !output_->broken();
  }
  Result<> finish() {
    if (file_) return file_->commit();
    output_->flush();
    if (output_->failure() != 0)
      return fail_errno(output_->failure(), "cannot write standard output");
    return {};
  }

 private:
  Sink() = default;
  std::optional<WholeFile> file_;
  std::unique_ptr<Output> output_;
};

Exit write_all(const Global& global, const ExportOptions& options, Reader& reader, Sink& sink) {
  const Form form = form_of(options.format, options.file);
  Progress progress(global, "exported", reader.total());
  std::uint64_t count = 0;
  if (form == Form::csv) sink.buffer() += csv_columns;
  Result<bool> going = true;
  const auto write = [&](Consumer::Records records) {
    for (const auto& record : records) {
      if (!reader.wanted(record)) continue;
      append(sink.buffer(), form, record);
      ++count;
      going = sink.flush_if_full();
      if (!going || !*going) return false;
    }
    progress.show(count);
    return true;
  };
  const Exit status = read_all(global, reader, write);
  progress.clear();
  if (status != Exit::ok) return status;
  if (!going) return complain(global, going.error());
  if (interrupted())
    return complain_of_interrupt(options.file == "-" ? std::string("the output is not whole")
                                                     : options.file + " was not written");
  const auto finished = sink.finish();
  if (!finished) return complain(global, finished.error());
  say(global, "exported " + records_and_rate(count, progress.elapsed()));
  if (options.file != "-")
    print_document(global, {.file = options.file, .records = count, .took = progress.elapsed()});
  return Exit::ok;
}

// Rows of a file of either form, one after the other.
class RowReader {
 public:
  static constexpr std::size_t row_bytes_max = 256 << 20;

  RowReader(LineReader lines, Form form) : lines_(std::move(lines)), form_(form) {}

  // Nothing at the end. The error says where and what.
  std::expected<std::optional<ParsedRecord>, std::string> next() {
    auto row = next_row();
    if (row && form_ == Form::csv && !csv_) {
      auto made = CsvParser::create(*row);
      if (!made) return std::unexpected(at_line(made.error()));
      csv_.emplace(std::move(*made));
      row = next_row();
    }
    if (!lines_.error().empty()) return std::unexpected(lines_.error());
    if (!row) return std::nullopt;
    auto parsed = csv_ ? csv_->parse(*row) : parse_record_json(*row);
    if (!parsed) return std::unexpected(at_line(parsed.error()));
    return std::optional(std::move(*parsed));
  }

  // The row that next() gave, for messages.
  std::string place() const { return "line " + std::to_string(row_line_); }

 private:
  // A quoted field of CSV may go on in the next line. Lifetime: until the next call.
  std::optional<std::string_view> next_row() {
    auto line = lines_.next();
    if (line) ++number_;
    row_line_ = number_;
    if (!line || form_ != Form::csv || is_whole_csv_row(*line)) return line;
    row_.assign(*line);
    // A stray quote opens a field that never ends: the row is refused as what it is.
    for (bool whole = false; !whole && row_.size() < row_bytes_max && !interrupted();) {
      line = lines_.next();
      if (!line) break;
      ++number_;
      row_ += '\n';
      row_ += *line;
      whole = !is_whole_csv_row(*line);  // an odd number of quotes closes what is open
    }
    return row_;
  }
  std::string at_line(const std::string& why) const { return place() + ": " + why; }

  LineReader lines_;
  Form form_;
  std::optional<CsvParser> csv_;
  std::string row_;
  std::uint64_t number_ = 0;    // of the line that was read last
  std::uint64_t row_line_ = 0;  // where the row begins
};

Exit send_all(const Global& global, const ImportOptions& options, RowReader& rows,
              Publisher& publisher) {
  const Target target{.topic = options.topic, .keep_partition = !options.by_key};
  Progress progress(global, "imported", 0);
  Exit outcome = Exit::ok;
  while (!interrupted()) {
    auto parsed = rows.next();
    if (!parsed) {
      if (!interrupted()) outcome = complain(Exit::failed, options.file + ": " + parsed.error());
      break;
    }
    if (!*parsed) break;
    if (const auto sent = send_parsed(publisher, target, **parsed); !sent) {
      outcome = complain(global, {sent.error().code, options.file + ", " + rows.place() + ": " +
                                                         sent.error().context});
      break;
    }
    progress.show(publisher.count());
  }
  // What came before a bad row is sent, and counted, all the same.
  const auto finished = publisher.finish();
  progress.clear();
  if (!finished && outcome == Exit::ok) outcome = complain(global, finished.error());
  if (outcome == Exit::ok && interrupted())
    outcome = complain_of_interrupt("the rest was not imported");
  if (outcome != Exit::ok && publisher.count() == 0) return outcome;
  say(global, "imported " + records_and_rate(publisher.count(), progress.elapsed()));
  print_document(global, {.file = options.file,
                          .topic = options.topic,
                          .records = publisher.count(),
                          .took = progress.elapsed(),
                          .complete = outcome == Exit::ok});
  return outcome;
}

}  // namespace

Exit export_records(const Global& global, const ExportOptions& options) {
  const auto range = parse_range(options.read, SystemClock{}.wall_ms());
  if (!range) return complain(Exit::usage, range.error());
  std::error_code unseen;  // what cannot be looked at cannot be written either
  if (options.file != "-" && !options.force &&
      std::filesystem::is_regular_file(options.file, unseen))
    return complain(Exit::failed, options.file + " is there already; --force writes over it");
  const Range whole{range->from, range->to.value_or(Place{Place::Kind::end, 0})};
  auto reader = Reader::open(bulk_settings(global), options.read, whole);
  if (!reader) return complain_of_reading(global, reader.error());
  auto sink = Sink::open(options.file);
  if (!sink) return complain(global, sink.error());
  catch_interrupts();
  return write_all(global, options, *reader, *sink);
}

Exit import_records(const Global& global, const ImportOptions& options) {
  auto lines = LineReader::open(options.file);
  if (!lines) return complain(global, lines.error());
  ProducerOptions settings{.client = global.client_options()};
  settings.codec = codec_from_name(options.codec).value_or(Codec::none);
  auto producer = Producer::create(std::move(settings));
  if (!producer) return complain(global, producer.error());
  catch_interrupts();
  RowReader rows(std::move(*lines), form_of(options.format, options.file));
  Publisher publisher(*producer);
  return send_all(global, options, rows, publisher);
}

namespace {

void add_form(CLI::App& command, std::string& format) {
  command.add_option("--format", format, "jsonl or csv (default: csv where the name ends in .csv)")
      ->check(CLI::IsMember({"jsonl", "csv"}));
}

}  // namespace

void add_export_options(CLI::App& command, ExportOptions& options) {
  add_read_options(command, options.read);
  command.add_option("-o,--output", options.file, "File to write; - is standard output")
      ->capture_default_str();
  add_form(command, options.format);
  command.add_flag("--force", options.force, "Write over a file that is there");
  command.footer(
      "Examples:\n"
      "  sluice export orders -o orders.jsonl\n"
      "  sluice export orders --from @-1d -o yesterday.csv");
}

void add_import_options(CLI::App& command, ImportOptions& options) {
  command
      .add_option("FILE", options.file, "What export wrote (plain or gzip); - is standard input")
      ->required();
  command.add_option("--topic", options.topic, "Topic to write to (default: each record's own)")
      ->type_name("TOPIC");
  command.add_flag("--by-key", options.by_key,
                   "Choose partitions by key instead of keeping those of the file");
  add_form(command, options.format);
  add_codec_option(command, options.codec);
  command.footer(
      "Examples:\n"
      "  sluice import orders.jsonl --topic orders-copy\n"
      "  gzip -cd orders.csv.gz | sluice import - --format csv");
}

}  // namespace sluice::cli
