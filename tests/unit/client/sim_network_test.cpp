// The whole client on a network that delays, cuts and reorders (sim_network.hpp).
#include "tests/unit/client/sim_network.hpp"

#include "protocol/frame.hpp"
#include "protocol/messages/init_producer_id.hpp"
#include "protocol/messages/list_offsets.hpp"
#include "protocol/messages/metadata.hpp"
#include "protocol/record.hpp"
#include "sluice/consumer.hpp"
#include "sluice/producer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace sluice::client {

// ---- The cluster ----

SimCluster::Log* SimCluster::find(std::string_view topic, PartitionIndex partition) {
  const auto at = topics_.find(topic);
  if (at == topics_.end() || static_cast<std::size_t>(partition) >= at->second.size())
    return nullptr;
  return &at->second[static_cast<std::size_t>(partition)];
}

std::vector<std::string> SimCluster::values(const std::string& topic, PartitionIndex partition) {
  std::vector<std::string> values;
  for (const auto& bytes : log(topic, partition).batches) {
    const auto batch = protocol::parse_batch(*bytes);
    protocol::RecordIterator records(*batch);
    while (const auto record = records.next()) values.emplace_back(as_text(*record->value));
  }
  return values;
}

void SimCluster::maybe_move_a_leader() {
  if (!chance(faults.move)) return;
  auto topic =
      std::next(topics_.begin(), static_cast<std::ptrdiff_t>(random_.below(topics_.size())));
  auto& log = topic->second[random_.below(topic->second.size())];
  log.leader = 3 - log.leader;
  ++moves;
}

void SimCluster::produce(BrokerId at, ProduceItem& item) {
  item.answered = true;
  Log* log = find(item.topic, item.partition);
  if (!log || log->leader != at) {
    item.error = log ? ErrorCode::not_leader_or_follower : ErrorCode::unknown_topic_or_partition;
    return;
  }
  const auto header = *protocol::parse_batch_header(item.batch.bytes);
  const auto append = [&] {
    auto copy =
        std::make_shared<std::vector<std::byte>>(item.batch.bytes.begin(), item.batch.bytes.end());
    protocol::set_base_offset(*copy, log->end);
    item.base_offset = log->end;
    log->end += header.record_count;
    log->batches.push_back(std::move(copy));
  };
  if (!header.has_producer_id()) return append();
  auto& sent = log->producers[{header.producer_id, header.producer_epoch}];
  for (const auto& before : sent) {
    if (before.base_sequence != header.base_sequence) continue;
    item.base_offset = before.base_offset;  // a duplicate: already here
    return;
  }
  const Sequence expected =
      sent.empty() ? 0 : protocol::add_sequence(sent.back().base_sequence, sent.back().count);
  if (header.base_sequence != expected) {
    item.error = ErrorCode::out_of_order_sequence_number;
    return;
  }
  sent.push_back({header.base_sequence, header.record_count, log->end});
  if (sent.size() > 5) sent.erase(sent.begin());
  append();
}

void SimCluster::fetch(BrokerId at, FetchItem& item) {
  item.answered = true;
  Log* log = find(item.topic, item.partition);
  if (!log || log->leader != at) {
    item.error = log ? ErrorCode::not_leader_or_follower : ErrorCode::unknown_topic_or_partition;
    return;
  }
  item.high_watermark = log->end;
  std::size_t bytes = 0;
  for (const auto& batch : log->batches) {
    if (protocol::parse_batch_header(*batch)->next_offset() <= item.offset) continue;
    if (bytes > 0 && bytes + batch->size() > item.bytes_max) break;
    bytes += batch->size();
    item.records.push_back({.bytes = Bytes(*batch), .owner = batch});
  }
}

std::vector<std::byte> SimCluster::metadata(Bytes body, protocol::Version version,
                                            CorrelationId id) {
  protocol::MetadataRequest request;
  static_cast<void>(protocol::decode(body, version, request));
  protocol::MetadataResponse response;
  response.controller_id = 1;
  for (const BrokerId broker : {1, 2}) {
    auto& row = response.brokers.emplace_back();
    row.node_id = broker;
    row.host = "sim";
    row.port = broker;
  }
  for (const auto& wanted : *request.topics) {
    auto& topic = response.topics.emplace_back();
    topic.name = wanted.name;
    topic.topic_id = topic_id(*wanted.name);
    const auto known = topics_.find(*wanted.name);
    if (known == topics_.end()) {
      topic.error_code = ErrorCode::unknown_topic_or_partition;
      continue;
    }
    for (std::size_t i = 0; i < known->second.size(); ++i) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = static_cast<PartitionIndex>(i);
      partition.leader_id = known->second[i].leader;
    }
  }
  std::vector<std::byte> out;
  EXPECT_EQ(protocol::encode_response(response, version, id, out), protocol::WireError::none);
  return out;
}

std::vector<std::byte> SimCluster::serve(BrokerId, const void*,
                                         const protocol::RequestFrame& request) {
  std::vector<std::byte> out;
  const auto version = request.header.version;
  const auto id = request.header.correlation_id;
  if (request.header.api_key == protocol::InitProducerIdRequest::schema.api_key) {
    protocol::InitProducerIdResponse response;
    response.producer_id = next_producer_id_++;
    response.producer_epoch = 0;
    EXPECT_EQ(protocol::encode_response(response, version, id, out), protocol::WireError::none);
    return out;
  }
  protocol::ListOffsetsRequest asked;
  EXPECT_EQ(protocol::decode(request.body, version, asked), protocol::WireError::none);
  protocol::ListOffsetsResponse response;
  for (const auto& topic : asked.topics) {
    auto& row = response.topics.emplace_back();
    row.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& found = row.partitions.emplace_back();
      found.partition_index = partition.partition_index;
      const Log* log = find(topic.name, partition.partition_index);
      found.offset = partition.timestamp == -1 ? log->end : 0;
    }
  }
  EXPECT_EQ(protocol::encode_response(response, version, id, out), protocol::WireError::none);
  return out;
}

Result<Frame> SimCluster::answer(BrokerId at, const void* connection, Bytes request) {
  protocol::RequestFrame frame;
  EXPECT_EQ(protocol::parse_request(request, frame), protocol::WireError::none);
  const auto out = frame.header.api_key == protocol::MetadataRequest::schema.api_key
                       ? metadata(frame.body, frame.header.version, frame.header.correlation_id)
                       : serve(at, connection, frame);
  Frame reply{std::make_shared_for_overwrite<std::byte[]>(out.size() - 4), out.size() - 4};
  std::copy(out.begin() + 4, out.end(), reply.data.get());
  return reply;
}

TopicId SimCluster::topic_id(std::string_view name) {
  TopicId id;
  for (std::size_t i = 0; i < name.size(); ++i)
    id.octets[i % id.octets.size()] = static_cast<std::byte>(name[i]);
  return id;
}

// ---- A connection ----

// While a request waits for records.
constexpr std::chrono::milliseconds look_again{1};

protocol::Versions SimChannel::versions(std::int16_t api_key) const {
  protocol::Versions versions;
  if (!cluster_.serves(api_key)) return versions;
  versions.first = 0;
  versions.last = api_key == protocol::MetadataRequest::schema.api_key ? 12 : 4;
  return versions;
}

Task<bool> SimChannel::travel(TimePoint& last) {
  auto& timers = cluster_.sim().timers();
  last = std::max(last, timers.now() + cluster_.delay());
  const TimePoint arrival = last;
  co_await timers.wait_until(arrival);
  co_return open_;
}

bool SimChannel::cut() {
  if (!cluster_.chance(cluster_.faults.cut)) return false;
  ++cluster_.cuts;
  close();
  return true;
}

Task<Result<>> SimChannel::open(TimePoint) {
  open_ = true;
  ++cluster_.open_connections;
  const bool there = co_await travel(last_there_);
  if (!there || cut()) co_return fail(Errc::disconnected, address_.to_string());
  co_return Result<>{};
}

Task<Result<Frame>> SimChannel::exchange(Request request, std::int32_t, TimePoint) {
  const bool there = co_await travel(last_there_);
  if (!there || cut()) co_return fail(Errc::disconnected);
  const Bytes bytes = Bytes(request.owned()).subspan(4);
  protocol::RequestFrame frame;
  EXPECT_EQ(protocol::parse_request(bytes, frame), protocol::WireError::none);
  auto& timers = cluster_.sim().timers();
  const TimePoint until = timers.now() + cluster_.patience(frame);
  while (open_ && timers.now() < until && !cluster_.has_records(id_, frame)) {
    last_back_ = std::max(last_back_, timers.now());
    co_await timers.wait_until(std::min<TimePoint>(until, timers.now() + look_again));
  }
  if (!open_) co_return fail(Errc::disconnected);
  auto answered = cluster_.answer(id_, this, bytes);
  const bool back = co_await travel(last_back_);
  if (!back || cut()) co_return fail(Errc::disconnected);
  co_return answered;
}

Task<Result<>> SimChannel::produce(ProduceCall& call, TimePoint) {
  const bool there = co_await travel(last_there_);
  cluster_.maybe_move_a_leader();
  if (!there || cut()) co_return fail(Errc::disconnected);
  for (auto& item : call.items) cluster_.produce(id_, item);
  const bool back = co_await travel(last_back_);
  if (!back || cut()) co_return fail(Errc::disconnected);
  co_return Result<>{};
}

Task<Result<>> SimChannel::fetch(FetchCall& call, TimePoint) {
  const bool there = co_await travel(last_there_);
  cluster_.maybe_move_a_leader();
  if (!there || cut()) co_return fail(Errc::disconnected);
  for (auto& item : call.items) cluster_.fetch(id_, item);
  const bool nothing = std::ranges::all_of(call.items, [](const FetchItem& item) {
    return item.error == ErrorCode::none && item.records.empty();
  });
  if (nothing) {
    auto& timers = cluster_.sim().timers();
    const TimePoint waited = timers.now() + call.wait;
    last_back_ = std::max(last_back_, waited);  // what is asked meanwhile is answered after it
    co_await timers.wait_until(waited);
  }
  const bool back = co_await travel(last_back_);
  if (!back || cut()) co_return fail(Errc::disconnected);
  co_return Result<>{};
}

// ---- The tests ----

namespace {

constexpr int partitions = 3;
const std::string topic = "t";

class SimNetworkTest : public testing::TestWithParam<int> {
 protected:
  SimNetworkTest()
      : cluster_(sim_, static_cast<std::uint64_t>(GetParam()), {.cut = 0.05, .move = 0.02}) {
    cluster_.add_topic(topic, partitions);
  }
  ClientOptions client() {
    return {.retry_backoff = std::chrono::milliseconds(10),
            .host = std::make_shared<SimHost>(cluster_)};
  }

  SimExecutor sim_;
  SimCluster cluster_;
};

TEST_P(SimNetworkTest, EveryRecordArrivesOnceAndInOrder) {
  auto producer = *Producer::create({.client = client(), .batch_size = 300});
  std::vector<Delivery> deliveries;
  std::vector<std::string> sent[partitions];
  for (int i = 0; i < 400; ++i) {
    const PartitionIndex partition = i % partitions;
    const std::string value = "record " + std::to_string(i);
    const auto delivery =
        producer.send({.topic = topic, .partition = partition, .value = as_bytes(value)});
    ASSERT_TRUE(delivery) << delivery.error().message();
    deliveries.push_back(*delivery);
    sent[partition].push_back(value);
    if (i % 7 == 0) sim_.run_for(std::chrono::milliseconds(3));
  }
  const auto flushed = producer.flush();
  ASSERT_TRUE(flushed) << flushed.error().message();
  for (PartitionIndex p = 0; p < partitions; ++p) EXPECT_EQ(cluster_.values(topic, p), sent[p]);
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    const auto result = deliveries[i].result();
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(result->offset, static_cast<Offset>(i / partitions));
  }
}

// First copies of records are in the order of the sends with one request in flight; with several
// all arrive, and the log may hold later ones before a batch that was sent again.
TEST_P(SimNetworkTest, WithoutIdempotenceEveryRecordArrivesAtLeastOnce) {
  for (const int in_flight : {1, 5}) {
    const std::string name = "without-" + std::to_string(in_flight);
    cluster_.add_topic(name, 1);
    auto producer = *Producer::create(
        {.client = client(), .idempotent = false, .max_in_flight = in_flight, .batch_size = 300});
    std::vector<std::string> sent;
    for (int i = 0; i < 200; ++i) {
      sent.push_back("record " + std::to_string(1000 + i));
      ASSERT_TRUE(producer.send({.topic = name, .value = as_bytes(sent.back())}));
      if (i % 7 == 0) sim_.run_for(std::chrono::milliseconds(3));
    }
    const auto flushed = producer.flush();
    ASSERT_TRUE(flushed) << flushed.error().message();
    std::vector<std::string> first_copies;
    std::set<std::string> seen;
    for (const auto& value : cluster_.values(name, 0))
      if (seen.insert(value).second) first_copies.push_back(value);
    if (in_flight > 1) std::ranges::sort(first_copies);
    EXPECT_EQ(first_copies, sent) << in_flight;
  }
}

TEST_P(SimNetworkTest, AProducerRefusesLimitsThatCannotKeepOrder) {
  for (const int in_flight : {0, 6})
    EXPECT_FALSE(Producer::create({.client = client(), .max_in_flight = in_flight}));
  EXPECT_TRUE(Producer::create({.client = client(), .idempotent = false, .max_in_flight = 6}));
}

TEST_P(SimNetworkTest, AConsumerReadsEverythingOnceAndInOrder) {
  auto producer = *Producer::create({.client = client(), .batch_size = 300});
  for (int i = 0; i < 300; ++i)
    ASSERT_TRUE(producer.send(
        {.topic = topic, .partition = i % partitions, .value = as_bytes(std::to_string(i))}));
  ASSERT_TRUE(producer.flush());
  auto consumer = *Consumer::create({.client = client(),
                                     .offset_reset = OffsetReset::earliest,
                                     .partition_bytes_max = 500,
                                     .poll_records = 20});
  const auto assigned = consumer.assign({{topic, 0}, {topic, 1}, {topic, 2}});
  ASSERT_TRUE(assigned) << assigned.error().message();
  std::vector<std::string> read[partitions];
  for (int polls = 0; polls < 10'000 && sim_.clock().now() < TimePoint::max(); ++polls) {
    const auto records = consumer.poll(Deadline(sim_.clock().now() + std::chrono::seconds(1)));
    if (!records && retriable(records.error())) continue;
    ASSERT_TRUE(records) << records.error().message();
    for (const auto& record : *records) read[record.partition].emplace_back(as_text(*record.value));
    if (read[0].size() + read[1].size() + read[2].size() >= 300) break;
  }
  for (PartitionIndex p = 0; p < partitions; ++p) EXPECT_EQ(read[p], cluster_.values(topic, p));
  for (const auto& [where, lag] : consumer.lag()) EXPECT_EQ(lag, 0) << where.partition;
}

TEST_P(SimNetworkTest, AnIdlePartitionDoesNotHoldUpTheOthers) {
  cluster_.faults.cut = cluster_.faults.move = 0;
  auto producer = *Producer::create({.client = client(), .batch_size = 300});
  for (int i = 0; i < 300; ++i)
    ASSERT_TRUE(
        producer.send({.topic = topic, .partition = 1, .value = as_bytes(std::to_string(i))}));
  ASSERT_TRUE(producer.flush());
  constexpr auto wait = std::chrono::seconds(20);
  auto consumer = *Consumer::create({.client = client(),
                                     .offset_reset = OffsetReset::earliest,
                                     .fetch_wait = wait,
                                     .partition_bytes_max = 500,
                                     .prefetch_bytes = 1000,
                                     .poll_records = 20});
  ASSERT_TRUE(consumer.assign({{topic, 0}, {topic, 1}}));
  const TimePoint begin = sim_.clock().now();
  std::size_t count = 0;
  while (count < 300) {
    sim_.run_for(std::chrono::milliseconds(100));  // the buffer of the busy one fills
    const auto records = consumer.poll(Deadline(begin + 10 * wait));
    ASSERT_TRUE(records) << records.error().message();
    ASSERT_FALSE(records->empty());
    count += records->size();
  }
  EXPECT_LT(sim_.clock().now() - begin, wait);
}

TEST_P(SimNetworkTest, AFullBufferHoldsSendsBack) {
  auto producer =
      *Producer::create({.client = client(), .batch_size = 1000, .buffer_memory = 4000});
  const std::string value(200, 'v');
  for (int i = 0; i < 200; ++i) {
    const auto sent = producer.send({.topic = topic, .value = as_bytes(value)});
    ASSERT_TRUE(sent) << sent.error().message();
  }
  // Nothing comes back any more: the buffer fills, and the send says so at its deadline.
  cluster_.faults.cut = 1;
  std::optional<Error> refused;
  for (int i = 0; i < 50 && !refused; ++i) {
    const auto sent = producer.send({.topic = topic, .value = as_bytes(value)},
                                    Deadline(sim_.clock().now() + std::chrono::seconds(1)));
    if (!sent) refused = sent.error();
  }
  ASSERT_TRUE(refused);
  EXPECT_TRUE(refused->is(Errc::buffer_full)) << refused->message();
  cluster_.faults.cut = 0;
  EXPECT_TRUE(producer.flush(Deadline(sim_.clock().now() + std::chrono::seconds(60))));
}

TEST_P(SimNetworkTest, ASentRecordIsReportedOnceAlsoWhenItsProducerEnds) {
  int reports[40] = {};
  {
    auto producer = *Producer::create({.client = client(), .batch_size = 300});
    for (int i = 0; i < 40; ++i) {
      const Done<RecordMetadata> done{
          [](void* context, Result<RecordMetadata>) { ++*static_cast<int*>(context); },
          &reports[i]};
      producer.send({.topic = topic, .partition = i % partitions, .value = as_bytes("v")}, done);
      sim_.run_for(std::chrono::milliseconds(1));
    }
  }
  for (const int count : reports) EXPECT_EQ(count, 1);
}

// Also those that are copied first, behind a backlog.
TEST_P(SimNetworkTest, WhatARecordAsksOfASluiceGoesAsHeaders) {
  auto producer = *Producer::create({.client = client()});
  const Header own{"own", as_bytes("header")};
  const std::vector<ProducerRecord> records{
      {.topic = topic, .partition = 0, .headers = {&own, 1}, .deliver_at_ms = 1'700'000'000'000},
      {.topic = topic, .partition = 0, .delay = std::chrono::seconds(90), .message_id = "order 7"}};
  const Done<RecordMetadata> ignore{[](void*, Result<RecordMetadata>) {}, nullptr};
  producer.send(records[0], ignore);  // the topic is not known yet: it is copied
  producer.send(records[1], ignore);
  ASSERT_TRUE(producer.flush());
  for (const auto& record : records) ASSERT_TRUE(producer.send(record));
  ASSERT_TRUE(producer.flush());
  std::vector<std::string> seen;
  for (const auto& bytes : cluster_.log(topic, 0).batches) {
    const auto batch = protocol::parse_batch(*bytes);
    protocol::RecordIterator iterator(*batch);
    while (const auto record = iterator.next()) {
      auto& text = seen.emplace_back();
      for (const auto& header : record->headers)
        text += std::string(header.key) + "=" + std::string(as_text(*header.value)) + ";";
    }
  }
  const std::vector<std::string> one{"own=header;sluice-deliver-at=1700000000000;",
                                     "sluice-delay-ms=90000;sluice-message-id=order 7;"};
  EXPECT_EQ(seen, (std::vector<std::string>{one[0], one[1], one[0], one[1]}));
}

TEST_P(SimNetworkTest, WhatNoBrokerWouldTakeIsRefused) {
  auto producer = *Producer::create({.client = client()});
  const std::string longest(255, 'x');
  const std::string longer(256, 'x');
  const std::vector<ProducerRecord> bad{
      {.topic = topic, .deliver_at_ms = 1, .delay = std::chrono::seconds(1)},
      {.topic = topic, .deliver_at_ms = -1},
      {.topic = topic, .delay = std::chrono::milliseconds(-1)},
      {.topic = topic, .message_id = ""},
      {.topic = topic, .message_id = longer}};
  for (const auto& record : bad) {
    const auto sent = producer.send(record);
    ASSERT_FALSE(sent);
    EXPECT_TRUE(sent.error().is(Errc::invalid_argument)) << sent.error().message();
  }
  EXPECT_TRUE(producer.send({.topic = topic, .message_id = longest}));
  EXPECT_TRUE(producer.flush());
}

TEST_P(SimNetworkTest, RecordsThatWaitForRoomKeepTheirOrder) {
  auto producer =
      *Producer::create({.client = client(), .batch_size = 3000, .buffer_memory = 30'000});
  ASSERT_TRUE(producer.partition_count(topic));
  int failures = 0;
  int reports = 0;
  struct Counts {
    int& failures;
    int& reports;
  } counts{failures, reports};
  std::vector<std::string> sent;
  for (int i = 0; i < 100; ++i) {
    sent.push_back("record " + std::to_string(i) + std::string(400, '.'));
    const Done<RecordMetadata> done{[](void* context, Result<RecordMetadata> result) {
                                      auto& mine = *static_cast<Counts*>(context);
                                      ++mine.reports;
                                      if (!result) ++mine.failures;
                                    },
                                    &counts};
    producer.send({.topic = topic, .partition = 0, .value = as_bytes(sent.back())}, done);
  }
  const auto flushed = producer.flush();
  ASSERT_TRUE(flushed) << flushed.error().message();
  producer.poll();
  EXPECT_EQ(reports, 100);
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(cluster_.values(topic, 0), sent);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SimNetworkTest, testing::Range(1, 31));

}  // namespace
}  // namespace sluice::client
