// Every write, sync and reservation of a log under a stream fails once, in turn: several writes in
// flight, zeros ahead, files used again. Whoever waited for that group commit is told, nothing is
// written to the log again, the other log of the store goes on, and what was acknowledged stays.
#include "tests/support/log_bench.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <vector>

namespace sluice::storage {
namespace {

using testing::code_of;
using testing::LogBench;
using testing::make_batch;

constexpr const char* segments_of_orders = "orders-0/00";

LogOptions recycling() {
  LogOptions options;
  options.segment_bytes = 300'000;
  options.retention_bytes = 300'000;
  options.unwritten_bytes_max = 1 << 20;
  return options;
}

// One batch on its way, and how it ended.
struct Sent {
  Offset end = 0;
  bool answered = false;
  bool durable = false;
};

Task<> await_durable(Log& log, std::shared_ptr<Sent> sent) {
  const auto done = co_await log.wait_durable(sent->end);
  sent->answered = true;
  sent->durable = done.has_value();
}

class Stream {
 public:
  explicit Stream(std::uint64_t seed) : bench_(seed, recycling()) {
    bench_.open();
    PartitionName name;
    name.topic = "others";
    name.topic_id.octets[0] = std::byte{9};
    other_ = must(bench_.sim().run(bench_.store().open_log(name, recycling())));
  }
  ~Stream() {
    if (other_ != nullptr) (void)bench_.sim().run(other_->close());
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  LogBench& bench() { return bench_; }
  Log& log() { return bench_.log(); }

  // Large batches several in flight, then small ones with zeros ahead; again and again, until files
  // are used again. Ends early when the log is fenced.
  void run() {
    for (int round = 0; round < 5 && !log().fenced(); ++round) {
      for (int i = 0; i < 4; ++i) send(90'000);
      settle();
      for (int i = 0; i < 4; ++i) send(2'000);
      settle();
    }
  }
  void send(std::size_t size) {
    const auto info = bench_.append(make_batch("b" + std::to_string(sent_.size()), 1, size));
    if (!info) return;
    auto sent = std::make_shared<Sent>(Sent{.end = info->durable_end()});
    sent_.push_back(sent);
    bench_.sim().spawn(await_durable(log(), sent));
    bench_.sim().run_for(std::chrono::microseconds(30));
  }
  void settle() { bench_.sim().run_until_idle(); }

  // Each was answered, in order, and none beyond the durable end with success.
  void check_answers() {
    settle();
    for (const auto& sent : sent_) {
      ASSERT_TRUE(sent->answered) << sent->end;
      ASSERT_EQ(sent->durable, sent->end <= log().high_watermark()) << sent->end;
      if (sent->durable) acknowledged_ = sent->end;
    }
  }
  // Nothing more goes to the files of a fenced log.
  void check_silence() {
    const std::uint64_t before = touched_;
    bench_.disk().observe([this](SimOps op, const std::string& path) {
      const bool changes = (op & (sim_write | sim_sync | sim_truncate | sim_allocate)) != 0;
      touched_ += changes && path.starts_with(segments_of_orders);
    });
    EXPECT_EQ(code_of(bench_.append(make_batch("no", 1, 2'000))), Errc::fenced);
    EXPECT_EQ(code_of(bench_.append(make_batch("no", 1, 90'000))), Errc::fenced);
    const bool all_durable = log().high_watermark() == log().log_end_offset();
    EXPECT_EQ(bench_.sim().run(log().wait_durable(log().log_end_offset())).has_value(),
              all_durable);
    bench_.sim().run_for(std::chrono::seconds(1));
    settle();
    EXPECT_EQ(touched_, before);
    bench_.disk().observe({});
  }
  void check_other() {
    const auto batch = make_batch("other", 1, 3'000);
    const auto header = protocol::parse_batch_header(batch);
    const Offset at = other_->log_end_offset();
    const auto info = must(bench_.sim().run(other_->append_when_room(batch, *header)));
    EXPECT_EQ(info.base_offset, at);
    must(bench_.sim().run(other_->wait_durable(at + 1)));
    EXPECT_FALSE(other_->fenced());
  }
  // Acknowledged records are there, in order, and the next one follows them.
  void check_content() {
    EXPECT_GE(log().high_watermark(), acknowledged_);
    Offset expected = log().log_start_offset();
    for (const auto& record : bench_.must_read_all()) ASSERT_EQ(record.offset, expected++);
    EXPECT_EQ(expected, log().high_watermark());
    const auto next = must(bench_.append_durable(make_batch("on", 1, 2'000)));
    EXPECT_EQ(next.base_offset, expected);
    EXPECT_EQ(bench_.disk().counters().overlapping_writes, 0u);
    EXPECT_EQ(bench_.disk().counters().changed_in_flight, 0u);
  }
  void reopen() {
    (void)bench_.sim().run(other_->close());
    other_.reset();
    bench_.crash();
    bench_.open();
  }

 private:
  LogBench bench_;
  std::unique_ptr<Log> other_;
  std::vector<std::shared_ptr<Sent>> sent_;
  Offset acknowledged_ = 0;
  std::uint64_t touched_ = 0;
};

constexpr std::uint16_t changing = sim_write | sim_sync | sim_truncate | sim_allocate;

struct Count {
  int runs = 0;
  int fenced = 0;
};

// Runs a stream whose n-th operation fails, for every n; `check` looks at what became of it.
template <class Inject, class Check>
Count for_every_operation(Inject inject, Check check) {
  Count count;
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Stream stream(n);
    inject(stream.bench().disk(), n);
    stream.run();
    if (stream.bench().disk().counters().faults == 0) return count;
    ++count.runs;
    stream.bench().disk().clear_faults();
    stream.check_answers();
    if (::testing::Test::HasFailure()) return count;
    if (stream.log().fenced()) {
      ++count.fenced;
      stream.check_silence();
    }
    stream.check_other();
    check(stream);
    if (::testing::Test::HasFailure()) return count;
  }
}

TEST(StreamFaults, AFailedOperationFencesTheLogUntilItIsOpenedAgain) {
  const auto count = for_every_operation(
      [](SimDisk& disk, std::uint64_t n) { disk.fail_nth(changing, n, EIO, segments_of_orders); },
      [](Stream& stream) {
        const bool fenced = stream.log().fenced();
        must(stream.bench().sim().run(stream.log().maintain()));
        ASSERT_EQ(stream.log().fenced(), fenced);
        stream.reopen();
        stream.check_content();
      });
  EXPECT_GT(count.runs, 50);
  EXPECT_EQ(count.fenced, count.runs);
}

TEST(StreamFaults, AFullDiskHealsInANewSegmentWithAHigherEpoch) {
  int healed = 0;
  const auto count = for_every_operation(
      [](SimDisk& disk, std::uint64_t n) {
        disk.fail_nth(changing, n, ENOSPC, segments_of_orders);
      },
      [&](Stream& stream) {
        if (stream.log().fenced()) {
          const LeaderEpoch before = stream.log().leader_epoch();
          must(stream.bench().sim().run(stream.log().maintain()));
          ASSERT_FALSE(stream.log().fenced());
          ASSERT_GT(stream.log().leader_epoch(), before);
          ++healed;
        }
        stream.check_content();
        stream.reopen();
        stream.check_content();
      });
  EXPECT_GT(count.runs, 50);
  EXPECT_GT(healed, 20);
}

TEST(StreamFaults, TheRestOfAShortWriteFollows) {
  for (const std::uint64_t bytes : {4096u, 5000u, 40'960u}) {
    const auto count = for_every_operation(
        [bytes](SimDisk& disk, std::uint64_t n) {
          disk.shorten_nth_write(n, bytes, segments_of_orders);
        },
        [](Stream& stream) {
          ASSERT_FALSE(stream.log().fenced());
          stream.reopen();
          stream.check_content();
        });
    EXPECT_GT(count.runs, 30) << bytes;
  }
}

TEST(StreamFaults, AWriteThatTakesNothingIsAnError) {
  for (const std::uint64_t bytes : {0u, 4095u}) {
    const auto count = for_every_operation(
        [bytes](SimDisk& disk, std::uint64_t n) {
          disk.inject(
              {.ops = sim_write, .nth = n, .error = 0, .bytes = bytes, .path = segments_of_orders});
        },
        [](Stream& stream) {
          stream.reopen();
          stream.check_content();
        });
    EXPECT_GT(count.runs, 30) << bytes;
    EXPECT_GT(count.fenced, 20) << bytes;
  }
}

}  // namespace
}  // namespace sluice::storage
