// What `sluice log stat` prints of what it found.
#include "tools/sluice/log_stat.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using protocol::Compression;

constexpr std::int64_t hour = 394'464;  // 2015-01-01T00:00Z

LogStatReport report() {
  LogStatReport report;
  report.directories.push_back({.root = "data"});
  auto& s = report.statistics;
  s.partitions = 2;
  s.segments = 3;
  s.batches = {.batches = 20, .records = 1200, .stored_bytes = 1'000'000, .plain_bytes = 4'000'000};
  s.records = {.records = 1100, .bytes = 3'900'000};
  s.tombstones = {.records = 100, .bytes = 1000};
  s.codecs[Compression::zstd] = s.batches;
  s.hours[hour] = {.records = 1200, .bytes = 3'901'000};
  s.topics.push_back({.topic = "orders",
                      .partitions = 2,
                      .batches = s.batches,
                      .keyed_bytes = 900'000,
                      .compaction = {.keys_exact = true,
                                     .exact = false,
                                     .keys = 300,
                                     .superseded_records = 900,
                                     .superseded_bytes = 250'000}});
  s.top_keys.push_back(
      {.topic = 0, .key = "\xff", .key_size = 1, .bytes = 39'010, .overcount = 10, .records = 12});
  s.keys_exact = false;
  s.biggest.push_back({.topic = 0,
                       .partition = 1,
                       .offset = 7,
                       .timestamp = hour * 3'600'000,
                       .bytes = 31'400,
                       .key_bytes = -1,
                       .value_bytes = 31'000,
                       .headers = 2});
  report.trial = inspect::CodecTrial{.batches = 5,
                                     .plain_bytes = 1'000'000,
                                     .results = {{.codec = Compression::lz4,
                                                  .compressed_bytes = 500'000,
                                                  .compress_ns = 1'000'000,
                                                  .decompress_ns = 500'000}}};
  return report;
}

TEST(LogStat, ShowsWhatTakesTheSpace) {
  EXPECT_EQ(stat_tables(report(), Style::plain),
            "partitions  2\n"
            "segments    3\n"
            "batches     20\n"
            "records     1,200\n"
            "stored      1.00 MB\n"
            "plain       4.00 MB before compression\n"
            "\n"
            "TOPIC   PARTITIONS  BATCHES  RECORDS   STORED  RATIO  KEYS  COMPACTION FREES\n"
            "orders           2       20    1,200  1.00 MB  4.00x   300  ~250 kB (25.0 %)\n"
            "\n"
            "TYPE       RECORDS    BYTES\n"
            "record       1,100  3.90 MB\n"
            "tombstone      100  1.00 kB\n"
            "\n"
            "STORED WITH  BATCHES  RECORDS   STORED    PLAIN  RATIO\n"
            "zstd              20    1,200  1.00 MB  4.00 MB  4.00x\n"
            "\n"
            "TRIED WITH  RATIO   COMPRESS  DECOMPRESS\n"
            "lz4         2.00x  1.00 GB/s   2.00 GB/s\n"
            "\n"
            "HOUR               RECORDS    BYTES\n"
            "2015-01-01T00:00Z    1,200  3.90 MB\n"
            "\n"
            "KEY          TOPIC   RECORDS    BYTES  AT MOST  SHARE\n"
            "base64:/w==  orders       12  39.0 kB  39.0 kB  1.0 %\n"
            "\n"
            "BIGGEST   OFFSET    BYTES   KEY    VALUE  HEADERS  TIME\n"
            "orders-1       7  31.4 kB  null  31.0 kB        2  2015-01-01T00:00:00.000Z\n");
}

TEST(LogStat, ManyHoursAreTheNewestAndOneRowForTheRest) {
  LogStatReport report;
  for (std::int64_t i = 0; i < 30; ++i) report.statistics.hours[hour + i] = {2, 100};
  const std::string text = stat_tables(report, Style::plain);
  EXPECT_NE(text.find("earlier                 12  600 B\n2015-01-01T06:00Z"), std::string::npos)
      << text;
  EXPECT_EQ(text.find("2015-01-01T05:00Z"), std::string::npos);
}

TEST(LogStat, NothingIsJsonWithEmptyArrays) {
  const std::string json = stat_json({});
  for (const char* name : {"directories", "topics", "codecs", "hours", "biggest", "top"})
    EXPECT_NE(json.find("\"" + std::string(name) + "\":[]"), std::string::npos) << name;
}

}  // namespace
}  // namespace sluice::cli
