// A whole broker over real sockets and a real directory, for tests of queues: topics with configs,
// records with headers, what can be read back. The wall clock can be set.
#pragma once

#include "broker/broker.hpp"
#include "protocol/batch_builder.hpp"
#include "protocol/messages/all.hpp"
#include "protocol/record.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/wire_client.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice::broker {

// The machine's clocks, the wall clock moved by a step.
class SteppedClock final : public Clock {
 public:
  TimePoint now() const override { return system_.now(); }
  std::int64_t wall_ms() const override { return system_.wall_ms() + step_ms_; }
  void step(std::int64_t ms) { step_ms_ += ms; }

 private:
  SystemClock system_;
  std::atomic<std::int64_t> step_ms_{0};
};

using TextHeaders = std::vector<std::pair<std::string, std::string>>;

struct SentRecord {
  std::string value;
  TextHeaders headers;
  std::optional<std::string> key{};
};

struct ReadRecord {
  Offset offset = 0;
  std::int64_t timestamp_ms = 0;
  std::optional<std::string> key;
  std::string value;
  TextHeaders headers;
  std::int64_t seen_ms = 0;  // wall clock, when it was read

  // The last of that name; empty when there is none.
  std::string header(std::string_view name) const {
    std::string found;
    for (const auto& [each, text] : headers)
      if (each == name) found = text;
    return found;
  }
};

struct Produced {
  protocol::ErrorCode error = protocol::ErrorCode::none;
  Offset base_offset = -1;
  std::vector<std::string> faults;
};

class QueueTest : public testing::Test {
 protected:
  using ErrorCode = protocol::ErrorCode;
  using Configs = std::map<std::string, std::string>;

  QueueTest() { start(); }

  void start(int shards = 2) {
    client_.reset();
    broker_.reset();
    Options options;
    options.log_dir = directory_.string();
    options.listeners = {"PLAINTEXT://127.0.0.1:0"};
    options.shards = shards;
    if (const char* backend = std::getenv("SLUICE_IO_BACKEND")) options.io_backend = backend;
    auto broker = Broker::start(options, clock_, logger_);
    ASSERT_TRUE(broker) << broker.error().message();
    broker_ = std::move(*broker);
    client_ = std::make_unique<WireClient>(broker_->addresses().front().port);
  }

  ErrorCode create_topic(const std::string& name, const Configs& configs, int partitions = 1) {
    protocol::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = 1;
    for (const auto& [key, value] : configs) topic.configs.push_back({key, value});
    const auto response = client_->call<protocol::CreateTopicsResponse>(request, 7);
    return response->topics.front().error_code;
  }
  ErrorCode configure(std::int8_t type, const std::string& name, const std::string& key,
                      const std::string& value) {
    protocol::IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = type;
    resource.resource_name = name;
    auto& config = resource.configs.emplace_back();
    config.name = key;
    config.config_operation = 0;
    config.value = value;
    const auto response = client_->call<protocol::IncrementalAlterConfigsResponse>(request, 1);
    return response->responses.front().error_code;
  }
  ErrorCode delete_topic(const std::string& name) {
    protocol::DeleteTopicsRequest request;
    request.topics.emplace_back().name = name;
    const auto response = client_->call<protocol::DeleteTopicsResponse>(request, 6);
    return response->responses.front().error_code;
  }

  // One batch.
  std::vector<std::byte> batch_of(const std::vector<SentRecord>& records,
                                  protocol::BatchOptions options = {}) {
    protocol::BatchBuilder builder{options};
    for (const SentRecord& sent : records) {
      std::vector<protocol::RecordHeader> headers;
      for (const auto& [key, text] : sent.headers) headers.push_back({key, as_bytes(text)});
      protocol::NewRecord record;
      record.timestamp = clock_.wall_ms();
      if (sent.key) record.key = as_bytes(*sent.key);
      record.value = as_bytes(sent.value);
      record.headers = headers;
      builder.append(record);
    }
    protocol::Compressor compressor;
    return builder.finish(compressor);
  }
  Produced produce_batch(const std::string& topic, const std::vector<std::byte>& batch,
                         PartitionIndex partition = 0) {
    protocol::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 10'000;
    request.topic_data.push_back({topic, {}, {{partition, protocol::Records{batch}}}});
    const auto response = client_->call<protocol::ProduceResponse>(request, 9);
    const auto& row = response->responses.front().partition_responses.front();
    Produced produced{row.error_code, row.base_offset, {}};
    for (const auto& fault : row.record_errors)
      produced.faults.push_back(std::to_string(fault.batch_index) + " " +
                                std::string(fault.batch_index_error_message.value_or("")));
    return produced;
  }
  Produced produce(const std::string& topic, const std::vector<SentRecord>& records,
                   protocol::BatchOptions options = {}) {
    return produce_batch(topic, batch_of(records, options));
  }

  // The bytes of one answer of partition 0, of about `bytes_max`.
  std::vector<std::byte> fetch(const std::string& topic, Offset from, std::int32_t bytes_max,
                               std::int16_t version = 11) {
    protocol::FetchRequest request;
    request.max_bytes = 1 << 20;
    auto& wanted = request.topics.emplace_back();
    wanted.topic = topic;
    auto& part = wanted.partitions.emplace_back();
    part.fetch_offset = from;
    part.partition_max_bytes = bytes_max;
    const auto response = client_->call<protocol::FetchResponse>(request, version);
    const auto& row = response->responses.front().partitions.front();
    EXPECT_EQ(row.error_code, ErrorCode::none);
    if (!row.records) return {};
    return {row.records->bytes.begin(), row.records->bytes.end()};
  }
  // Everything from `from` on, once there are `count` records or `patience` is over.
  std::vector<ReadRecord> read(const std::string& topic, std::size_t count, Offset from = 0,
                               PartitionIndex partition = 0,
                               std::chrono::milliseconds patience = std::chrono::seconds(10)) {
    std::vector<ReadRecord> all;
    const TimePoint until = clock_.now() + patience;
    for (Offset next = from; all.size() < count && clock_.now() < until;) {
      protocol::FetchRequest request;
      request.max_wait_ms = 100;
      request.min_bytes = 1;
      request.max_bytes = 1 << 20;
      auto& wanted = request.topics.emplace_back();
      wanted.topic = topic;
      auto& part = wanted.partitions.emplace_back();
      part.partition = partition;
      part.fetch_offset = next;
      part.partition_max_bytes = 1 << 20;
      const auto response = client_->call<protocol::FetchResponse>(request, 11);
      for (const auto& rows : response->responses)
        for (const auto& row : rows.partitions)
          if (row.records) take(row.records->bytes, next, all);
    }
    return all;
  }
  Offset log_start(const std::string& topic, PartitionIndex partition = 0) {
    protocol::ListOffsetsRequest request;
    auto& wanted = request.topics.emplace_back();
    wanted.name = topic;
    auto& part = wanted.partitions.emplace_back();
    part.partition_index = partition;
    part.timestamp = -2;
    const auto response = client_->call<protocol::ListOffsetsResponse>(request, 4);
    return response->topics.front().partitions.front().offset;
  }
  std::vector<ReadRecord> read_within(const std::string& topic, std::chrono::milliseconds time) {
    return read(topic, 1'000'000, 0, 0, time);
  }
  static std::vector<std::string> values_of(const std::vector<ReadRecord>& records) {
    std::vector<std::string> values;
    for (const ReadRecord& record : records) values.push_back(record.value);
    return values;
  }
  std::int64_t now_ms() const { return clock_.wall_ms(); }

  TemporaryDirectory directory_;
  SteppedClock clock_;
  NullLogger logger_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<WireClient> client_;

 private:
  static std::string text_of(std::optional<Bytes> bytes) {
    return bytes ? std::string(as_text(*bytes)) : std::string();
  }
  void take(Bytes bytes, Offset& next, std::vector<ReadRecord>& all) {
    protocol::BatchIterator batches{bytes};
    protocol::Decompressor decompressor;
    while (const auto batch = batches.next()) {
      std::vector<std::byte> plain;
      EXPECT_TRUE(
          decompressor.decompress(batch->header.compression(), batch->records(), 1 << 20, plain));
      protocol::RecordIterator records{plain, batch->header.record_count};
      while (const auto record = records.next()) {
        const Offset offset = protocol::offset_of(*record, batch->header);
        if (offset < next) continue;
        ReadRecord read{offset, protocol::timestamp_of(*record, batch->header),
                        {},     text_of(record->value),
                        {},     now_ms()};
        if (record->key) read.key = text_of(record->key);
        for (const auto& header : record->headers)
          read.headers.emplace_back(std::string(header.key), text_of(header.value));
        all.push_back(std::move(read));
      }
      next = std::max(next, batch->header.next_offset());
    }
  }
};

}  // namespace sluice::broker
