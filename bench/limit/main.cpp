// sluice_limit: what this machine gives to a log broker that does nothing else.
#include "bench/limit/limit.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <unistd.h>

namespace {

constexpr const char* footer =
    "Modes:\n"
    "  produce  over loopback: read, CRC32C, direct durable write, answer in order\n"
    "  fetch    over loopback: sendfile from the page cache\n"
    "  append   CRC32C and direct durable writes over blocks written before\n"
    "  read     direct reads\n"
    "  blocks:WAY  durable writes by how the blocks came to be: over (written before),\n"
    "           falloc (allocated, unwritten), append (the file grows), fgroup and agroup (the\n"
    "           same two, one fdatasync for all that was written), step (zeros just ahead)";

void print(const sluice::limit::Run& run, const sluice::limit::Found& found) {
  const auto us = [&](double share) {
    return static_cast<double>(found.latency.percentile(share)) / 1e3;
  };
  const auto requests = static_cast<double>(found.requests);
  std::printf(
      "{\"mode\":\"%s\",\"bytes\":%zu,\"in_flight\":%d,\"seconds\":%.3f,\"mb_per_s\":%.1f,"
      "\"requests_per_s\":%.1f,\"latency_us\":{\"p50\":%.1f,\"p99\":%.1f}}\n",
      run.mode.c_str(), run.bytes, run.in_flight, found.seconds,
      requests * static_cast<double>(run.bytes) / 1e6 / found.seconds, requests / found.seconds,
      us(0.5), us(0.99));
}

bool is_block_way(std::string_view way) {
  constexpr std::string_view ways[] = {"over", "falloc", "append", "fgroup", "agroup", "step"};
  return std::ranges::find(ways, way) != std::end(ways);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace sluice::limit;
  Run run;
  CLI::App app("sluice_limit: the least I/O that any log broker must do, timed; prints JSON");
  app.footer(footer);
  app.add_option("MODE", run.mode, "What to time")->required();
  app.add_option("DIRECTORY", run.directory, "A directory on the disk to measure")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--bytes", run.bytes, "Of a request, a multiple of 4096")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  app.add_option("--in-flight", run.in_flight, "Requests at a time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--seconds", run.seconds, "How long")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--keep", run.keep, "Leave the 1 GiB file for the next run");
  CLI11_PARSE(app, argc, argv);
  if (run.bytes == 0 || run.bytes % 4096 != 0 || run.bytes > file_bytes)
    return app.exit(CLI::ValidationError("--bytes", "a multiple of 4096, 1 GiB at most"));
  Found found;
  if (run.mode == "produce" || run.mode == "fetch") {
    found = over_loopback(run);
  } else if (run.mode == "append" || run.mode == "read") {
    found = on_disk(run);
  } else if (run.mode.starts_with("blocks:") && is_block_way(run.mode.substr(7))) {
    found = by_blocks(run);
  } else {
    return app.exit(CLI::ValidationError("MODE", "'" + run.mode + "' is none"));
  }
  print(run, found);
  if (!run.keep) ::unlink(path_of(run).c_str());
  return 0;
}
