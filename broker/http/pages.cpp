#include "broker/http/pages.hpp"

#include "broker/broker.hpp"
#include "broker/metrics/health.hpp"
#include "broker/metrics/prometheus.hpp"
#include "broker/metrics/status_json.hpp"
#include "broker/worker.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <cctype>

namespace sluice::broker {
namespace {

constexpr std::string_view index_text =
    "sluiced\n\n"
    "/livez               the process answers\n"
    "/readyz              it serves and can write; else 503 and why not\n"
    "/startupz            recovery is over; else 503 and how far it is\n"
    "/healthz?verbose     each check\n"
    "/metrics             for Prometheus\n"
    "/v1/status  /v1/topics  /v1/groups    JSON\n";

// On the worker.
Task<std::string> write_document(Document what, std::shared_ptr<const BrokerView> view) {
  switch (what) {
    case Document::status:
      co_return status_json(*view, process_facts());
    case Document::topics:
      co_return topics_json(*view);
    case Document::groups:
      co_return groups_json(*view);
    case Document::metrics:
      break;
  }
  co_return prometheus_text(*view, process_facts());
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

bool host_allowed(std::string_view host, const std::vector<std::string>& names) {
  if (host.empty()) return true;  // HTTP/1.0; no browser sends that
  if (host.front() == '[') {
    host.remove_prefix(1);
    host = host.substr(0, host.find(']'));
  } else {
    host = host.substr(0, host.rfind(':'));
  }
  boost::system::error_code error;
  asio::ip::make_address(std::string(host), error);
  if (!error || same_name(host, "localhost")) return true;
  return std::ranges::any_of(names, [&](const std::string& one) { return same_name(host, one); });
}

Route route_of(std::string_view target) {
  using Kind = Route::Kind;
  const std::size_t question = std::min(target.find('?'), target.size());
  const std::string_view query = target.substr(std::min(question + 1, target.size()));
  const bool verbose =
      query == "verbose" || query.starts_with("verbose&") || query.starts_with("verbose=");
  const std::string_view path = target.substr(0, question);
  if (path == "/livez") return {.kind = Kind::alive};
  if (path == "/readyz" || path == "/healthz") return {.kind = Kind::ready, .verbose = verbose};
  if (path == "/startupz") return {.kind = Kind::startup};
  if (path == "/metrics") return {.kind = Kind::document, .document = Document::metrics};
  if (path == "/v1/status") return {.kind = Kind::document, .document = Document::status};
  if (path == "/v1/topics") return {.kind = Kind::document, .document = Document::topics};
  if (path == "/v1/groups") return {.kind = Kind::document, .document = Document::groups};
  return {.kind = path == "/" ? Kind::index : Kind::nothing};
}

Task<Page> Pages::document(Document what) {
  if (!looking_.try_enter()) co_await looking_.enter();
  const Turnstile::Pass pass{looking_};
  const Observer::Wanted wanted{
      .partitions = true,  // status tells partitions that fail, groups need the ends
      .groups = what == Document::metrics || what == Document::groups};
  const auto view = co_await observer_.look(wanted);
  Page page;
  page.type =
      what == Document::metrics ? "text/plain; version=0.0.4; charset=utf-8" : "application/json";
  page.body = co_await on_worker(broker_.worker(), write_document(what, view));
  co_return page;
}

Task<Page> Pages::ready(bool verbose) {
  const auto checks = co_await check_health(broker_);
  Page page;
  std::string all;
  std::string failed;
  for (const HealthCheck& check : checks) {
    all.append(check.good ? "[+] " : "[-] ").append(check.name);
    if (!check.good) all.append(": ").append(check.message);
    all += '\n';
    if (!check.good) failed.append(check.name).append(": ").append(check.message).append("\n");
  }
  page.status = failed.empty() ? 200 : 503;
  if (verbose)
    page.body = all;
  else
    page.body = failed.empty() ? "ready\n" : failed;
  co_return page;
}

Task<Page> Pages::startup() {
  const StartupProgress progress = co_await startup_progress(broker_);
  Page page;
  page.status = progress.over ? 200 : 503;
  page.body = "started\n";
  if (!progress.over) {
    const std::size_t percent =
        progress.partitions == 0 ? 0 : 100 * progress.opened / progress.partitions;
    page.body = "starting: " + std::to_string(progress.opened) + " of " +
                std::to_string(progress.partitions) + " partitions are open (" +
                std::to_string(percent) + " %)\n";
  }
  co_return page;
}

Task<Page> Pages::answer(Route route) {
  switch (route.kind) {
    case Route::Kind::alive:
      co_return Page{.body = "alive\n"};
    case Route::Kind::ready:
      co_return co_await ready(route.verbose);
    case Route::Kind::startup:
      co_return co_await startup();
    case Route::Kind::document:
      co_return co_await document(route.document);
    case Route::Kind::index:
      co_return Page{.body = std::string(index_text)};
    case Route::Kind::nothing:
      break;
  }
  co_return Page{.status = 404, .body = "There is no such page; / lists those there are.\n"};
}

}  // namespace sluice::broker
