#include "broker/options.hpp"

#include "broker/group_config.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <sched.h>

namespace sluice::broker {
namespace {

std::unexpected<Error> refuse(std::string why) {
  return fail(ConfigErrc::bad_value, std::move(why));
}

Result<> check_addresses(const Options& options) {
  if (options.listeners.empty()) return refuse("listeners: at least one address is needed");
  for (const auto& text : options.listeners)
    if (auto endpoint = parse_endpoint(text); !endpoint)
      return refuse("listeners: " + endpoint.error().context);
  if (options.advertised_listeners.size() > options.listeners.size())
    return refuse("advertised.listeners: more addresses than listeners has");
  for (const auto& text : options.advertised_listeners) {
    auto endpoint = parse_endpoint(text);
    if (!endpoint) return refuse("advertised.listeners: " + endpoint.error().context);
    if (endpoint->host.empty() || endpoint->host == "0.0.0.0" || endpoint->host == "::")
      return refuse("advertised.listeners: " + text + ": clients cannot connect to this address");
  }
  if (!options.http_listen.empty())
    if (auto endpoint = parse_endpoint(options.http_listen); !endpoint)
      return refuse("sluice.http.listen: " + endpoint.error().context);
  return {};
}

std::vector<std::string_view> option_names() {
  std::vector<std::string_view> names;
  for (const auto& row : option_rows()) names.push_back(row.name);
  return names;
}

void apply_over(Options& options, const ConfigMap& configs) {
  for (const auto& [name, text] : configs) {
    const auto* row = find_option(name);
    if (row != nullptr && row->details.change == Change::dynamic)
      (void)set_config(*row, text, options);  // a value that no longer fits leaves the one below
  }
}

}  // namespace

std::int32_t Options::shard_count() const {
  if (shards > 0) return shards;
  // The cores this process may use (sched_getaffinity(2)), not those of the machine.
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return std::clamp(CPU_COUNT(&cores), 1, 256);
}

std::int32_t Options::offsets_partition_count() const {
  return offsets_topic_num_partitions > 0 ? offsets_topic_num_partitions : shard_count();
}

const ConfigRow<Options>* find_option(std::string_view name) {
  return find_row<Options>(option_rows(), name);
}

std::optional<std::string> option_text(const Options& options, std::string_view name) {
  const auto* row = find_option(name);
  if (row == nullptr) return std::nullopt;
  return config_text(*row, options);
}

std::string default_data_directory() {
  const char* data_home = std::getenv("XDG_DATA_HOME");
  if (data_home != nullptr && data_home[0] == '/') return std::string(data_home) + "/sluice";
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return std::string(home) + "/.local/share/sluice";
  return "./sluice-data";
}

Result<> check_options(const Options& options) {
  if (auto ok = check_addresses(options); !ok) return ok;
  if (options.group_min_session_timeout_ms > options.group_max_session_timeout_ms)
    return refuse("group.min.session.timeout.ms is above group.max.session.timeout.ms");
  if (options.first_request_max_bytes > options.socket_request_max_bytes)
    return refuse("sluice.first.request.max.bytes is above socket.request.max.bytes");
  if (options.queued_max_request_bytes >= 0 &&
      options.queued_max_request_bytes < options.socket_request_max_bytes)
    return refuse(
        "queued.max.request.bytes is below socket.request.max.bytes: the largest request would "
        "never be read");
  if (options.log_cleaner_min_compaction_lag_ms > options.log_cleaner_max_compaction_lag_ms)
    return refuse("log.cleaner.min.compaction.lag.ms is above log.cleaner.max.compaction.lag.ms");
  if (options.default_replication_factor > 1 && !options.replication_factor_clamp)
    return refuse(
        "default.replication.factor is above 1 and there is one broker: set it to 1, or "
        "sluice.replication.factor.clamp to true");
  return check_share_options(options);
}

Result<> set_option(Options& options, std::string_view name, std::string_view text,
                    std::string origin) {
  const auto* row = find_option(name);
  if (row == nullptr) {
    std::string context = origin + ": " + std::string(name);
    const auto names = option_names();
    if (const auto near = nearest(name, names); !near.empty())
      context.append(" (did you mean ").append(near).append("?)");
    return fail(ConfigErrc::unknown_key, std::move(context));
  }
  if (auto ok = set_config(*row, text, options); !ok)
    return fail(ok.error().code, origin + ": " + ok.error().context);
  options.settings[std::string(name)] =
      Setting{config_text(*row, options).value_or(""), std::move(origin)};
  return {};
}

Options apply_dynamic_options(const Options& base, const ConfigMap& cluster_wide,
                              const ConfigMap& own) {
  Options options = base;
  apply_over(options, cluster_wide);
  apply_over(options, own);
  return options;
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return refuse(std::string(text).append(": ").append(why));
  };
  std::string_view rest = text;
  if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) {
    if (rest.substr(0, scheme) != "PLAINTEXT") return bad("only PLAINTEXT:// is supported");
    rest.remove_prefix(scheme + 3);
  }
  Endpoint endpoint;
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos) return bad("expected HOST:PORT");
  std::string_view host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.contains(':'))
    return bad("an IPv6 address is written in brackets: [::1]:9092");
  if (host.find_first_of(" /@") != std::string_view::npos) return bad("not a host name");
  endpoint.host = host;
  const std::string_view port = rest.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (error != std::errc{} || end != port.data() + port.size() || port.empty())
    return bad("a port is a number from 0 to 65535");
  return endpoint;
}

Endpoint advertised_endpoint(const Options& options, std::size_t index, const Endpoint& local) {
  if (index >= options.advertised_listeners.size()) return local;
  auto endpoint = parse_endpoint(options.advertised_listeners[index]);
  if (!endpoint) return local;
  if (endpoint->port == 0) endpoint->port = local.port;
  return *endpoint;
}

}  // namespace sluice::broker
