// sluice_client_bench: this client beside librdkafka's C API, on the same broker with the same
// settings (linger 5 ms, batches of 64 KiB, acks=all, idempotent; checksums on, unless options say
// otherwise). One run a process:
//
//   sluice_client_bench produce sluice  --brokers HOST:PORT --topic t --records 5000000 --bytes 100
//   sluice_client_bench produce rdkafka …   --rate 10000     # paced: delays instead of throughput
//   sluice_client_bench consume sluice …
//   sluice_client_bench handle sluice …    # queue consumer, paced: from due to the handler
#include "bench/client/measure.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <string>

namespace sluice::bench {
namespace {

void print(const std::string& what, const std::string& side, const Work& work, Figures figures) {
  const double records = static_cast<double>(figures.records);
  std::printf(
      "%s %s bytes=%zu records=%llu seconds=%.3f records/s=%.0f MB/s=%.1f cpu-s/M=%.3f "
      "new/record=%.5f p50us=%u p99us=%u maxus=%u\n",
      what.c_str(), side.c_str(), work.record_bytes,
      static_cast<unsigned long long>(figures.records), figures.seconds, records / figures.seconds,
      records * static_cast<double>(work.record_bytes) / figures.seconds / 1e6,
      figures.cpu_seconds / records * 1e6, static_cast<double>(figures.allocations) / records * 2,
      figures.delay_at(0.5), figures.delay_at(0.99), figures.delay_at(1));
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  using namespace sluice::bench;
  CLI::App app{"This client beside librdkafka's"};
  std::string what;
  std::string side;
  Work work{
      .brokers = "127.0.0.1:9092", .topic = "bench", .records = 1'000'000, .record_bytes = 100};
  app.add_option("what", what)->required()->check(CLI::IsMember({"produce", "consume", "handle"}));
  app.add_option("side", side)->required()->check(CLI::IsMember({"sluice", "rdkafka"}));
  app.add_option("--brokers", work.brokers);
  app.add_option("--topic", work.topic);
  app.add_option("--records", work.records);
  app.add_option("--bytes", work.record_bytes);
  app.add_option("--batch-bytes", work.batch_bytes);
  app.add_flag("!--no-idempotence", work.idempotent);
  app.add_option("--rate", work.rate, "Records a second; 0: as fast as it goes");
  CLI11_PARSE(app, argc, argv);
  const bool ours = side == "sluice";
  if (what == "handle" && (!ours || work.rate == 0)) {
    std::fprintf(stderr, "handle: sluice only, with --rate\n");
    return 2;
  }
  if (what == "handle")
    print(what, side, work, handle_sluice(work));
  else if (what == "produce")
    print(what, side, work, ours ? produce_sluice(work) : produce_rdkafka(work));
  else
    print(what, side, work, ours ? consume_sluice(work) : consume_rdkafka(work));
  return 0;
}
