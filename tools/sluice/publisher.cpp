#include "tools/sluice/publisher.hpp"

#include "sluice/error.hpp"

#include <CLI/CLI.hpp>

#include <utility>
#include <vector>

namespace sluice::cli {
namespace {

constexpr std::size_t unsettled_max = 4096;

std::optional<Bytes> bytes_of(const std::optional<std::string>& text) {
  return text ? std::optional<Bytes>(as_bytes(*text)) : std::nullopt;
}

}  // namespace

void add_codec_option(CLI::App& command, std::string& codec) {
  command.add_option("-z,--codec", codec, "How batches are compressed")
      ->check(CLI::IsMember({"none", "gzip", "snappy", "lz4", "zstd"}))
      ->capture_default_str();
}

Result<> Publisher::send(const ProducerRecord& record) {
  auto sent = producer_.send(record);
  if (!sent) return std::unexpected(sent.error());
  waiting_.push_back(std::move(*sent));
  return settle(unsettled_max);
}

Result<> Publisher::settle(std::size_t most) {
  Result<> outcome;
  while (!waiting_.empty() && (waiting_.front().done() || waiting_.size() > most)) {
    const auto result = producer_.wait(waiting_.front());
    waiting_.pop_front();
    if (result) {
      ++count_;
    } else if (outcome) {
      outcome = std::unexpected(result.error());
    }
  }
  return outcome;
}

Result<> Publisher::finish() {
  const auto flushed = producer_.flush();
  const auto settled = settle(flushed ? 0 : waiting_.size());
  return settled ? flushed : settled;
}

Result<> send_parsed(Publisher& publisher, const Target& target, const ParsedRecord& parsed) {
  const std::string& topic = target.topic.empty() && parsed.topic ? *parsed.topic : target.topic;
  if (topic.empty()) return fail(Errc::invalid_argument, "the record names no topic");
  ProducerRecord record{
      .topic = topic, .key = bytes_of(parsed.key), .value = bytes_of(parsed.value)};
  if (target.partition)
    record.partition = target.partition;
  else if (target.keep_partition)
    record.partition = parsed.partition;
  record.timestamp_ms = target.timestamp_ms ? target.timestamp_ms : parsed.timestamp_ms;
  if (record.timestamp_ms && *record.timestamp_ms < 0) record.timestamp_ms.reset();
  std::vector<Header> headers;
  for (const auto& header : parsed.headers) headers.push_back({header.key, bytes_of(header.value)});
  record.headers = headers;
  return publisher.send(record);
}

}  // namespace sluice::cli
