// The parts of `sluice bench` that compute: frames, histogram, schedule, medians.
#include "protocol/batch_check.hpp"
#include "protocol/frame.hpp"
#include "protocol/messages/fetch.hpp"
#include "protocol/messages/produce.hpp"
#include "protocol/record_batch.hpp"
#include "tools/sluice/bench_frames.hpp"
#include "tools/sluice/bench_histogram.hpp"
#include "tools/sluice/bench_report.hpp"
#include "tools/sluice/bench_schedule.hpp"

#include <gtest/gtest.h>

namespace sluice::bench {
namespace {

using protocol::WireError;

constexpr std::size_t size_prefix = 4;

std::vector<std::byte> joined(Bytes first, Bytes second) {
  std::vector<std::byte> all(first.begin(), first.end());
  all.insert(all.end(), second.begin(), second.end());
  return all;
}

TEST(BenchHistogram, SmallValuesAreExact) {
  Histogram histogram;
  for (int ns = 1; ns <= 100; ++ns) histogram.record(ns);
  EXPECT_EQ(histogram.count(), 100u);
  EXPECT_EQ(histogram.min(), 1);
  EXPECT_EQ(histogram.max(), 100);
  EXPECT_EQ(histogram.percentile(0.5), 50);
  EXPECT_EQ(histogram.percentile(0.99), 99);
  EXPECT_EQ(histogram.percentile(1), 100);
  EXPECT_EQ(histogram.percentile(0), 1);
  EXPECT_DOUBLE_EQ(histogram.mean(), 50.5);
}

TEST(BenchHistogram, LargeValuesAreWithinOnePercent) {
  for (std::int64_t ns = 300; ns > 0 && ns < std::int64_t{1} << 61; ns = ns * 3 + 7) {
    Histogram histogram;
    histogram.record(ns);
    histogram.record(ns * 3);  // so that the maximum does not bound it
    EXPECT_GE(histogram.percentile(0.5), ns);
    EXPECT_LE(static_cast<double>(histogram.percentile(0.5)), static_cast<double>(ns) * 1.01);
  }
}

TEST(BenchHistogram, TakesEveryInteger) {
  Histogram histogram;
  histogram.record(-5);
  histogram.record(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.percentile(1), std::numeric_limits<std::int64_t>::max());
}

TEST(BenchHistogram, MergesAsIfRecordedTogether) {
  Histogram left, right, both;
  for (int i = 0; i < 1000; ++i) {
    (i % 3 == 0 ? left : right).record(i * 1000);
    both.record(i * 1000);
  }
  left.merge(right);
  EXPECT_EQ(left.count(), both.count());
  EXPECT_EQ(left.max(), both.max());
  for (const double share : {0.01, 0.5, 0.99})
    EXPECT_EQ(left.percentile(share), both.percentile(share));
  Histogram empty;
  empty.merge(Histogram());
  EXPECT_EQ(empty.percentile(0.5), 0);
}

TEST(BenchSchedule, EventsAreDueAtEvenTimesFromTheStart) {
  const Schedule schedule(1'000'000, 10'000);
  EXPECT_EQ(schedule.due(0), 1'000'000);
  EXPECT_EQ(schedule.due(1), 1'100'000);
  EXPECT_EQ(schedule.due(100'000), 1'000'000 + std::int64_t{10'000'000'000});
}

TEST(BenchSchedule, CountsWhatIsDueAtAMoment) {
  const Schedule schedule(50, 300'000);  // an interval that is no whole number
  EXPECT_EQ(schedule.due_count(49), 0u);
  EXPECT_EQ(schedule.due_count(50), 1u);
  for (std::uint64_t event = 1; event < 1000; ++event) {
    EXPECT_EQ(schedule.due_count(schedule.due(event)), event + 1);
    EXPECT_EQ(schedule.due_count(schedule.due(event) - 1), event);
  }
}

TEST(BenchFrames, ABatchTakesAtMostItsSizeAndPassesTheBrokersCheck) {
  Batches batches({.record_bytes = 1000, .batch_bytes = 16 * 1024}, 3, 1'700'000'000'000, 7);
  EXPECT_LE(batches.size(), 16u * 1024);
  EXPECT_GT(batches.size(), 15u * 1024);
  const auto first = batches.next();
  EXPECT_NE(std::vector(first.begin(), first.end()),
            std::vector(batches.next().begin(), batches.next().end()));
  const auto checked = protocol::check_batch(first, {.now_ms = 1'700'000'000'000});
  ASSERT_TRUE(checked);
  EXPECT_EQ(static_cast<std::size_t>(checked->header.record_count), batches.records());
}

TEST(BenchFrames, ABatchOfNoSizeHoldsOneRecord) {
  Batches batches({.record_bytes = 100, .batch_bytes = 0}, 1, 0, 7);
  EXPECT_EQ(batches.records(), 1u);
}

TEST(BenchFrames, TheProduceRequestIsOneThatTheBrokerReads) {
  Batches batches({.record_bytes = 100, .batch_bytes = 1000}, 1, 0, 7);
  ProduceHead head("topic", 5, -1, batches.size());
  for (const std::int32_t id : {0, 77}) {
    const auto batch = batches.next();
    const auto frame = joined(head.with_correlation(id), batch);
    EXPECT_EQ(static_cast<std::size_t>(load_big_endian<std::int32_t>(frame.data())),
              frame.size() - size_prefix);
    protocol::RequestFrame request;
    ASSERT_EQ(protocol::parse_request(Bytes(frame).subspan(size_prefix), request), WireError{});
    EXPECT_EQ(request.header.correlation_id, id);
    protocol::ProduceRequest message;
    ASSERT_EQ(protocol::decode(request.body, request.header.version, message), WireError{});
    EXPECT_EQ(message.acks, -1);
    ASSERT_EQ(message.topic_data.size(), 1u);
    EXPECT_EQ(message.topic_data[0].name, "topic");
    const auto& partition = message.topic_data[0].partition_data.at(0);
    EXPECT_EQ(partition.index, 5);
    EXPECT_TRUE(protocol::batch_crc_matches(partition.records->bytes));
  }
}

TEST(BenchFrames, TheFetchRequestAsksForItsOffset) {
  FetchFrame fetch("topic", 3, 1 << 20, 250);
  for (const std::int64_t offset : {std::int64_t{0}, std::int64_t{1} << 40}) {
    const auto frame = fetch.at(offset, 9);
    protocol::RequestFrame request;
    ASSERT_EQ(protocol::parse_request(frame.subspan(size_prefix), request), WireError{});
    EXPECT_EQ(request.header.correlation_id, 9);
    protocol::FetchRequest message;
    ASSERT_EQ(protocol::decode(request.body, request.header.version, message), WireError{});
    EXPECT_EQ(message.max_wait_ms, 250);
    EXPECT_EQ(message.topics.at(0).partitions.at(0).fetch_offset, offset);
    EXPECT_EQ(message.topics.at(0).partitions.at(0).partition, 3);
    EXPECT_EQ(message.topics.at(0).partitions.at(0).log_start_offset, -1);
  }
}

TEST(BenchFrames, ReadsTheProduceReply) {
  protocol::ProduceResponse response;
  response.responses = {{.name = "topic",
                         .partition_responses = {{.index = 5,
                                                  .error_code = protocol::ErrorCode::invalid_record,
                                                  .base_offset = 1'234'567}}}};
  std::vector<std::byte> frame;
  ASSERT_EQ(protocol::encode_response(response, produce_version, 42, frame), WireError{});
  const auto reply = parse_produce_reply(Bytes(frame).subspan(size_prefix));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->correlation_id, 42);
  EXPECT_EQ(reply->error, 87);
  EXPECT_EQ(reply->base_offset, 1'234'567);
  for (std::size_t size = 0; size < 30; ++size)
    EXPECT_FALSE(parse_produce_reply(Bytes(frame).subspan(size_prefix, size)));
}

TEST(BenchFrames, ReadsTheFetchReplyAndWalksItsRecords) {
  Batches batches({.record_bytes = 100, .batch_bytes = 1000}, 1, 0, 7);
  const auto batch = batches.next();
  const auto count = static_cast<std::int64_t>(batches.records());
  auto records = joined(batch, batch);
  protocol::set_base_offset(MutableBytes(records).first(batch.size()), 500);
  protocol::set_base_offset(MutableBytes(records).subspan(batch.size()), 500 + count);
  records.insert(records.end(), batch.begin(), batch.begin() + 80);  // the next one, cut short
  protocol::FetchResponse response;
  response.responses = {
      {.topic = "topic", .partitions = {{.high_watermark = 900, .records = Bytes(records)}}}};
  std::vector<std::byte> frame;
  ASSERT_EQ(protocol::encode_response(response, fetch_version, 42, frame), WireError{});
  const auto reply = parse_fetch_reply(Bytes(frame).subspan(size_prefix));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->high_watermark, 900);
  EXPECT_EQ(reply->records.size(), records.size());
  const auto fetched = walk_records(reply->records, 502, Checksums::checked);
  ASSERT_TRUE(fetched) << fetched.error().message();
  EXPECT_EQ(fetched->bytes, 2 * batch.size());
  EXPECT_EQ(fetched->records, static_cast<std::uint64_t>(2 * count - 2));
  EXPECT_EQ(fetched->next_offset, 500 + 2 * count);
}

TEST(BenchFrames, AGapOrAWrongChecksumIsFound) {
  Batches batches({.record_bytes = 100, .batch_bytes = 1000}, 1, 0, 7);
  const auto batch = batches.next();
  auto records = joined(batch, batch);
  protocol::set_base_offset(MutableBytes(records).subspan(batch.size()), 1'000);
  EXPECT_FALSE(walk_records(records, 0, Checksums::trusted));
  EXPECT_FALSE(walk_records(batch, 1'000, Checksums::trusted));
  std::vector<std::byte> damaged(batch.begin(), batch.end());
  damaged[200] ^= std::byte{1};
  EXPECT_TRUE(walk_records(damaged, 0, Checksums::trusted));
  EXPECT_FALSE(walk_records(damaged, 0, Checksums::checked));
}

TEST(BenchFrames, ANumberedBatchHasItsNumberAndAGoodChecksum) {
  Batches batches({.record_bytes = 100, .batch_bytes = 0}, 1, 0, 7);
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1} << 50}) {
    const auto batch = batches.numbered(number);
    EXPECT_TRUE(protocol::batch_crc_matches(batch));
    EXPECT_EQ(number_of(batch, 100), number);
  }
}

TEST(BenchReport, FiguresAreTheMediansOfTheRounds) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  Series series{.broker = "a:1"};
  for (const std::uint64_t megabytes : {100, 900, 200})
    series.rounds.push_back(
        {.seconds = 2, .requests = 2, .records = 4, .bytes = megabytes * 1'000'000});
  EXPECT_EQ(figures_of(series).mb_per_s, 100);
  EXPECT_FALSE(figures_of(series).cpu_s_per_gb);
}

TEST(BenchReport, AComparisonHasARatio) {
  const std::vector<Series> series{
      {.broker = "a:1", .rounds = {{.seconds = 1, .bytes = 3'000'000}}},
      {.broker = "b:2", .rounds = {{.seconds = 1, .bytes = 1'000'000}}}};
  const auto table = table_of(series, cli::Style::plain);
  EXPECT_NE(table.find("RATIO"), std::string::npos);
  EXPECT_NE(table.find("3.00  1.00   3.00"), std::string::npos) << table;
  const auto json = json_of({}, series);
  EXPECT_NE(json.find("\"ratio\":{\"mb_per_s\":3,"), std::string::npos) << json;
}

}  // namespace
}  // namespace sluice::bench
