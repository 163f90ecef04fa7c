#include "sluice/producer.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/lines.hpp"
#include "tools/sluice/record_json.hpp"
#include "tools/sluice/text.hpp"

#include <algorithm>
#include <chrono>
#include <deque>

namespace sluice::cli {
namespace {

std::optional<Bytes> bytes_of(const std::optional<std::string>& text) {
  return text ? std::optional<Bytes>(as_bytes(*text)) : std::nullopt;
}

// Sends records and notices the first that failed, without keeping a handle for each one sent.
class Publisher {
 public:
  explicit Publisher(Producer& producer) : producer_(producer) {}

  Result<> send(const ProducerRecord& record) {
    auto sent = producer_.send(record);
    if (!sent) return std::unexpected(sent.error());
    ++count_;
    waiting_.push_back(std::move(*sent));
    return settle(4096);
  }
  // Looks at deliveries in order until at most `most` are left unfinished.
  Result<> settle(std::size_t most) {
    while (!waiting_.empty() && (waiting_.front().done() || waiting_.size() > most)) {
      const auto result = producer_.wait(waiting_.front());
      if (!result) return std::unexpected(result.error());
      waiting_.pop_front();
    }
    return {};
  }
  Result<> finish() {
    const auto flushed = producer_.flush();
    if (!flushed) return flushed;
    return settle(0);
  }
  std::uint64_t count() const { return count_; }

 private:
  Producer& producer_;
  std::deque<Delivery> waiting_;
  std::uint64_t count_ = 0;
};

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
  return publisher.send(record);
}

Result<> send_json(Publisher& publisher, const ProduceOptions& options,
                   const ParsedRecord& parsed) {
  const std::string& topic = options.topic.empty() && parsed.topic ? *parsed.topic : options.topic;
  ProducerRecord record{
      .topic = topic, .key = bytes_of(parsed.key), .value = bytes_of(parsed.value)};
  if (options.partition >= 0)
    record.partition = options.partition;
  else if (options.keep_partition)
    record.partition = parsed.partition;
  record.timestamp_ms = options.timestamp_ms ? options.timestamp_ms : parsed.timestamp_ms;
  if (record.timestamp_ms && *record.timestamp_ms < 0) record.timestamp_ms.reset();
  std::vector<Header> headers;
  for (const auto& header : parsed.headers) headers.push_back({header.key, bytes_of(header.value)});
  record.headers = headers;
  return publisher.send(record);
}

Result<Producer> make_producer(const Global& global, const ProduceOptions& options) {
  ProducerOptions settings{.client = global.client_options()};
  const auto codec = codec_from_name(options.codec);
  if (!codec)
    return fail(Errc::invalid_argument,
                "codec '" + options.codec + "' is none of none, gzip, snappy, lz4, zstd");
  settings.codec = *codec;
  if (options.acks == "0")
    settings.acks = Acks::none;
  else if (options.acks == "1")
    settings.acks = Acks::leader;
  else if (options.acks != "all" && options.acks != "-1")
    return fail(Errc::invalid_argument, "acks '" + options.acks + "' is none of 0, 1, all");
  settings.linger = std::chrono::milliseconds(static_cast<std::int64_t>(options.linger_ms));
  settings.delivery_timeout =
      std::max<std::chrono::milliseconds>(global.timeout(), std::chrono::seconds(1));
  return Producer::create(std::move(settings));
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
  if (options.topic.empty() && !global.json) return complain(Exit::usage, "produce needs a topic");
  auto lines = LineReader::open(options.file);
  if (!lines) return complain(Exit::failed, lines.error().message());
  auto producer = make_producer(global, options);
  if (!producer) return complain(global, producer.error());
  catch_interrupts();
  const auto start = std::chrono::steady_clock::now();
  Publisher publisher(*producer);
  std::uint64_t number = 0;
  if (options.file == "-" && interactive()) say(global, "type records, one a line; Ctrl-D ends");
  while (!interrupted()) {
    if (lines->would_wait()) {  // nothing stays behind while the writer thinks
      const auto sent = publisher.finish();
      if (!sent) return complain(global, sent.error());
    }
    const auto line = lines->next();
    if (!line) break;
    ++number;
    Result<> sent;
    if (global.json) {
      const auto parsed = parse_record_json(*line);
      if (!parsed)
        return complain(Exit::failed, "line " + std::to_string(number) + ": " + parsed.error());
      sent = send_json(publisher, options, *parsed);
    } else {
      sent = send_text(publisher, options, fixed, *line);
    }
    if (!sent) return complain(global, sent.error());
  }
  if (!lines->error().empty()) return complain(Exit::failed, options.file + ": " + lines->error());
  const auto finished = publisher.finish();
  if (!finished) return complain(global, finished.error());
  const auto took = std::chrono::steady_clock::now() - start;
  say(global, "produced " + with_commas(publisher.count()) + " records" +
                  (options.topic.empty() ? "" : " to '" + options.topic + "'") + " in " +
                  human_seconds(took));
  return Exit::ok;
}

}  // namespace sluice::cli
