// sluice.dedup.window.ms of a whole broker, over real sockets and a real directory.
#include "broker/broker.hpp"
#include "broker/queue/message_ids.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/messages/all.hpp"
#include "protocol/queue_headers.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/wire_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace sluice::broker {
namespace {

using namespace std::chrono_literals;
using protocol::ErrorCode;
using testing::ElementsAre;

struct Sender {
  ProducerId id = no_producer_id;
  Sequence sequence = no_sequence;
};

class DedupBrokerTest : public testing::Test {
 protected:
  DedupBrokerTest() { start(); }

  void start() {
    client_.reset();
    broker_.reset();
    Options options;
    options.log_dir = directory_.string();
    options.listeners = {"PLAINTEXT://127.0.0.1:0"};
    options.shards = 2;
    options.dedup_ids_max = ids_max_;
    if (const char* backend = std::getenv("SLUICE_IO_BACKEND")) options.io_backend = backend;
    auto broker = Broker::start(options, clock_, logger_);
    ASSERT_TRUE(broker) << broker.error().message();
    broker_ = std::move(*broker);
    client_ = std::make_unique<WireClient>(broker_->addresses().front().port);
  }
  ErrorCode create(std::vector<std::pair<std::string, std::string>> configs) {
    protocol::CreateTopicsRequest request;
    request.timeout_ms = 10'000;
    auto& topic = request.topics.emplace_back();
    topic.name = "orders";
    topic.num_partitions = 1;
    topic.replication_factor = 1;
    for (const auto& [name, value] : configs) {
      auto& config = topic.configs.emplace_back();
      config.name = name;
      config.value = value;
    }
    const auto response = client_->call<protocol::CreateTopicsResponse>(request, 5);
    return response->topics.front().error_code;
  }
  void create_with_window(std::chrono::milliseconds window) {
    ASSERT_EQ(create({{"sluice.dedup.window.ms", std::to_string(window.count())}}),
              ErrorCode::none);
  }
  using Row = protocol::ProduceResponse::Partition;
  Row produce(const std::vector<std::string>& ids, Sender sender = {},
              protocol::Compression codec = protocol::Compression::none) {
    protocol::BatchOptions options;
    options.compression = codec;
    options.producer_id = sender.id;
    if (sender.id >= 0) options.producer_epoch = 0;
    options.base_sequence = sender.sequence;
    protocol::BatchBuilder builder(options);
    for (const auto& id : ids) {
      const std::vector<Header> headers{{protocol::message_id_header, as_bytes(id)}};
      protocol::NewRecord record;
      record.timestamp = clock_.wall_ms();
      const std::string value = "value of " + id;
      record.value = as_bytes(value);
      if (id != "none") record.headers = headers;
      builder.append(record);
    }
    protocol::Compressor compressor;
    const auto batch = builder.finish(compressor);
    protocol::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 10'000;
    request.topic_data.push_back({"orders", {}, {{0, protocol::Records{batch}}}});
    auto response = client_->call<protocol::ProduceResponse>(request, 9);
    if (!response) {
      ADD_FAILURE() << "no answer";
      return {};
    }
    Row row = response->responses.front().partition_responses.front();
    faults_.clear();
    for (const auto& fault : row.record_errors) faults_.push_back(fault.batch_index);
    return row;
  }
  // Values of the records that are there, with their offsets.
  std::vector<std::string> stored() {
    protocol::FetchRequest request;
    request.max_wait_ms = 100;
    request.max_bytes = 1 << 20;
    request.topics.emplace_back().topic = "orders";
    auto& partition = request.topics.front().partitions.emplace_back();
    partition.partition_max_bytes = 1 << 20;
    const auto response = client_->call<protocol::FetchResponse>(request, 11);
    std::vector<std::string> all;
    end_ = response->responses.front().partitions.front().high_watermark;
    protocol::BatchIterator batches(response->responses.front().partitions.front().records->bytes);
    while (const auto batch = batches.next()) {
      std::vector<std::byte> plain;
      Bytes area = batch->records();
      if (batch->header.compression() != protocol::Compression::none) {
        protocol::Decompressor decompressor;
        EXPECT_TRUE(decompressor.decompress(batch->header.compression(), area, 1 << 20, plain));
        area = plain;
      }
      protocol::RecordIterator records(area, batch->header.record_count);
      while (const auto record = records.next())
        all.push_back(std::to_string(protocol::offset_of(*record, batch->header)) + " " +
                      std::string(as_text(*record->value)));
    }
    return all;
  }

  TemporaryDirectory directory_;
  SystemClock clock_;
  NullLogger logger_;
  std::int32_t ids_max_ = 1000;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<WireClient> client_;
  std::vector<std::int32_t> faults_;
  Offset end_ = -1;
};

TEST_F(DedupBrokerTest, ADuplicateIsAcknowledgedAndNotStored) {
  create_with_window(1h);
  EXPECT_EQ(produce({"a"}).base_offset, 0);
  EXPECT_EQ(produce({"b"}).base_offset, 1);
  const Row again = produce({"a"});
  EXPECT_EQ(again.error_code, ErrorCode::none);
  EXPECT_EQ(again.base_offset, 0);
  EXPECT_EQ(produce({"none"}).base_offset, 2);
  EXPECT_EQ(produce({"none"}).base_offset, 3);
  EXPECT_THAT(stored(),
              ElementsAre("0 value of a", "1 value of b", "2 value of none", "3 value of none"));
}

TEST_F(DedupBrokerTest, TheRestOfABatchKeepsItsOffsets) {
  create_with_window(1h);
  produce({"a"});
  for (const auto codec : {protocol::Compression::none, protocol::Compression::lz4}) {
    const std::string x = codec == protocol::Compression::none ? "x" : "y";
    const Offset base = codec == protocol::Compression::none ? 1 : 5;
    const Row row = produce({x, "a", x, x + "2"}, {}, codec);
    EXPECT_EQ(row.error_code, ErrorCode::none);
    EXPECT_EQ(row.base_offset, base);
  }
  EXPECT_THAT(stored(), ElementsAre("0 value of a", "1 value of x", "4 value of x2", "5 value of y",
                                    "8 value of y2"));
  EXPECT_EQ(end_, 9);
  EXPECT_EQ(produce({"x", "x2"}).base_offset, -1);  // they are not side by side
  EXPECT_EQ(produce({"x2", "y"}).base_offset, 4);
  EXPECT_EQ(stored().size(), 5u);
}

// KIP-98: whatever was left out, the next batch follows, and a batch that is sent again is known.
TEST_F(DedupBrokerTest, AnIdempotentProducerGoesOn) {
  create_with_window(1h);
  produce({"a"});
  EXPECT_EQ(produce({"b", "a"}, {500, 0}).base_offset, 1);
  EXPECT_EQ(produce({"a"}, {500, 2}).base_offset, 0);
  const Row next = produce({"c"}, {500, 3});
  EXPECT_EQ(next.error_code, ErrorCode::none);
  const auto before = stored();
  EXPECT_EQ(before.size(), 3u);
  EXPECT_EQ(produce({"a"}, {500, 2}).base_offset, 0);
  EXPECT_EQ(produce({"c"}, {500, 3}).base_offset, next.base_offset);
  EXPECT_EQ(stored(), before);
  start();
  EXPECT_EQ(produce({"c"}, {500, 3}).base_offset, next.base_offset);
  EXPECT_EQ(produce({"d"}, {500, 4}).error_code, ErrorCode::none);
  EXPECT_EQ(produce({"e"}, {500, 6}).error_code, ErrorCode::out_of_order_sequence_number);
}

TEST_F(DedupBrokerTest, TheWindowSurvivesARestartAndEnds) {
  create_with_window(1500ms);
  produce({"a", "b"});
  produce({"c"}, {}, protocol::Compression::zstd);
  start();
  EXPECT_EQ(produce({"b"}).base_offset, 1);
  EXPECT_EQ(produce({"c"}).base_offset, 2);
  std::this_thread::sleep_for(1600ms);
  EXPECT_EQ(produce({"b"}).base_offset, 3);
  EXPECT_EQ(produce({"b"}).base_offset, 3);
}

TEST_F(DedupBrokerTest, AfterARestartAStampedTopicKnowsWhenTheWindowEnds) {
  ASSERT_EQ(
      create({{"sluice.dedup.window.ms", "1500"}, {"message.timestamp.type", "LogAppendTime"}}),
      ErrorCode::none);
  produce({"a"});
  std::this_thread::sleep_for(800ms);
  start();
  EXPECT_EQ(produce({"a"}).base_offset, 0);
  std::this_thread::sleep_for(800ms);
  EXPECT_EQ(produce({"a"}).base_offset, 1);
}

TEST_F(DedupBrokerTest, TheSettingMayChange) {
  create_with_window(1h);
  produce({"a"});
  const auto set = [&](const std::string& value) {
    protocol::IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = 2;
    resource.resource_name = "orders";
    auto& config = resource.configs.emplace_back();
    config.name = "sluice.dedup.window.ms";
    config.value = value;
    const auto response = client_->call<protocol::IncrementalAlterConfigsResponse>(request, 1);
    return response->responses.front().error_code;
  };
  EXPECT_EQ(set("0"), ErrorCode::none);
  EXPECT_EQ(produce({"a"}).base_offset, 1);
  EXPECT_EQ(set("60000"), ErrorCode::none);
  EXPECT_EQ(produce({"a"}).base_offset, 0);  // what is in the log counts
  EXPECT_EQ(set("-1"), ErrorCode::invalid_config);
  EXPECT_EQ(set("604800001"), ErrorCode::invalid_config);
}

TEST_F(DedupBrokerTest, BeyondItsBoundTheOldestIdsAreForgotten) {
  ids_max_ = 2;
  start();
  create_with_window(1h);
  produce({"a", "b", "c"});
  EXPECT_EQ(produce({"c"}).base_offset, 2);
  EXPECT_EQ(produce({"a"}).base_offset, 3);
}

TEST_F(DedupBrokerTest, IdsThatCannotBeAreRefusedByRecord) {
  create_with_window(1h);
  const Row row = produce({"a", "", std::string(256, 'x')});
  EXPECT_EQ(row.error_code, ErrorCode::invalid_record);
  EXPECT_THAT(faults_, ElementsAre(1, 2));
  EXPECT_TRUE(stored().empty());
  EXPECT_EQ(produce({"a"}).base_offset, 0);  // the batch left nothing behind
}

}  // namespace
}  // namespace sluice::broker
