// What the parts of Admin share.
// Internal: includes Asio; public headers do not include this.
#pragma once

#include "client/call.hpp"
#include "client/cluster.hpp"
#include "client/offsets.hpp"
#include "client/operation.hpp"
#include "sluice/admin.hpp"

#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::client {

// Success, or the broker's error with its own words.
inline Result<> outcome(protocol::ErrorCode code, std::string context,
                        std::optional<std::string_view> message = std::nullopt) {
  if (code == protocol::ErrorCode::none) return {};
  if (message && message->ends_with('.')) message->remove_suffix(1);
  if (message && !message->empty()) context += ": " + std::string(*message);
  return sluice::fail(make_error_code(code), std::move(context));
}

class AdminCore {
 public:
  explicit AdminCore(std::unique_ptr<Cluster> cluster) : cluster_(std::move(cluster)) {}
  ~AdminCore() {
    if (cluster_->closed()) return;
    const auto stopped = loop().run(stop());
    static_cast<void>(stopped);
  }

  Loop& loop() { return cluster_->loop(); }
  Task<Result<>> stop() { return cluster_->stop(); }

  Cluster& cluster() { return *cluster_; }
  TimePoint until(Deadline deadline) const {
    return deadline.or_after(cluster_->options().request_timeout);
  }
  std::int32_t timeout_ms() const {
    return static_cast<std::int32_t>(cluster_->options().request_timeout.count());
  }
  template <class T>
  T run(Task<T> task) {
    return cluster_->loop().run(std::move(task));
  }

  template <class Response, class Request>
  Result<Reply<Response>> ask_controller(const Request& request, Deadline deadline) {
    auto link = run(cluster_->controller(until(deadline)));
    if (!link) return std::unexpected(link.error());
    return run(call<Response>(*link, request, until(deadline)));
  }
  template <class Response, class Request>
  Result<Reply<Response>> ask_node(BrokerId node, const Request& request, Deadline deadline) {
    auto link = run(cluster_->node(node, until(deadline)));
    if (!link) return std::unexpected(link.error());
    return run(call<Response>(*link, request, until(deadline)));
  }
  template <class Response, class Request>
  Result<Reply<Response>> ask_any(const Request& request, Deadline deadline) {
    auto link = run(cluster_->any(until(deadline)));
    if (!link) return std::unexpected(link.error());
    return run(call<Response>(*link, request, until(deadline)));
  }
  // A broker's configs are that broker's to tell; all else any may answer.
  template <class Response, class Request>
  Result<Reply<Response>> ask_owner(const Resource& resource, const Request& request,
                                    Deadline deadline) {
    BrokerId node = -1;
    std::from_chars(resource.name.data(), resource.name.data() + resource.name.size(), node);
    if (resource.type != ResourceType::broker || node < 0)
      return ask_controller<Response>(request, deadline);
    const auto known = run(cluster_->ensure_fresh(until(deadline)));
    if (!known) return std::unexpected(known.error());
    return ask_node<Response>(node, request, deadline);
  }
  template <class Response, class Request>
  Result<Reply<Response>> ask_coordinator(const std::string& group, const Request& request,
                                          Deadline deadline) {
    auto link = run(coordinator(group, until(deadline)));
    if (!link) return std::unexpected(link.error());
    return run(call<Response>(*link, request, until(deadline)));
  }

  Result<protocol::Version> controller_version(const protocol::Schema& schema, Deadline deadline) {
    auto link = run(cluster_->controller(until(deadline)));
    if (!link) return std::unexpected(link.error());
    return pick_version(**link, schema);
  }
  Task<Result<Cluster::Link>> coordinator(std::string group, TimePoint deadline) {
    const auto id = co_await cluster_->find_coordinator(group, deadline);
    if (!id) co_return std::unexpected(id.error());
    co_return co_await cluster_->node(*id, deadline);
  }

 private:
  std::unique_ptr<Cluster> cluster_;
};

}  // namespace sluice::client
