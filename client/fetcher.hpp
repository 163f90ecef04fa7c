// Keeps the buffers of a FetchState filled and its positions known.
// Internal: includes Asio; public headers do not include this.
#pragma once

#include "client/cluster.hpp"
#include "client/fetch_state.hpp"
#include "sluice/consumer.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::client {

class Fetcher {
 public:
  Fetcher(Cluster& cluster, FetchState& state, const ConsumerOptions& options)
      : cluster_(cluster),
        state_(state),
        options_(options),
        work_(cluster.loop()),
        changed_(cluster.loop()) {}

  void start() { cluster_.spawn(run()); }
  // Lets run() end; the cluster is closed and the loop drained after this.
  void stop() {
    stopping_ = true;
    work_.notify();
  }
  // Partitions, positions or buffers changed.
  void wake() { work_.notify(); }

  // Notified when records, positions or failures may be new.
  Signal& changed() { return changed_; }

  // What a poll() should tell its caller; cleared by reading.
  std::optional<Error> take_failure() { return std::exchange(failure_, std::nullopt); }
  bool has_failure() const { return failure_.has_value(); }
  // The last request could not even be sent; cleared by the first success.
  const std::optional<Error>& trouble() const { return trouble_; }

 private:
  struct Ask {
    TopicPartition where;
    std::uint64_t incarnation;
  };

  Task<> run();
  // How long the broker may hold an answer back for want of records.
  enum class Patience : std::uint8_t {
    some,  // fetch_wait
    none,  // others of its partitions will be asked for as soon as some of their records are taken
  };

  void start_fetches(TimePoint now);
  static Task<> fetch(Fetcher* self, BrokerId leader, std::vector<Ask> asks, Patience patience);
  Task<Result<>> exchange(BrokerId leader, const std::vector<Ask>& asks, Patience patience);
  void take_answer(const Ask& ask, FetchItem& answer, Patience patience);
  static Task<> refresh_metadata(Fetcher* self);
  static Task<> resolve_positions(Fetcher* self, std::vector<Ask> asks);
  Task<Result<>> resolve(const std::vector<Ask>& asks);
  FetchState::Partition* current(const Ask& ask);
  // Notes a failure that may pass, and leaves these partitions alone for a while.
  void hold_back(const std::vector<Ask>& asks, const Error& error);
  void succeed();

  Cluster& cluster_;
  FetchState& state_;
  const ConsumerOptions& options_;
  Signal work_;
  Signal changed_;
  std::map<BrokerId, bool> busy_;
  bool stopping_ = false;
  bool refreshing_ = false;
  TimePoint refresh_after_{};
  int failures_ = 0;
  std::optional<Error> failure_;
  std::optional<Error> trouble_;
};

}  // namespace sluice::client
