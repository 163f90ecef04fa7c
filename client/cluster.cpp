#include "client/cluster.hpp"

#include "protocol/messages/find_coordinator.hpp"
#include "protocol/messages/metadata.hpp"

#include <algorithm>
#include <limits>

namespace sluice::client {
namespace {

// "For ever" (milliseconds::max()) must not wrap around where it is added to a time, nor where a
// request carries it, in 32 bits: 24 days are the most.
ClientOptions bounded(ClientOptions options) {
  constexpr std::chrono::milliseconds longest{std::numeric_limits<std::int32_t>::max()};
  for (auto* time : {&options.request_timeout, &options.connect_timeout, &options.retry_backoff,
                     &options.retry_backoff_max, &options.metadata_max_age})
    *time = std::min(*time, longest);
  return options;
}

}  // namespace

Result<std::unique_ptr<Cluster>> Cluster::create(ClientOptions options) {
  auto host = options.host ? options.host : make_private_host();
  if (auto own = host->for_one_client()) host = std::move(own);
  auto bootstrap = host->bootstrap();
  if (bootstrap.empty()) {
    for (const auto& text : options.brokers) {
      auto address = parse_address(text);
      if (!address) return std::unexpected(address.error());
      bootstrap.push_back(std::move(*address));
    }
  }
  if (bootstrap.empty()) return fail(Errc::invalid_argument, "no broker address");
  return std::make_unique<Cluster>(std::move(host), std::move(options), std::move(bootstrap));
}

Cluster::Cluster(std::shared_ptr<Host> host, ClientOptions options, std::vector<Address> bootstrap)
    : host_(std::move(host)),
      loop_(host_->loop()),
      options_(bounded(std::move(options))),
      bootstrap_(std::move(bootstrap)),
      metadata_(options_.metadata_max_age),
      random_(host_->make_random()),
      refreshed_(loop_),
      tasks_(loop_.executor()) {}

Task<Result<>> Cluster::stop() {
  close();
  co_await tasks_.drain();
  co_return Result<>{};
}

void Cluster::close() {
  closed_ = true;
  if (bootstrap_link_) bootstrap_link_->close();
  for (auto& [key, link] : links_)
    if (link) link->close();
  for (auto& link : opening_) link->close();
  refreshed_.notify();
}

Task<Result<Cluster::Link>> Cluster::connect(Address address, TimePoint deadline) {
  if (closed_) co_return fail(Errc::closed);
  auto link = host_->make_channel(std::move(address), options_.client_id);
  const auto limit = std::min<TimePoint>(deadline, now() + options_.connect_timeout);
  opening_.push_back(link);
  const auto opened = co_await link->open(limit);
  std::erase(opening_, link);
  if (closed_) link->close();
  if (!opened) co_return std::unexpected(opened.error());
  ever_connected_ = true;
  co_return link;
}

Task<Result<Cluster::Link>> Cluster::any(TimePoint deadline) {
  if (closed_) co_return fail(Errc::closed);
  for (const auto& [key, link] : links_)
    if (link && link->is_open() && key.second == Purpose::data) co_return link;
  if (bootstrap_link_ && bootstrap_link_->is_open()) co_return bootstrap_link_;
  std::vector<Address> addresses = bootstrap_;
  for (const auto& broker : metadata_.brokers()) {
    Address address{broker.host, broker.port};
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
      addresses.push_back(std::move(address));
  }
  Error last;
  for (auto& address : addresses) {
    auto link = co_await connect(address, deadline);
    if (link && bootstrap_link_ && bootstrap_link_->is_open()) {  // another call was first
      (*link)->close();
      co_return bootstrap_link_;
    }
    if (link) {
      bootstrap_link_ = *link;
      co_return link;
    }
    last = link.error();
    if (now() >= deadline) break;
  }
  co_return fail(Errc::unreachable, last.message());
}

Task<Result<Cluster::Link>> Cluster::node(BrokerId id, TimePoint deadline, Purpose purpose) {
  if (closed_) co_return fail(Errc::closed);
  const auto key = std::pair(id, purpose);
  if (const auto known = links_.find(key); known != links_.end() && known->second->is_open())
    co_return known->second;
  const auto* broker = metadata_.broker(id);
  if (!broker) co_return fail(Errc::unreachable, "broker " + std::to_string(id) + " is not known");
  Address address{broker->host, broker->port};
  // The first connection was to this very broker: keep it.
  if (purpose == Purpose::data && bootstrap_link_ && bootstrap_link_->is_open() &&
      bootstrap_link_->address() == address) {
    links_[key] = std::exchange(bootstrap_link_, nullptr);
    co_return links_[key];
  }
  auto link = co_await connect(std::move(address), deadline);
  if (!link) co_return std::unexpected(link.error());
  const auto raced = links_.find(key);
  if (raced != links_.end() && raced->second->is_open()) {
    (*link)->close();
    co_return raced->second;
  }
  links_[key] = *link;
  co_return link;
}

Task<Result<Cluster::Link>> Cluster::controller(TimePoint deadline) {
  if (metadata_.brokers().empty()) {
    const auto known = co_await refresh(deadline);
    if (!known) co_return std::unexpected(known.error());
  }
  if (metadata_.controller() >= 0 && metadata_.broker(metadata_.controller())) {
    auto link = co_await node(metadata_.controller(), deadline);
    if (link) co_return link;
  }
  co_return co_await any(deadline);
}

Task<Result<>> Cluster::refresh(TimePoint deadline) {
  if (refreshing_) {
    while (refreshing_ && !closed_ && now() < deadline) co_await refreshed_.wait(deadline);
    if (refreshing_) co_return fail(Errc::timed_out, "metadata");
    if (refresh_error_.code) co_return std::unexpected(refresh_error_);
    co_return Result<>{};
  }
  refreshing_ = true;
  refresh_error_ = {};
  auto link = co_await any(deadline);
  if (!link) {
    refresh_error_ = link.error();
  } else {
    protocol::MetadataRequest request;
    if (metadata_.wants_all())
      request.topics.reset();
    else
      for (const auto& topic : metadata_.wanted()) request.topics->emplace_back().name = topic;
    request.allow_auto_topic_creation = auto_create_ == AutoCreate::yes;
    const auto wanted_before = metadata_.wanted().size();
    const auto reply = co_await call<protocol::MetadataResponse>(*link, request, deadline);
    if (!reply) {
      refresh_error_ = reply.error();
    } else {
      metadata_.update(reply->body, now());
      if (metadata_.wanted().size() != wanted_before) metadata_.invalidate();
    }
  }
  refreshing_ = false;
  refreshed_.notify();
  if (refresh_error_.code) co_return std::unexpected(refresh_error_);
  co_return Result<>{};
}

Task<Result<>> Cluster::ensure_fresh(TimePoint deadline) {
  if (!metadata_.stale(now())) co_return Result<>{};
  co_return co_await refresh(deadline);
}

Task<Result<>> Cluster::ensure_topic(std::string topic, TimePoint deadline) {
  metadata_.want(topic);
  for (int attempt = 0;; ++attempt) {
    if (attempt > 0 || metadata_.stale(now())) {
      const auto refreshed = co_await refresh(deadline);
      const bool hopeless = !ever_connected_ && attempt == 0;
      if (!refreshed && (hopeless || !retriable(refreshed.error().code)))
        co_return std::unexpected(refreshed.error());
    }
    const auto* info = metadata_.topic(topic);
    if (info && info->error == protocol::ErrorCode::none && !info->partitions.empty())
      co_return Result<>{};
    const bool late = now() >= deadline;
    const bool passing =
        !info || is_retriable(info->error) || info->error == protocol::ErrorCode::none;
    const bool missing = info && info->error == protocol::ErrorCode::unknown_topic_or_partition;
    // A topic that nobody makes for us stays unknown; one that was just made may take a moment.
    if (missing && (late || (auto_create_ == AutoCreate::no && attempt >= 3)))
      co_return fail(Errc::unknown_topic, topic);
    if (info && !passing) co_return sluice::fail(make_error_code(info->error), topic);
    if (late) co_return fail(Errc::timed_out, "metadata of topic " + topic);
    co_await back_off(attempt, deadline);
  }
}

Task<Result<BrokerId>> Cluster::find_coordinator(std::string group, TimePoint deadline) {
  Error last = Error{make_error_code(Errc::timed_out), "find the coordinator of group " + group};
  for (int attempt = 0; !closed_; ++attempt) {
    auto link = co_await any(deadline);
    if (!link) co_return std::unexpected(link.error());
    protocol::FindCoordinatorRequest request;
    const auto version = pick_version(**link, protocol::FindCoordinatorRequest::schema);
    if (!version) co_return std::unexpected(version.error());
    if (*version >= 4)
      request.coordinator_keys.push_back(group);
    else
      request.key = group;
    const auto reply = co_await call<protocol::FindCoordinatorResponse>(*link, request, deadline);
    if (!reply) {
      last = reply.error();
    } else {
      auto error = reply->body.error_code;
      auto id = reply->body.node_id;
      if (*version >= 4) {
        if (reply->body.coordinators.empty())
          co_return fail(Errc::malformed_response, "FindCoordinator");
        error = reply->body.coordinators.front().error_code;
        id = reply->body.coordinators.front().node_id;
      }
      if (error == protocol::ErrorCode::none && !metadata_.broker(id)) {
        const auto refreshed = co_await refresh(deadline);
        if (!refreshed) last = refreshed.error();
      }
      if (error == protocol::ErrorCode::none && metadata_.broker(id)) co_return id;
      if (error != protocol::ErrorCode::none)
        last = Error{make_error_code(error), "find the coordinator of group " + group};
    }
    if (!retriable(last.code) || now() >= deadline) co_return std::unexpected(last);
    co_await back_off(attempt, deadline);
  }
  co_return fail(Errc::closed);
}

std::chrono::milliseconds Cluster::retry_wait(int attempt) const {
  return std::min<std::chrono::milliseconds>(options_.retry_backoff * (1 << std::min(attempt, 6)),
                                             options_.retry_backoff_max);
}

Task<> Cluster::back_off(int attempt, TimePoint deadline) {
  auto wait = options_.retry_backoff * (1 << std::min(attempt, 10));
  wait = std::min<std::chrono::milliseconds>(wait, options_.retry_backoff_max);
  const auto spread = static_cast<std::uint64_t>(std::max<std::int64_t>(1, wait.count() * 2 / 5));
  wait += std::chrono::milliseconds(static_cast<std::int64_t>(random_->below(spread))) - wait / 5;
  const auto until = std::min(deadline, now() + wait);
  co_await loop_.timers().wait_until(until);
}

}  // namespace sluice::client
