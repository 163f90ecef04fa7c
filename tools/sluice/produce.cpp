#include "sluice/producer.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/lines.hpp"
#include "tools/sluice/outcome.hpp"
#include "tools/sluice/publisher.hpp"
#include "tools/sluice/record_json.hpp"
#include "tools/sluice/records.hpp"
#include "tools/sluice/text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>

namespace sluice::cli {
namespace {

struct FixedParts {
  std::vector<std::pair<std::string, std::string>> texts;
  std::vector<Header> headers;
};

Result<> send_text(Publisher& publisher, const ProduceOptions& options, const FixedParts& fixed,
                   std::string_view line) {
  ProducerRecord record{.topic = options.topic, .headers = fixed.headers};
  if (options.partition >= 0) record.partition = options.partition;
  record.timestamp_ms = options.timestamp_ms;
  if (options.key) record.key = as_bytes(*options.key);
  std::string_view value = line;
  if (options.key_separator) {
    const auto at = line.find(*options.key_separator);
    if (at != std::string_view::npos) {
      record.key = as_bytes(line.substr(0, at));
      value = line.substr(at + options.key_separator->size());
    }
  }
  if (!options.empty_is_null || !value.empty()) record.value = as_bytes(value);
  const auto is_null = [&](const std::optional<Bytes>& part) {
    return options.null_marker && part && as_text(*part) == *options.null_marker;
  };
  if (is_null(record.key)) record.key.reset();
  if (is_null(record.value)) record.value.reset();
  return publisher.send(record);
}

Result<Producer> make_producer(const Global& global, const ProduceOptions& options) {
  ProducerOptions settings{.client = global.client_options()};
  settings.codec = codec_from_name(options.codec).value_or(Codec::none);
  if (options.acks == "0")
    settings.acks = Acks::none;
  else if (options.acks == "1")
    settings.acks = Acks::leader;
  settings.linger = std::chrono::milliseconds(whole_units(options.linger_ms, pause_ms_max));
  settings.delivery_timeout =
      std::max<std::chrono::milliseconds>(global.timeout(), std::chrono::seconds(1));
  return Producer::create(std::move(settings));
}

// Sends a line as text or JSON, as often as it is wanted.
class LineSender {
 public:
  LineSender(const Global& global, const ProduceOptions& options, const FixedParts& fixed,
             Publisher& publisher)
      : json_(global.json), options_(options), fixed_(fixed), publisher_(publisher) {
    target_ = {.topic = options.topic,
               .keep_partition = options.keep_partition,
               .timestamp_ms = options.timestamp_ms};
    if (options.partition >= 0) target_.partition = options.partition;
  }

  Exit send(const Global& global, std::string_view line, std::uint64_t number) {
    std::expected<ParsedRecord, std::string> parsed;
    if (json_) parsed = parse_record_json(line);
    if (!parsed)
      return complain(Exit::failed, "line " + std::to_string(number) + ": " + parsed.error());
    for (std::int64_t i = 0; i < options_.copies; ++i) {
      const auto sent = json_ ? send_parsed(publisher_, target_, *parsed)
                              : send_text(publisher_, options_, fixed_, line);
      if (!sent) return complain(global, sent.error());
    }
    return Exit::ok;
  }

 private:
  const bool json_;
  const ProduceOptions& options_;
  const FixedParts& fixed_;
  Publisher& publisher_;
  Target target_;
};

// Sends what comes until it ends.
Exit send_all(const Global& global, const ProduceOptions& options, LineReader& lines,
              LineSender& sender, Publisher& publisher) {
  std::uint64_t number = 0;
  while (!interrupted()) {
    if (lines.would_wait()) {  // nothing stays behind while the writer thinks
      const auto sent = publisher.finish();
      if (!sent) return complain(global, sent.error());
    }
    const auto line = lines.next();
    if (!line || interrupted()) break;  // an interrupted read may end in the middle of a line
    ++number;
    if (const Exit status = sender.send(global, *line, number); status != Exit::ok) return status;
  }
  if (interrupted()) return complain_of_interrupt("what follows was not read");
  if (!lines.error().empty()) return complain(Exit::failed, options.file + ": " + lines.error());
  return Exit::ok;
}

}  // namespace

Exit produce(const Global& global, const ProduceOptions& options) {
  FixedParts fixed;
  for (const auto& text : options.headers) {
    auto parts = name_and_value(text);
    if (!parts) return complain(Exit::usage, "header '" + text + "' is not NAME=VALUE");
    fixed.texts.push_back(std::move(*parts));
  }
  for (const auto& [name, value] : fixed.texts) fixed.headers.push_back({name, as_bytes(value)});
  if (options.topic.empty() && !global.json)
    return complain(Exit::usage, "an argument is missing: TOPIC (see 'sluice produce --help')");
  auto lines = LineReader::open(options.file);
  if (!lines) return complain(global, lines.error());
  auto producer = make_producer(global, options);
  if (!producer) return complain(global, producer.error());
  catch_interrupts();
  const auto start = std::chrono::steady_clock::now();
  Publisher publisher(*producer);
  LineSender sender(global, options, fixed, publisher);
  if (options.file == "-" && interactive()) say(global, "type records, one a line; Ctrl-D ends");
  Exit status = send_all(global, options, *lines, sender, publisher);
  // What came before a wrong line is sent, and counted, all the same.
  const auto finished = publisher.finish();
  if (!finished && status == Exit::ok) status = complain(global, finished.error());
  if (status != Exit::ok && publisher.count() == 0) return status;
  const auto took = std::chrono::steady_clock::now() - start;
  say(global, "produced " + records_text(publisher.count()) +
                  (options.topic.empty() ? "" : " to '" + options.topic + "'") + " in " +
                  human_seconds(took));
  print_document(global, {.file = options.file,
                          .topic = options.topic,
                          .records = publisher.count(),
                          .took = took,
                          .complete = status == Exit::ok});
  return status;
}

void add_produce_options(CLI::App& command, ProduceOptions& options) {
  command.add_option("TOPIC", options.topic,
                     "Topic to write to (with --json: default is each line's own)");
  command.add_option("-k,--key", options.key, "Key of every record");
  command.add_option("-K,--key-separator", options.key_separator,
                     "What separates key and value in a line");
  command.add_option("-H,--header", options.headers, "NAME=VALUE; may repeat");
  command.add_option("-p,--partition", options.partition, "Partition (default: by key)")
      ->check(CLI::NonNegativeNumber);
  add_codec_option(command, options.codec);
  command.add_option("-a,--acks", options.acks, "Who must have a record before it counts")
      ->check(CLI::IsMember({"0", "1", "all", "-1"}))
      ->capture_default_str();
  command
      .add_option("-f,--file", options.file, "Read this file (plain or gzip); - is standard input")
      ->capture_default_str();
  command.add_option("-t,--timestamp", options.timestamp_ms,
                     "Timestamp of every record, ms since the epoch");
  command.add_flag("--null", options.empty_is_null, "An empty value is null (a tombstone)");
  command.add_option("--null-marker", options.null_marker, "A key or value that is this is null");
  command.add_flag("--keep-partition", options.keep_partition,
                   "With --json: write to the partition that the line names");
  command.add_option("--copies", options.copies, "Send each record so often")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--linger", options.linger_ms, "How long a batch waits for company, ms")
      ->capture_default_str();
  command.footer(
      "Examples:\n"
      "  echo 'hello' | sluice produce greetings\n"
      "  echo '42:paid' | sluice produce orders -K : -H type=OrderPaid\n"
      "  sluice consume orders -e --json | sluice produce orders-copy --json");
}

}  // namespace sluice::cli
