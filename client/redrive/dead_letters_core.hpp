// What is behind DeadLetters: readers, the admin, and the progress topic.
// Internal: includes Asio; public headers do not include this.
#pragma once

#include "client/cluster.hpp"
#include "client/redrive/cluster_port.hpp"
#include "client/redrive/run.hpp"
#include "sluice/admin.hpp"
#include "sluice/dead_letters.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace sluice::client {

// The progress topic as it is now.
struct StoredRedrives {
  std::map<std::string, RedriveProgress> redrives;  // by id
  std::optional<RedriveLedger> ledger;              // of the topic that was asked for
};

class DeadLettersCore {
 public:
  DeadLettersCore(ClientOptions options, std::unique_ptr<Cluster> cluster, Admin admin)
      : options_(std::move(options)), cluster_(std::move(cluster)), admin_(std::move(admin)) {}
  ~DeadLettersCore();

  Admin& admin() { return admin_; }
  Result<std::vector<std::string>> topics();
  Result<DeadLetterSummary> describe(const std::string& topic);
  Result<> read(const DeadLetterSelection& selection,
                const std::function<bool(const DeadLetter&)>& take);
  Result<RedriveReport> redrive(const DeadLetterSelection& selection, const RedriveOptions& options,
                                const RedriveWatch& watch);
  Result<RedriveReport> resume(const std::string& id, const RedriveWatch& watch);
  Result<RedriveReport> abandon(const std::string& id);
  Result<std::vector<RedriveReport>> redrives();

 private:
  // Errors: Errc::unknown_topic.
  Result<TopicInfo> topic_info(const std::string& topic);
  Result<TopicReader> open(const std::string& topic);
  Result<> make_progress_topic();
  // Reads the whole progress topic. `topic` and `id`: whose ledger to keep.
  Result<StoredRedrives> load(const std::string& topic = {}, const TopicId& id = {});
  Result<RedriveProgress> plan(const DeadLetterSelection& selection, const RedriveOptions& options,
                               TopicReader& reader, const TopicInfo& info);
  // Refuses when another redrive of the topic is unfinished.
  static Result<> check_free(const StoredRedrives& stored, const RedriveProgress& mine);
  template <class Work>
  Result<RedriveReport> go_on(const std::string& id, Work work);
  RedriveLimits limits() const;

  ClientOptions options_;
  std::unique_ptr<Cluster> cluster_;
  Admin admin_;
};

}  // namespace sluice::client
