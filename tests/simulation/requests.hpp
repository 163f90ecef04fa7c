// Requests that several kinds of clients send.
#pragma once

#include "protocol/messages/fetch.hpp"
#include "protocol/messages/produce.hpp"
#include "tests/simulation/ledger.hpp"

#include <cstdint>

namespace sluice::simulation {

// They ask for one partition, and borrow: `place` and `batch` outlive the request.

// Waits `wait_ms` for a first byte, and takes `max_bytes` at most.
inline protocol::FetchRequest fetch_request(const Place& place, Offset from, std::int32_t wait_ms,
                                            std::int32_t max_bytes) {
  protocol::FetchRequest request;
  request.max_wait_ms = wait_ms;
  request.min_bytes = 1;
  auto& topic = request.topics.emplace_back();
  topic.topic = place.topic;
  auto& partition = topic.partitions.emplace_back();
  partition.partition = place.partition;
  partition.fetch_offset = from;
  partition.partition_max_bytes = max_bytes;
  return request;
}

// With acks=all.
inline protocol::ProduceRequest produce_request(const Place& place, Bytes batch) {
  protocol::ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 5'000;
  request.topic_data.push_back({place.topic, {}, {{place.partition, protocol::Records{batch}}}});
  return request;
}

}  // namespace sluice::simulation
