// Fetch: every connection reads its partition from the first offset to the end, over and over.
#include "sluice/error.hpp"
#include "tools/sluice/bench_fetcher.hpp"
#include "tools/sluice/bench_round.hpp"

#include <algorithm>

namespace sluice::bench {
namespace {

constexpr std::int64_t answer_ns_max = 30'000'000'000;
constexpr std::int32_t max_wait_ms = 500;

class FetchLoop {
 public:
  FetchLoop(const Settings& settings, const Target& target, const CpuMeter& meter)
      : settings_(settings), target_(target), cpu_(meter) {}

  Result<> connect(Poller& poller) {
    for (int i = 0; i < settings_.connections; ++i) {
      auto fd = connect_to(target_.address);
      if (!fd) return std::unexpected(fd.error());
      const auto partition = i % target_.partitions;
      if (first(partition) >= end(partition))
        return fail(Errc::invalid_argument,
                    "partition " + std::to_string(partition) + " of '" + target_.topic +
                        "' has nothing to read; --fill SIZE writes something");
      readers_.push_back({FetchConnection(std::move(*fd), target_.topic, partition,
                                          settings_.fetch_bytes, max_wait_ms),
                          first(partition), 0});
      const auto added = poller.add(readers_.back().connection.fd(), static_cast<unsigned>(i));
      if (!added) return added;
    }
    return {};
  }

  Result<Round> run(Poller& poller) {
    Settings timed = settings_;
    if (bounded()) timed.warmup_seconds = 0;
    const Window window(now_ns(), timed);
    now_ = now_ns();
    cpu_.at(now_, window);
    for (auto& reader : readers_)
      if (const auto sent = ask(reader, window); !sent) return std::unexpected(sent.error());
    while (std::ranges::any_of(readers_, [](const auto& r) { return r.connection.waiting(); })) {
      const auto ready = poller.wait(answer_ns_max);
      if (const auto wanted = not_interrupted(); !wanted) return std::unexpected(wanted.error());
      if (ready.empty()) return fail(Errc::timed_out, "a fetch has no answer for 30 s");
      for (const auto& event : ready) {
        const auto gone_on = serve(readers_[event.data.u32], window);
        if (!gone_on) return std::unexpected(gone_on.error());
      }
    }
    cpu_.finish();
    round_.cpu_seconds = cpu_.seconds();
    const auto end = bounded() ? now_ : window.end();
    round_.seconds = std::max(1e-9, static_cast<double>(end - window.begin()) / 1e9);
    return std::move(round_);
  }

 private:
  struct Reader {
    FetchConnection connection;
    std::int64_t offset;
    int passes;
  };

  std::int64_t first(std::int32_t partition) const {
    return settings_.from.value_or(target_.first_offsets[static_cast<std::size_t>(partition)]);
  }
  std::int64_t end(std::int32_t partition) const {
    return target_.end_offsets[static_cast<std::size_t>(partition)];
  }
  // By an amount to read, not by time.
  bool bounded() const { return settings_.passes > 0 || settings_.total_bytes > 0; }

  bool enough(const Reader& reader, const Window& window) const {
    if (settings_.total_bytes > 0 && round_.bytes >= settings_.total_bytes) return true;
    if (settings_.passes > 0) return reader.passes >= settings_.passes;
    return !bounded() && now_ >= window.end();
  }

  Result<> ask(Reader& reader, const Window& window) {
    if (enough(reader, window)) return {};
    return reader.connection.send(reader.offset, now_);
  }

  Result<> serve(Reader& reader, const Window& window) {
    if (const auto sent = reader.connection.go_on(); !sent) return sent;
    const auto reply = reader.connection.read();
    if (!reply) return std::unexpected(reply.error());
    if (!*reply) return {};
    now_ = now_ns();
    cpu_.at(now_, window);
    const auto fetched = walk_records((*reply)->records, reader.offset,
                                      settings_.check ? Checksums::checked : Checksums::trusted);
    if (!fetched) return std::unexpected(fetched.error());
    if (fetched->bytes == 0)
      return fail(Errc::malformed_response,
                  "a fetch at offset " + std::to_string(reader.offset) + " brought no batch");
    if (bounded() || window.holds(now_)) {
      ++round_.requests;
      round_.records += fetched->records;
      round_.bytes += fetched->bytes;
      round_.latency.record(now_ - reader.connection.sent_at());
    }
    reader.offset = fetched->next_offset;
    if (const auto partition = reader.connection.partition(); reader.offset >= end(partition)) {
      reader.offset = first(partition);
      ++reader.passes;
      ++round_.passes;
    }
    return ask(reader, window);
  }

  const Settings& settings_;
  const Target& target_;
  CpuWindow cpu_;
  std::vector<Reader> readers_;
  std::int64_t now_ = 0;
  Round round_;
};

}  // namespace

Result<Round> run_fetch(const Settings& settings, const Target& target, const CpuMeter& meter) {
  auto poller = Poller::create();
  if (!poller) return std::unexpected(poller.error());
  FetchLoop loop(settings, target, meter);
  if (const auto connected = loop.connect(*poller); !connected)
    return std::unexpected(connected.error());
  return loop.run(*poller);
}

}  // namespace sluice::bench
