// Encoding and decoding the messages of the data path, by partitions in the request.
#include "protocol/codec.hpp"
#include "protocol/frame.hpp"
#include "protocol/messages/fetch.hpp"
#include "protocol/messages/produce.hpp"

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

namespace sluice::protocol {
namespace {

constexpr std::size_t batch_bytes = 16 * 1024;

// One topic with as many partitions as the benchmark's parameter says.
FetchRequest a_fetch_request(std::size_t partitions) {
  FetchRequest request;
  request.max_wait_ms = 500;
  request.min_bytes = 1;
  request.topics.resize(1);
  request.topics[0].topic = "events";
  request.topics[0].partitions.resize(partitions);
  for (std::size_t i = 0; i < partitions; ++i) {
    FetchRequest::Partition& partition = request.topics[0].partitions[i];
    partition.partition = static_cast<PartitionIndex>(i);
    partition.fetch_offset = static_cast<Offset>(1000 * i);
    partition.partition_max_bytes = 1 << 20;
  }
  return request;
}

ProduceRequest a_produce_request(std::size_t partitions, Bytes batch) {
  ProduceRequest request;
  request.acks = -1;
  request.topic_data.resize(1);
  request.topic_data[0].name = "events";
  request.topic_data[0].partition_data.resize(partitions);
  for (std::size_t i = 0; i < partitions; ++i) {
    request.topic_data[0].partition_data[i].index = static_cast<PartitionIndex>(i);
    request.topic_data[0].partition_data[i].records = batch;
  }
  return request;
}

FetchResponse a_fetch_response(std::size_t partitions, const std::shared_ptr<std::string>& batch) {
  FetchResponse response;
  response.responses.resize(1);
  response.responses[0].topic = "events";
  response.responses[0].partitions.resize(partitions);
  for (FetchResponse::Partition& partition : response.responses[0].partitions)
    partition.records = Records{{{as_bytes(*batch), batch}}};
  return response;
}

ProduceResponse a_produce_response(std::size_t partitions) {
  ProduceResponse response;
  response.responses.resize(1);
  response.responses[0].name = "events";
  response.responses[0].partition_responses.resize(partitions);
  return response;
}

template <Message M>
void decode_loop(benchmark::State& state, const M& message, Version version) {
  std::vector<std::byte> frame;
  if (encode(message, version, frame) != WireError::none) return state.SkipWithError("encode");
  for (auto _ : state) {
    M read;
    benchmark::DoNotOptimize(decode(frame, version, read));
    benchmark::DoNotOptimize(&read);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(frame.size()));
}

template <Message M>
void encode_loop(benchmark::State& state, const M& message, Version version) {
  std::vector<std::byte> frame;
  for (auto _ : state) {
    frame.clear();
    benchmark::DoNotOptimize(encode(message, version, frame));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(frame.size()));
}

std::size_t partitions_of(const benchmark::State& state) {
  return static_cast<std::size_t>(state.range(0));
}

void BM_FetchRequest_Decode(benchmark::State& state) {
  decode_loop(state, a_fetch_request(partitions_of(state)), 12);
}
void BM_FetchRequest_Encode(benchmark::State& state) {
  encode_loop(state, a_fetch_request(partitions_of(state)), 12);
}
void BM_ProduceRequest_Decode(benchmark::State& state) {
  const std::string batch(batch_bytes, 'x');
  decode_loop(state, a_produce_request(partitions_of(state), as_bytes(batch)), 9);
}
void BM_ProduceRequest_Encode(benchmark::State& state) {
  const std::string batch(batch_bytes, 'x');
  encode_loop(state, a_produce_request(partitions_of(state), as_bytes(batch)), 9);
}
void BM_ProduceResponse_Encode(benchmark::State& state) {
  encode_loop(state, a_produce_response(partitions_of(state)), 9);
}
void BM_FetchResponse_EncodeCopied(benchmark::State& state) {
  const auto batch = std::make_shared<std::string>(batch_bytes, 'x');
  encode_loop(state, a_fetch_response(partitions_of(state), batch), 12);
}
void BM_FetchResponse_EncodeSpliced(benchmark::State& state) {
  const auto batch = std::make_shared<std::string>(batch_bytes, 'x');
  const FetchResponse response = a_fetch_response(partitions_of(state), batch);
  GatherBuffer out;
  for (auto _ : state) {
    out.clear();
    benchmark::DoNotOptimize(encode_response(response, 12, 1, out));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
}

BENCHMARK(BM_FetchRequest_Decode)->ArgName("partitions")->Arg(1)->Arg(100);
BENCHMARK(BM_FetchRequest_Encode)->ArgName("partitions")->Arg(1)->Arg(100);
BENCHMARK(BM_ProduceRequest_Decode)->ArgName("partitions")->Arg(1)->Arg(100);
BENCHMARK(BM_ProduceRequest_Encode)->ArgName("partitions")->Arg(1)->Arg(100);
BENCHMARK(BM_ProduceResponse_Encode)->ArgName("partitions")->Arg(1)->Arg(100);
BENCHMARK(BM_FetchResponse_EncodeCopied)->ArgName("partitions")->Arg(1)->Arg(100);
BENCHMARK(BM_FetchResponse_EncodeSpliced)->ArgName("partitions")->Arg(1)->Arg(100);

}  // namespace
}  // namespace sluice::protocol
