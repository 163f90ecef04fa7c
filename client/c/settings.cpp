// The settings of the C interface: Kafka's names, one table for each kind of client.
#include "client/c/handles.hpp"

#include <algorithm>
#include <charconv>
#include <span>

namespace sluice::c {
namespace {

template <class T>
bool read(T& into, std::string_view text)
  requires std::is_integral_v<T>
{
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && end == text.data() + text.size();
}
bool read(std::string& into, std::string_view text) {
  into = text;
  return true;
}
bool read(std::optional<std::string>& into, std::string_view text) {
  into = text;
  return true;
}
bool read(bool& into, std::string_view text) {
  into = text == "true";
  return into || text == "false";
}
bool read(std::chrono::milliseconds& into, std::string_view text) {
  std::int64_t number = 0;
  if (!read(number, text) || number < 0) return false;
  into = std::chrono::milliseconds(number);
  return true;
}
bool read(Codec& into, std::string_view text) {
  const auto codec = codec_from_name(text);
  if (codec) into = *codec;
  return codec.has_value();
}
bool read(Acks& into, std::string_view text) {
  if (text == "all" || text == "-1")
    into = Acks::all;
  else if (text == "1")
    into = Acks::leader;
  else if (text == "0")
    into = Acks::none;
  else
    return false;
  return true;
}
bool read(OffsetReset& into, std::string_view text) {
  if (text == "earliest")
    into = OffsetReset::earliest;
  else if (text == "latest")
    into = OffsetReset::latest;
  else if (text == "none")
    into = OffsetReset::none;
  else
    return false;
  return true;
}
bool read(Isolation& into, std::string_view text) {
  into = text == "read_committed" ? Isolation::read_committed : Isolation::read_uncommitted;
  return text == "read_committed" || text == "read_uncommitted";
}

template <class Options>
struct Setting {
  std::string_view name;
  bool (*set)(Options& options, std::string_view value);
};
// Reads the member, given as a pointer to it.
template <auto Member, class Options>
bool set(Options& options, std::string_view value) {
  return read(options.*Member, value);
}
// … of the client inside the options of a producer or consumer.
template <auto Member, class Options>
bool set_client(Options& options, std::string_view value) {
  return read(options.client.*Member, value);
}

constexpr Setting<ClientOptions> client_settings[] = {
    {"client.id", &set<&ClientOptions::client_id>},
    {"request.timeout.ms", &set<&ClientOptions::request_timeout>},
    {"socket.connection.setup.timeout.ms", &set<&ClientOptions::connect_timeout>},
    {"retry.backoff.ms", &set<&ClientOptions::retry_backoff>},
    {"retry.backoff.max.ms", &set<&ClientOptions::retry_backoff_max>},
    {"metadata.max.age.ms", &set<&ClientOptions::metadata_max_age>},
};
constexpr Setting<ProducerOptions> producer_settings[] = {
    {"client.id", &set_client<&ClientOptions::client_id>},
    {"request.timeout.ms", &set_client<&ClientOptions::request_timeout>},
    {"acks", &set<&ProducerOptions::acks>},
    {"enable.idempotence", &set<&ProducerOptions::idempotent>},
    {"max.in.flight.requests.per.connection", &set<&ProducerOptions::max_in_flight>},
    {"compression.type", &set<&ProducerOptions::codec>},
    {"linger.ms", &set<&ProducerOptions::linger>},
    {"batch.size", &set<&ProducerOptions::batch_size>},
    {"max.request.size", &set<&ProducerOptions::request_size_max>},
    {"buffer.memory", &set<&ProducerOptions::buffer_memory>},
    {"delivery.timeout.ms", &set<&ProducerOptions::delivery_timeout>},
};
constexpr Setting<ConsumerOptions> consumer_settings[] = {
    {"client.id", &set_client<&ClientOptions::client_id>},
    {"request.timeout.ms", &set_client<&ClientOptions::request_timeout>},
    {"group.id", &set<&ConsumerOptions::group_id>},
    {"group.instance.id", &set<&ConsumerOptions::instance_id>},
    {"auto.offset.reset", &set<&ConsumerOptions::offset_reset>},
    {"enable.auto.commit", &set<&ConsumerOptions::auto_commit>},
    {"auto.commit.interval.ms", &set<&ConsumerOptions::auto_commit_interval>},
    {"session.timeout.ms", &set<&ConsumerOptions::session_timeout>},
    {"heartbeat.interval.ms", &set<&ConsumerOptions::heartbeat_interval>},
    {"max.poll.interval.ms", &set<&ConsumerOptions::rebalance_timeout>},
    {"isolation.level", &set<&ConsumerOptions::isolation>},
    {"fetch.min.bytes", &set<&ConsumerOptions::fetch_bytes_min>},
    {"fetch.max.bytes", &set<&ConsumerOptions::fetch_bytes_max>},
    {"fetch.max.wait.ms", &set<&ConsumerOptions::fetch_wait>},
};

template <class Options>
Result<> apply(std::span<const Setting<Options>> settings, Options& options,
               std::string_view text) {
  for (const auto& [name, value] : lines(text)) {
    const auto known = std::ranges::find(settings, name, &Setting<Options>::name);
    if (known == settings.end())
      return fail(Errc::invalid_argument, "no such setting: " + std::string(name));
    if (!known->set(options, value))
      return fail(Errc::invalid_argument,
                  std::string(name) + " cannot be \"" + std::string(value) + "\"");
  }
  return {};
}

}  // namespace

Result<> read_settings(ClientOptions& options, std::string_view text) {
  return apply<ClientOptions>(client_settings, options, text);
}
Result<> read_settings(ProducerOptions& options, std::string_view text) {
  return apply<ProducerOptions>(producer_settings, options, text);
}
Result<> read_settings(ConsumerOptions& options, std::string_view text) {
  return apply<ConsumerOptions>(consumer_settings, options, text);
}

std::vector<std::pair<std::string_view, std::string_view>> lines(std::string_view text) {
  std::vector<std::pair<std::string_view, std::string_view>> found;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    const auto equals = std::min(line.find('='), line.size());
    if (!line.empty())
      found.emplace_back(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

}  // namespace sluice::c
