// The connections to a cluster and what is known of it; one for each producer, consumer or admin.
// Internal: includes Asio; public headers do not include this.
#pragma once

#include "base/random.hpp"
#include "base/task_group.hpp"
#include "client/call.hpp"
#include "client/channel.hpp"
#include "client/host.hpp"
#include "client/loop.hpp"
#include "client/metadata.hpp"
#include "sluice/types.hpp"

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sluice::client {

// Connections that must not wait for each other's answers: brokers answer in order, fetches wait
// for records, and the rounds of a group for its other members. A share session lives as long as
// its connection.
enum class Purpose : std::uint8_t { data, coordinator, rebalance, share };

enum class AutoCreate : bool { no, yes };

class Cluster {
 public:
  // Errors: Errc::invalid_argument for an address that is none.
  static Result<std::unique_ptr<Cluster>> create(ClientOptions options);
  Cluster(std::shared_ptr<Host> host, ClientOptions options, std::vector<Address> bootstrap);
  // Requires: no task is running (stop()).
  ~Cluster() { close(); }

  using Link = std::shared_ptr<Channel>;

  // An open connection to whichever broker answers first. Errors: Errc::unreachable, with the last
  // reason in the context.
  Task<Result<Link>> any(TimePoint deadline);
  // An open connection to one broker. Errors: Errc::unreachable, ::timed_out or a socket error.
  Task<Result<Link>> node(BrokerId id, TimePoint deadline, Purpose purpose = Purpose::data);
  // The broker that takes administrative requests.
  Task<Result<Link>> controller(TimePoint deadline);

  // Asks for the wanted topics. Calls that overlap share one request.
  Task<Result<>> refresh(TimePoint deadline);
  // Refreshes when stale, or when a wanted topic is not known yet.
  Task<Result<>> ensure_fresh(TimePoint deadline);
  // Makes sure that the topic is known, and refreshes until it is or the deadline passes.
  // Errors: Errc::unknown_topic; the broker's error for the topic.
  Task<Result<>> ensure_topic(std::string topic, TimePoint deadline);
  // The broker that coordinates a group. Errors: the broker's; retried up to the deadline.
  Task<Result<BrokerId>> find_coordinator(std::string group, TimePoint deadline);

  MetadataCache& metadata() { return metadata_; }
  const ClientOptions& options() const { return options_; }
  Host& host() { return *host_; }
  const std::shared_ptr<Host>& shared_host() const { return host_; }
  Loop& loop() { return loop_; }
  TimePoint now() const { return loop_.now(); }
  Random& random() { return *random_; }
  void set_auto_create(AutoCreate value) { auto_create_ = value; }

  // How long something that failed rests before its n-th retry (from 0), on its own: doubles, up to
  // the maximum, without jitter.
  std::chrono::milliseconds retry_wait(int attempt) const;
  // Waits before the n-th retry (from 0): doubles, up to the maximum, with a fifth of jitter.
  Task<> back_off(int attempt, TimePoint deadline);

  // Starts a task of this client. It ends by itself once the cluster is closed and its owner has
  // told it to; stop() waits for it.
  void spawn(Task<> task) { tasks_.spawn(std::move(task)); }

  // Closes all connections; everything that waits fails, and nothing connects again.
  void close();
  // Closes, and waits until no task is running.
  Task<Result<>> stop();
  bool closed() const { return closed_; }

 private:
  Task<Result<Link>> connect(Address address, TimePoint deadline);

  std::shared_ptr<Host> host_;
  Loop& loop_;
  ClientOptions options_;
  std::vector<Address> bootstrap_;
  MetadataCache metadata_;
  std::unique_ptr<Random> random_;
  AutoCreate auto_create_ = AutoCreate::no;
  // Connections by broker; the bootstrap one until brokers are known.
  std::map<std::pair<BrokerId, Purpose>, Link> links_;
  Link bootstrap_link_;
  std::vector<Link> opening_;    // so that close() reaches them
  bool ever_connected_ = false;  // a cluster that never answered is reported at once
  bool refreshing_ = false;
  Signal refreshed_;
  Error refresh_error_;
  bool closed_ = false;
  TaskGroup tasks_;
};

}  // namespace sluice::client
