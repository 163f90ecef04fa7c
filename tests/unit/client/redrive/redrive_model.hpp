// A small world for redrives: a dead-letter topic, targets with idempotent producers as brokers
// keep them, the progress topic; it loses answers, forgets producers, and dies when it is told to.
#pragma once

#include "base/random.hpp"
#include "client/redrive/port.hpp"
#include "client/redrive/progress.hpp"
#include "protocol/batch_builder.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::client {

struct ModelRecord {
  Offset offset = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<OwnedHeader> headers;
};

// Records of one partition, encoded and as views.
class ModelLetters {
 public:
  explicit ModelLetters(PartitionIndex partition = 0) : partition_(partition) {}
  void add(const ModelRecord& record);
  const std::vector<RecordView>& views() const { return views_; }
  Offset end() const { return views_.empty() ? 0 : views_.back().offset + 1; }
  void remove_before(Offset offset);

 private:
  PartitionIndex partition_;
  std::vector<std::unique_ptr<std::vector<std::byte>>> bytes_;
  std::vector<RecordView> views_;
};

// One partition that producers write to.
class ModelLog {
 public:
  struct Stored {
    protocol::BatchHeader header;
    std::vector<OwnedRecord> records;
  };
  // The base offset, or what a broker answers.
  std::expected<Offset, ErrorCode> append(const std::vector<std::byte>& batch);
  void forget_producers() { producers_.clear(); }
  const std::vector<Stored>& batches() const { return batches_; }
  Offset end() const { return end_; }

 private:
  struct Producer {
    ProducerEpoch epoch = 0;
    std::vector<std::pair<protocol::BatchHeader, Offset>> last;
  };
  std::vector<Stored> batches_;
  std::map<ProducerId, Producer> producers_;
  Offset end_ = 0;
};

struct ModelFaults {
  double lose_request = 0;  // it never comes there
  double lose_answer = 0;
  double late_request = 0;  // it comes there only when the next one does
  double forget = 0;        // targets forget their producers before a request
  int calls_until_death = -1;
};

class ModelPort final : public RedrivePort {
 public:
  explicit ModelPort(std::uint64_t seed) : random_(seed) {}

  std::map<PartitionIndex, ModelLetters> letters;
  std::map<std::string, std::vector<ModelLog>> targets;
  ModelLog progress;
  ModelFaults faults;
  std::size_t refuse_values_above = 1000;

  // Everything is as it was at first; targets stay.
  void clear();
  // The process died; another may begin.
  bool dead() const { return dead_; }
  void revive() { dead_ = false; }
  // The progress topic, read from its start.
  std::optional<RedriveProgress> stored(const std::string& id) const;
  RedriveLedger ledger(const std::string& topic, const TopicId& topic_id) const;

  Result<Consumer::Records> read(PartitionIndex partition, Offset from, Offset end) override;
  Result<std::optional<std::int32_t>> partition_count(const std::string& topic) override;
  Result<Offset> end_offset(const TopicPartition& where) override;
  Result<> save(std::span<const SavedEntry> entries, ProducerId id, ProducerEpoch epoch,
                Sequence sequence) override;
  void send(std::span<RedriveBatch> batches) override;
  Result<std::optional<Offset>> find(const TopicPartition& where, Offset from, ProducerId id,
                                     ProducerEpoch epoch, Sequence sequence) override;
  TimePoint now() const override { return now_; }
  void wait(std::chrono::milliseconds time) override { now_ += time; }

 private:
  bool chance(double probability) {
    return static_cast<double>(random_.below(1'000'000)) < probability * 1e6;
  }
  // One more call: whether the process dies in it, and if so whether its effect comes about.
  bool dies();
  void send_one(RedriveBatch& batch);
  std::optional<ErrorCode> refusal(const RedriveBatch& batch) const;
  ModelLog& log(const std::string& topic, PartitionIndex partition) {
    return targets.at(topic).at(static_cast<std::size_t>(partition));
  }

  SeededRandom random_;
  TimePoint now_{};
  bool dead_ = false;
  std::vector<RedriveBatch> late_;
};

}  // namespace sluice::client
