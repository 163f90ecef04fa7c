#include "client/fetch_state.hpp"

#include "protocol/batch_builder.hpp"
#include "sluice/error.hpp"

#include <gtest/gtest.h>

namespace sluice::client {
namespace {

struct BatchSpec {
  Offset base = 0;
  std::vector<std::string> values;
  protocol::Compression codec = protocol::Compression::none;
  protocol::BatchKind kind = protocol::BatchKind::data;
  ProducerId producer_id = -1;
};

std::vector<std::byte> build(const BatchSpec& spec) {
  protocol::BatchBuilder builder(
      {.compression = spec.codec,
       .kind = spec.kind,
       .base_offset = spec.base,
       .producer_id = spec.producer_id,
       .producer_epoch = static_cast<ProducerEpoch>(spec.producer_id < 0 ? -1 : 0)});
  // Control records: version 0, type 0 (abort).
  const std::byte abort_key[4] = {};
  for (const auto& value : spec.values) {
    protocol::NewRecord record{.timestamp = 1000, .value = as_bytes(value)};
    if (spec.kind == protocol::BatchKind::control) record.key = Bytes(abort_key);
    builder.append(record);
  }
  protocol::Compressor compressor;
  return builder.finish(compressor);
}

// What an answer would carry: the batches back to back.
FetchState::Partition::Chunk chunk(const std::vector<BatchSpec>& specs, std::size_t cut = 0) {
  auto bytes = std::make_shared<std::vector<std::byte>>();
  for (const auto& spec : specs) {
    const auto batch = build(spec);
    bytes->insert(bytes->end(), batch.begin(), batch.end());
  }
  bytes->resize(bytes->size() - cut);
  return {.owner = bytes, .bytes = Bytes(*bytes)};
}

class FetchStateTest : public ::testing::Test {
 protected:
  void begin(FetchState::Options options = {}) {
    state_.emplace(options);
    state_->assign({where_});
    state_->seek(partition(), 0);
  }
  FetchState::Partition& partition() { return *state_->find(where_); }
  // "0=a 1=b"
  std::string take(std::size_t most = 1000) {
    const auto records = state_->take(most);
    if (!records) return "error: " + records.error().message();
    std::string text;
    for (const auto& record : *records)
      text += (text.empty() ? "" : " ") + std::to_string(record.offset) + "=" +
              std::string(record.value ? as_text(*record.value) : "null");
    return text;
  }

  const TopicPartition where_{"t", 0};
  std::optional<FetchState> state_;
  TimePoint now_{std::chrono::hours(1)};
};

TEST_F(FetchStateTest, GivesRecordsAndMovesOn) {
  begin();
  EXPECT_TRUE(state_->wants_data(partition(), now_));
  state_->add_chunk(partition(), chunk({{0, {"a", "b"}}, {2, {"c"}}}));
  EXPECT_EQ(partition().fetch_next, 3);
  EXPECT_EQ(partition().position, 0);
  EXPECT_TRUE(state_->has_data());
  EXPECT_EQ(take(), "0=a 1=b 2=c");
  EXPECT_EQ(partition().position, 3);
  EXPECT_FALSE(state_->has_data());
  EXPECT_EQ(partition().buffered, 0u);
}

TEST_F(FetchStateTest, GivesWholeBatchesUpToTheLimit) {
  begin();
  state_->add_chunk(partition(), chunk({{0, {"a", "b"}}, {2, {"c"}}}));
  EXPECT_EQ(take(1), "0=a 1=b");
  EXPECT_EQ(take(1), "2=c");
}

TEST_F(FetchStateTest, LeavesOutRecordsBeforeThePosition) {
  begin();
  state_->seek(partition(), 1);
  state_->add_chunk(partition(), chunk({{0, {"a", "b", "c"}}}));
  EXPECT_EQ(take(), "1=b 2=c");
}

TEST_F(FetchStateTest, DropsATailThatIsCutShort) {
  begin();
  state_->add_chunk(partition(), chunk({{0, {"a"}}, {1, {"b"}}}, 5));
  EXPECT_EQ(partition().fetch_next, 1);
  EXPECT_EQ(take(), "0=a");
  state_->add_chunk(partition(), chunk({{1, {"b"}}}, 5));
  EXPECT_FALSE(state_->has_data());
}

TEST_F(FetchStateTest, UndoesEveryCodec) {
  using enum protocol::Compression;
  begin();
  Offset next = 0;
  for (const auto codec : {none, gzip, snappy, lz4, zstd}) {
    state_->add_chunk(partition(), chunk({{next, {"a", "b"}, codec}}));
    next += 2;
  }
  EXPECT_EQ(take(), "0=a 1=b 2=a 3=b 4=a 5=b 6=a 7=b 8=a 9=b");
}

TEST_F(FetchStateTest, RefusesDamagedBatches) {
  begin();
  auto damaged = std::make_shared<std::vector<std::byte>>(build({1, {"b"}}));
  damaged->back() ^= std::byte{1};
  state_->add_chunk(partition(), chunk({{0, {"a"}}}));
  state_->add_chunk(partition(), {.owner = damaged, .bytes = Bytes(*damaged)});
  EXPECT_EQ(take(), "0=a") << "what is good comes first";
  EXPECT_EQ(take(), "error: t-0 at offset 1: checksum mismatch: a fetched batch is corrupt");
  EXPECT_EQ(partition().position, 1) << "and it stays there";
}

TEST_F(FetchStateTest, HidesControlBatches) {
  begin();
  state_->add_chunk(partition(),
                    chunk({{0, {"a"}},
                           {1, {"x"}, protocol::Compression::none, protocol::BatchKind::control, 9},
                           {2, {"b"}}}));
  EXPECT_EQ(take(), "0=a 2=b");
  EXPECT_EQ(partition().position, 3);
}

TEST_F(FetchStateTest, ReadCommittedHidesAbortedTransactions) {
  constexpr auto none = protocol::Compression::none;
  constexpr auto open = protocol::BatchKind::transactional_data;
  const std::vector<BatchSpec> log = {
      {0, {"a"}, none, open, 9},                          // will be aborted
      {1, {"b"}, none, open, 8},                          // will be committed
      {2, {"x"}, none, protocol::BatchKind::control, 9},  // the abort
      {3, {"c"}, none, open, 9},                          // a new transaction
  };
  begin({.isolation = Isolation::read_committed});
  auto answer = chunk(log);
  answer.aborted = {{.producer_id = 9, .first_offset = 0}};
  state_->add_chunk(partition(), std::move(answer));
  EXPECT_EQ(take(), "1=b 3=c");
  begin();
  state_->add_chunk(partition(), chunk(log));
  EXPECT_EQ(take(), "0=a 1=b 3=c");
}

TEST_F(FetchStateTest, TakesTurnsBetweenPartitions) {
  begin();
  state_->add({{"t", 1}});
  auto& other = *state_->find({"t", 1});
  state_->seek(other, 0);
  state_->add_chunk(partition(), chunk({{0, {"a"}}, {1, {"b"}}}));
  state_->add_chunk(other, chunk({{0, {"c"}}, {1, {"d"}}}));
  const std::string first = take(1);
  const std::string second = take(1);
  EXPECT_NE(first.substr(2), second.substr(2));
  EXPECT_EQ(first.substr(0, 1), "0");
  EXPECT_EQ(second.substr(0, 1), "0");
}

TEST_F(FetchStateTest, SeekDropsWhatIsBuffered) {
  begin();
  const auto before = partition().incarnation;
  state_->add_chunk(partition(), chunk({{0, {"a"}}}));
  state_->seek(partition(), 5);
  EXPECT_NE(partition().incarnation, before);
  EXPECT_FALSE(state_->has_data());
  EXPECT_EQ(partition().fetch_next, 5);
}

TEST_F(FetchStateTest, PausedPartitionsGiveAndFetchNothing) {
  begin();
  state_->add_chunk(partition(), chunk({{0, {"a"}}}));
  partition().paused = true;
  EXPECT_FALSE(state_->has_data());
  EXPECT_EQ(take(), "");
  EXPECT_FALSE(state_->wants_data(partition(), now_));
}

TEST_F(FetchStateTest, PrefetchIsBounded) {
  begin({.prefetch_bytes = 100});
  state_->add_chunk(partition(), chunk({{0, {std::string(200, 'x')}}}));
  EXPECT_FALSE(state_->wants_data(partition(), now_));
  static_cast<void>(take());
  EXPECT_TRUE(state_->wants_data(partition(), now_));
}

TEST_F(FetchStateTest, AssignKeepsWhatStays) {
  begin();
  state_->seek(partition(), 7);
  state_->assign({where_, {"u", 0}});
  EXPECT_EQ(partition().position, 7);
  state_->assign({{"u", 0}});
  EXPECT_EQ(state_->find(where_), nullptr);
}

}  // namespace
}  // namespace sluice::client
