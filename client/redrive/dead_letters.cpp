// The public face of dead letters.
#include "sluice/dead_letters.hpp"

#include "client/redrive/dead_letters_core.hpp"

#include <utility>

namespace sluice {

DeadLetters::DeadLetters(std::unique_ptr<client::DeadLettersCore> core) : core_(std::move(core)) {}
DeadLetters::~DeadLetters() = default;
DeadLetters::DeadLetters(DeadLetters&&) noexcept = default;
DeadLetters& DeadLetters::operator=(DeadLetters&&) noexcept = default;

Result<DeadLetters> DeadLetters::create(ClientOptions options) {
  auto cluster = client::Cluster::create(options);
  if (!cluster) return std::unexpected(cluster.error());
  auto admin = Admin::create(options);
  if (!admin) return std::unexpected(admin.error());
  return DeadLetters(std::make_unique<client::DeadLettersCore>(
      std::move(options), std::move(*cluster), std::move(*admin)));
}

Result<std::vector<std::string>> DeadLetters::topics() { return core_->topics(); }

Result<DeadLetterSummary> DeadLetters::describe(const std::string& topic) {
  return core_->describe(topic);
}

Result<> DeadLetters::read(const DeadLetterSelection& selection,
                           const std::function<bool(const DeadLetter&)>& take) {
  return core_->read(selection, take);
}

Result<RedriveReport> DeadLetters::redrive(const DeadLetterSelection& selection,
                                           const RedriveOptions& options,
                                           const RedriveWatch& watch) {
  return core_->redrive(selection, options, watch);
}

Result<RedriveReport> DeadLetters::resume(const std::string& id, const RedriveWatch& watch) {
  return core_->resume(id, watch);
}

Result<RedriveReport> DeadLetters::abandon(const std::string& id) { return core_->abandon(id); }

Result<std::vector<RedriveReport>> DeadLetters::redrives() { return core_->redrives(); }

Result<std::map<TopicPartition, Offset>> DeadLetters::purge(
    const std::string& topic, const std::map<PartitionIndex, Offset>& before) {
  Admin::Offsets offsets;
  for (const auto& [partition, offset] : before) offsets[{topic, partition}] = offset;
  return core_->admin().delete_records(offsets);
}

Result<std::map<PartitionIndex, Offset>> DeadLetters::offsets_since(const std::string& topic,
                                                                    std::int64_t time_ms) {
  std::map<PartitionIndex, Offset> first_since;
  std::map<PartitionIndex, Offset> after_all;
  const auto read_all = core_->read({.topic = topic, .offsets = {}, .filter = {}, .again = true},
                                    [&](const DeadLetter& letter) {
                                      const auto& record = letter.record;
                                      const auto failed = letter.origin.last_failure_ms;
                                      if ((failed >= 0 ? failed : record.timestamp_ms) >= time_ms)
                                        first_since.try_emplace(record.partition, record.offset);
                                      after_all[record.partition] = record.offset + 1;
                                      return true;
                                    });
  if (!read_all) return std::unexpected(read_all.error());
  first_since.insert(after_all.begin(), after_all.end());  // those that have none
  return first_since;
}

}  // namespace sluice
